//! Random transactions against plain vectors, which is all that the books are to mean.

use super::*;

/// A source of numbers: splitmix64, the same ones for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }

    fn small(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(end.into())).unwrap()
    }
}

/// Everything the books say.
#[derive(Clone, PartialEq, Eq)]
pub struct Model {
    owners: Vec<Owner>,
    partitions: Vec<PartitionRow>,
    channels: Vec<ChannelRow>,
    processors: Vec<ProcessorRow>,
    devices: Vec<(DeviceRow, Owner)>,
}

impl Model {
    /// What the books say, and that all they say fits together.
    pub fn of(books: &Books<'_>) -> Self {
        let mut owners = Vec::new();
        while let Some((owner, count)) = books.run(Frame::new(owners.len() as u64)) {
            assert!(count > 0);
            owners.extend((0..count).map(|_| owner));
        }
        let partition = |id| books.partition(PartitionId::new(id)).copied().unwrap_or_default();
        let channel = |id| books.channel(ChannelId::new(id)).copied().unwrap_or_default();
        let model = Self {
            owners,
            partitions: (0..CAPACITY.partitions).map(partition).collect(),
            channels: (0..CAPACITY.channels).map(channel).collect(),
            processors: books.processors().map(|(_, row)| *row).collect(),
            devices: books.devices().map(|(_, row)| (*row, books.device_owner(row))).collect(),
        };
        model.fits(books);
        model
    }

    /// What is told in more than one way is told alike.
    fn fits(&self, books: &Books<'_>) {
        let count = |of| self.owners.iter().filter(|&&owner| owner == of).count() as u64;
        for owner in [Owner::Available, Owner::Reserved, Owner::Database] {
            assert_eq!(books.count(owner), count(owner), "{owner:?}");
        }
        for (id, row) in (0..).zip(&self.partitions) {
            let owner = Owner::Partition(PartitionId::new(id));
            assert_eq!(books.count(owner), count(owner), "{owner:?}");
            let page = books.page(owner).unwrap();
            assert_eq!(books.map.is_partition(page), id == 0 || row.stage() != Stage::Unused);
        }
        let mut free = Vec::new();
        while let Some((available, count)) = books.available_run(Frame::new(free.len() as u64)) {
            assert!(count > 0);
            free.extend((0..count).map(|_| available));
        }
        assert!(self.owners.iter().map(|owner| *owner == Owner::Available).eq(free));
        let (blocks, mut sum) = (FRAMES.div_ceil(1024), 0);
        (0..blocks).for_each(|block| sum += u64::from(books.space.available(block)));
        assert_eq!(sum, books.available());
        let listed = books.partitions().map(|(id, _)| id.raw());
        let used = (0..).zip(&self.partitions).filter(|(_, row)| row.stage() != Stage::Unused);
        assert!(listed.eq(used.map(|(id, _)| id)));
        let listed = books.channels().map(|(id, _)| id.raw());
        let used = (0..).zip(&self.channels).filter(|(_, row)| row.stage() != Stage::Unused);
        assert!(listed.eq(used.map(|(id, _)| id)));
        for from in 0..=CAPACITY.partitions {
            let unused = |id: &u32| self.partitions[*id as usize].stage() == Stage::Unused;
            let unused = (from..CAPACITY.partitions).find(unused);
            assert_eq!(books.unused_partition(from).map(PartitionId::raw), unused);
        }
    }

    fn owns(&self, start: u64, count: u64, owner: Owner) -> bool {
        (start..start + count).all(|at| self.owners.get(at as usize) == Some(&owner))
    }

    fn set(&mut self, start: u64, count: u64, owner: Owner) {
        self.owners[start as usize..(start + count) as usize].fill(owner);
    }

    fn has_run(&self, count: u64) -> bool {
        let free = |run: &[Owner]| run.iter().all(|owner| *owner == Owner::Available);
        self.owners.windows(count as usize).any(free)
    }

    fn is_there(&self, id: u32) -> bool {
        self.partitions.get(id as usize).is_some_and(|row| row.stage() != Stage::Unused)
    }
}

