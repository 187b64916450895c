//! Random transactions, good and bad, against a plain array of owners.

use crate::common::{Pages, by, create, destroy, give, machine, merge, one, page, split, whole};
use owner_map::{Operation, OwnerMap, Page, Run, Scale};

const FRAMES: u64 = 32 << 20 >> 12;

/// A source of numbers: splitmix64, the same ones for the same seed.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Who owns each frame, and which pages are index pages; nothing else.
struct Model {
    owners: Vec<Page>,
    partitions: Vec<Page>,
}

impl Model {
    fn of(map: &OwnerMap<Pages>) -> Self {
        let owners = (0..FRAMES).map(|frame| map.owner(frame).unwrap().0).collect();
        Self { owners, partitions: Vec::new() }
    }

    fn range(run: &Run) -> std::ops::Range<usize> {
        usize::try_from(run.first).unwrap()..usize::try_from(run.first + run.frames()).unwrap()
    }

    /// What an accepted transaction must mean, and that its before-images held.
    fn apply(&mut self, map: &OwnerMap<Pages>, operations: &[Operation]) {
        let (manager, available) = (map.master().manager, map.master().available);
        for operation in operations {
            match *operation {
                Operation::ChangeOwner { run, from, to } => {
                    let owners = &mut self.owners[Self::range(&run)];
                    assert!(owners.iter().all(|&owner| owner == from), "{operation:?}");
                    owners.fill(to);
                }
                Operation::Initialize { partition, .. } => self.partitions.push(partition),
                Operation::Destroy { partition } => {
                    self.partitions.retain(|&there| there != partition);
                    assert!(!self.owners.contains(&partition), "{operation:?}");
                }
                Operation::Write { .. } => unreachable!("none is proposed"),
                Operation::Merge { first, scale, index, owner }
                | Operation::Split { first, scale, index, owner } => {
                    let run = Run { first, scale, count: 1 };
                    let merge = matches!(operation, Operation::Merge { .. });
                    if run.covers(index) {
                        let at = usize::try_from(index.frame()).unwrap();
                        self.owners[at] = if merge { available } else { manager };
                    }
                    let others = self.owners[Self::range(&run)].iter();
                    assert!(others.filter(|&&o| o != owner).count() <= 1, "{operation:?}");
                }
            }
        }
    }
}

/// A transaction that makes sense more often than not.
fn propose(dice: &mut Dice, map: &OwnerMap<Pages>, model: &Model) -> Vec<Operation> {
    let (manager, available) = (map.master().manager, map.master().available);
    let small = |dice: &mut Dice| Page::of_frame((1 << 10) + 64 + dice.below(960)).unwrap();
    let mega = |dice: &mut Dice| (2 + dice.below(6)) << 10;
    let partition = |dice: &mut Dice| {
        let count = u64::try_from(model.partitions.len()).unwrap();
        if count == 0 {
            available
        } else {
            model.partitions[usize::try_from(dice.below(count)).unwrap()]
        }
    };
    let owner = |frame: u64| model.owners[usize::try_from(frame).unwrap()];
    match dice.below(8) {
        0 => create(map, small(dice), "n"),
        1 => give_all_back(map, model, partition(dice)),
        2 | 3 => {
            let (first, to) = (mega(dice), partition(dice));
            let to = if dice.chance(2) { available } else { to };
            let first = first + if dice.chance(2) { dice.below(1024) } else { 0 };
            let scale = map.owner(first).unwrap().1;
            let first = first & !(scale.frames() - 1);
            let index = u64::from(scale.index(first));
            let count = 1 + dice.below(8.min(1024 - index));
            vec![give(first, scale, u16::try_from(count).unwrap(), owner(first), to)]
        }
        4 => {
            let (first, index) = (mega(dice), small(dice));
            vec![one(index, available, manager), split(first, index, owner(first))]
        }
        5 => {
            let first = mega(dice);
            let index = Page::of_frame(first + dice.below(1024)).unwrap();
            vec![split(first, index, available)]
        }
        6 => {
            let first = mega(dice);
            put_together(map, model, first)
        }
        _ => vec![one(small(dice), partition(dice), small(dice))],
    }
}

/// A partition gives its memory back and ends; with more than a page of the log holds it is left out.
fn give_all_back(map: &OwnerMap<Pages>, model: &Model, x: Page) -> Vec<Operation> {
    let starts = |frame: &u64| frame.is_multiple_of(map.owner(*frame).unwrap().1.frames());
    let its = |frame: &u64| model.owners[usize::try_from(*frame).unwrap()] == x;
    let mut list: Vec<Operation> = (0..FRAMES)
        .filter(|frame| its(frame) && *frame != x.frame() && starts(frame))
        .take(60)
        .map(|frame| give(frame, map.owner(frame).unwrap().1, 1, x, map.master().available))
        .collect();
    list.extend(destroy(map, x));
    list
}