fn any_row(dice: &mut Dice) -> PartitionRow {
    let stage = dice.small(4);
    if stage == 0 {
        return PartitionRow::default();
    }
    let mut row = row(stage);
    (row.starts, row.restarts, row.budget) = (dice.small(9), dice.small(3), dice.small(2));
    (row.started, row.heap) = (dice.below(1 << 40), extent(dice.below(9), dice.below(9)));
    row
}

/// One life: what is in the books, and what was when the transaction in progress began.
struct Life {
    now: Model,
    before: Option<Model>,
    /// Partitions that it ended.
    ended: Vec<u32>,
}

impl Life {
    /// The transaction is over; what it did holds or does not.
    fn end(&mut self, holds: bool) {
        if let Some(before) = self.before.take()
            && !holds
        {
            self.now = before;
        }
    }

    /// A change that must be taken, or for which the transaction is refused.
    fn change(&mut self, done: Result<(), Problem>, may: bool, make: impl FnOnce(&mut Model)) {
        let open = self.before.is_some();
        match done {
            Ok(()) => {
                assert!(open && may);
                make(&mut self.now);
            }
            Err(Problem::NoTransaction) => assert!(!open),
            Err(Problem::NoSuch) => assert!(!may),
            Err(problem) => {
                assert!(open && (!may || problem == Problem::TooLong), "{problem:?}");
                self.end(false);
            }
        }
    }

    fn allocate(&mut self, books: &mut Books<'_>, dice: &mut Dice) {
        let large = dice.below(8) == 0;
        let (count, id) = (dice.below(if large { 1400 } else { 60 }), dice.small(4));
        let owner = Owner::Partition(PartitionId::new(id));
        let before = self.now.clone();
        let got = books.allocate(count, owner);
        match got {
            _ if count == 0 => assert_eq!(got, Ok(extent(0, 0))),
            Ok(found) => {
                assert!(found.count == count);
                let start = found.start.raw();
                let may = before.owns(start, count, Owner::Available) && before.is_there(id);
                self.change(Ok(()), may, |now| now.set(start, count, owner));
            }
            Err(Problem::NoMemory) => assert!(!before.has_run(count), "{count}"),
            Err(problem) => self.change(Err(problem), before.is_there(id), |_| ()),
        }
    }

    fn give(&mut self, books: &mut Books<'_>, dice: &mut Dice) {
        let owner = |dice: &mut Dice| match dice.small(6) {
            0 => Owner::Available,
            1 => Owner::Reserved,
            id => Owner::Partition(PartitionId::new(id - 2)),
        };
        let (start, after) = (dice.below(FRAMES + 10), owner(dice));
        let there = self.now.owners.get(start as usize).copied().unwrap_or(Owner::Missing);
        let same =
            self.now.owners[start.min(FRAMES) as usize..].iter().take_while(|&&o| o == there);
        let longest = same.count() as u64;
        let count = 1 + if dice.below(3) == 0 { longest } else { dice.below(longest.max(1)) };
        let before = if dice.below(8) == 0 { owner(dice) } else { there };
        let may = self.now.owns(start, count, before)
            && before != after
            && before != Owner::Database
            && match after {
                Owner::Partition(id) => self.now.is_there(id.raw()) || id.raw() == 0,
                _ => true,
            };
        let done = books.give(extent(start, count), before, after);
        self.change(done, may, |now| now.set(start, count, after));
    }

    /// A plan of some slots, sometimes one that nobody holds or on a processor that failed.
    fn plan(&mut self, books: &mut Books<'_>, dice: &mut Dice) {
        let (id, failed) = (dice.small(3), dice.below(8) == 0);
        let mut row = ProcessorRow::online();
        row.state = if failed { 2 } else { 1 };
        row.length = 16 + dice.small(9);
        row.generation = dice.small(5);
        let length = if failed && dice.below(2) == 0 { 0 } else { row.length as usize };
        let end = if dice.below(8) == 0 { 120 } else { 12 };
        row.places[..length].fill_with(|| u16::try_from(dice.below(end)).unwrap());
        let used = row.places.iter().any(|&slot| slot != 0);
        let may = id < 2 && !(failed && used) && row.places.iter().all(|&slot| slot < 96);
        let done = books.set_processor(ProcessorId::new(u16::try_from(id).unwrap()), &row);
        self.change(done, may, |now| now.processors[id as usize] = row);
    }

    /// A device changes hands, or its line is bound.
    fn device(&mut self, books: &mut Books<'_>, dice: &mut Dice) {
        let id = dice.small(5);
        let owner = |dice: &mut Dice| match dice.small(5) {
            0 => Owner::Available,
            1 => Owner::Reserved,
            id => Owner::Partition(PartitionId::new(id - 2)),
        };
        let there = self.now.devices.get(id as usize).copied();
        if dice.below(4) == 0 {
            let bound = dice.small(3);
            let done = books.bind_device(id, bound);
            self.change(done, there.is_some(), |now| now.devices[id as usize].0.bound = bound);
            return;
        }
        let before = there.map_or(Owner::Available, |(_, owner)| owner);
        let (before, after) = (if dice.below(4) == 0 { owner(dice) } else { before }, owner(dice));
        let exists = match after {
            Owner::Partition(id) => id.raw() == 0 || self.now.is_there(id.raw()),
            _ => true,
        };
        // The last two are ports that meet.
        let other = self.now.devices.get(id as usize ^ 1).map(|(_, owner)| *owner);
        let alone = id < 2 || other.is_none_or(|other| other == Owner::Available || other == after);
        let may = there.is_some_and(|(_, owner)| owner == before)
            && exists
            && (alone || after == Owner::Available);
        let done = books.give_device(id, before, after);
        let page = books.page(after).unwrap();
        self.change(done, may, |now| {
            let (row, owner) = &mut now.devices[id as usize];
            (row.owner, row.bound, *owner) = (page.number(), 0, after);
        });
    }

    fn step(&mut self, books: &mut Books<'_>, dice: &mut Dice) {
        match dice.below(20) {
            16 | 17 => self.plan(books, dice),
            18 => self.device(books, dice),
            0 | 1 => {
                self.end(false);
                books.begin();
                (self.before, self.ended) = (Some(self.now.clone()), Vec::new());
            }
            2 | 3 => {
                books.commit();
                self.end(true);
            }
            4 => {
                books.rollback();
                self.end(false);
            }
            5..9 => self.allocate(books, dice),
            9..13 => self.give(books, dice),
            13 | 14 => {
                let (id, row) = (1 + dice.small(8), any_row(dice));
                let owner = Owner::Partition(PartitionId::new(id));
                let empty = books.count(owner) == 0;
                let (stays, there) = (row.stage() != Stage::Unused, self.now.is_there(id));
                let again = stays && !there && self.ended.contains(&id);
                let may = id < CAPACITY.partitions && (stays || empty) && !again;
                let done = books.set_partition(PartitionId::new(id), &row);
                if done.is_ok() && there && !stays {
                    self.ended.push(id);
                }
                self.change(done, may, |now| now.partitions[id as usize] = row);
            }
            _ => {
                let (id, stage) = (dice.small(6), dice.small(4));
                let epoch = if stage == 0 { 0 } else { dice.small(9) };
                let row = ChannelRow { stage, epoch, ..ChannelRow::default() };
                let done = books.set_channel(ChannelId::new(id), row);
                let may = id < CAPACITY.channels;
                self.change(done, may, |now| now.channels[id as usize] = row);
            }
        }
    }
}

/// A million with `BULKHEAD_CAMPAIGN=1`, best in a release build.
///
/// covers: RES-1, RES-2, RES-7
#[test]
fn the_books_are_what_was_committed() {
    let campaign = std::env::var_os("BULKHEAD_CAMPAIGN").is_some();
    let rounds = if campaign { 1_000_000 } else { 6_000 };
    let (mut memory, mut dice) = (memory(), Dice(3));
    let mut books = books(&mut memory);
    let mut life = Life { now: Model::of(&books), before: None, ended: Vec::new() };
    for _ in 0..rounds {
        life.step(&mut books, &mut dice);
        assert!(Model::of(&books) == life.now);
        if dice.below(64) == 0 {
            books = Books::open(bytes(&mut memory)).unwrap();
            life.end(false);
            assert!(Model::of(&books) == life.now);
        }
    }
}