/// All pieces of 4 MiB back to one owner, and the merge of them.
fn put_together(map: &OwnerMap<Pages>, model: &Model, first: u64) -> Vec<Operation> {
    let run = Run { first, scale: Scale::Kilo, count: 1 };
    let Ok((index, _)) = map.place(run) else { return Vec::new() };
    let (manager, available) = (map.master().manager, map.master().available);
    let pieces = &model.owners[usize::try_from(first).unwrap()..][..1024];
    let owner = available;
    let mut list = Vec::new();
    let mut at = 0;
    while at < 1024 && list.len() < 60 {
        let run = pieces[at..].iter().take_while(|&&o| o == pieces[at]).count();
        if pieces[at] != owner && pieces[at] != manager {
            let start = first + u64::try_from(at).unwrap();
            list.push(give(start, Scale::Kilo, u16::try_from(run).unwrap(), pieces[at], owner));
        }
        at += run;
    }
    list.push(merge(first, index, owner));
    if !(Run { first, scale: Scale::Mega, count: 1 }).covers(index) {
        list.push(one(index, manager, available));
    }
    list
}

/// Changes one thing of a transaction: mostly it should be refused then, and never do harm.
fn spoil(dice: &mut Dice, operations: &mut Vec<Operation>) {
    let Ok(length) = u64::try_from(operations.len()) else { return };
    if length == 0 {
        return;
    }
    let at = usize::try_from(dice.below(length)).unwrap();
    let wild = Page::of_frame(dice.below(FRAMES)).unwrap();
    match (dice.below(5), &mut operations[at]) {
        (0, _) => drop(operations.remove(at)),
        (1, operation) => {
            let again = *operation;
            operations.push(again);
        }
        (2, Operation::ChangeOwner { run, .. }) => run.first = dice.below(FRAMES * 2),
        (3, Operation::ChangeOwner { from, .. }) => *from = wild,
        (_, Operation::ChangeOwner { to, .. }) => *to = wild,
        (_, Operation::Initialize { partition, .. } | Operation::Destroy { partition }) => {
            *partition = wild;
        }
        (2, Operation::Merge { owner, .. } | Operation::Split { owner, .. }) => *owner = wild,
        (_, Operation::Merge { index, .. } | Operation::Split { index, .. }) => *index = wild,
        (_, Operation::Write { page, .. }) => *page = wild,
    }
}

/// A million with `BULKHEAD_CAMPAIGN=1`.
#[test]
fn random_transactions_do_what_an_array_of_owners_says() {
    let rounds: u64 =
        if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1_000_000 } else { 4_000 };
    let mut dice = Dice(20);
    let mut map = machine(FRAMES, Scale::Mega);
    let mut model = Model::of(&map);
    let index = map.master().index;
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for round in 0..rounds {
        let mut operations = propose(&mut dice, &map, &model);
        if dice.chance(4) {
            spoil(&mut dice, &mut operations);
        }
        let undo = dice.chance(16);
        if undo {
            map.begin(by(index, round));
            let _ = operations.iter().try_for_each(|operation| map.add(operation));
            map.undo();
        } else if map.submit(by(index, round), &operations).is_ok() {
            model.apply(&map, &operations);
            accepted += 1;
        } else {
            refused += 1;
        }
        for _ in 0..8 {
            let frame = dice.below(FRAMES);
            let owner = model.owners[usize::try_from(frame).unwrap()];
            assert_eq!(map.owner(frame).unwrap().0, owner, "round {round}, frame {frame:#x}");
        }
        if round % 64 == 0 {
            let seen = whole(&map);
            let owners = seen.owned.iter().flat_map(|&(_, count, owner)| {
                std::iter::repeat_n(owner, usize::try_from(count).unwrap())
            });
            assert!(owners.take(model.owners.len()).eq(model.owners.iter().copied()), "{round}");
        }
    }
    println!("{accepted} accepted, {refused} refused, {} partitions", model.partitions.len());
    assert!(accepted > rounds / 8 && refused > rounds / 8, "{accepted} {refused}");
}

/// The same change costs the same reads and writes in 64 MiB and in 4 PiB.
#[test]
fn size_does_not_matter() {
    let cost = |frames: u64| {
        let mut map = machine(frames, Scale::Tera);
        let (index, available) = (map.master().index, map.master().available);
        let mut operations = create(&map, page(0, 1, 100), "n");
        operations.push(give(2 << 10, Scale::Mega, 4, available, page(0, 1, 100)));
        let before = (map.memory().reads.get(), map.memory().writes());
        map.submit(by(index, 0), &operations).unwrap();
        let after = (map.memory().reads.get(), map.memory().writes());
        (after.0 - before.0, after.1 - before.1)
    };
    assert_eq!(cost(64 << 20 >> 12), cost(4 << 50 >> 12));
    assert_eq!(cost(4 << 40 >> 12), cost(4 << 50 >> 12));
}
