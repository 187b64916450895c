//! Pages in one piece with copies of those that a transaction is about, against plain pages that do the same without any limit.

use crate::common::{Pages, by, give, initialize, merge, name, one, page, pseudo, split};
use crate::random::Dice;
use owner_map::{
    Draft, Kind, Layout, Memory, Operation, OwnerMap, Page, PageWords, Pool, Pools, Problem,
    RECORD, Scale, Section, Slab, Words, draft_sizes,
};

const FRAMES: u64 = 32 << 20 >> 12;
/// Pages before the descriptors.
const BEFORE: u32 = 11;
/// More than one transaction may be about.
const DESCRIPTORS: u32 = 48;
const RECORDS: u32 = 4;
/// Index pages.
const MEGA: u32 = 8;
const PAGES: u32 = BEFORE + DESCRIPTORS + RECORDS + MEGA;

fn kept(at: u32, count: u32) -> Pool {
    Pool { first: page(0, 1, at), count }
}

fn pools() -> Pools {
    let descriptors = kept(BEFORE, DESCRIPTORS);
    let records = kept(BEFORE + DESCRIPTORS, RECORDS);
    let mega = kept(BEFORE + DESCRIPTORS + RECORDS, MEGA);
    Pools { descriptors, records, giga: Pool::default(), mega }
}

pub fn format<M: Memory>(memory: M) -> OwnerMap<M> {
    let section = Section { first: 0, count: FRAMES, kind: Kind::AVAILABLE };
    let layout = Layout {
        base: page(0, 1, 0),
        pages: PAGES,
        log_pages: 4,
        scale: Scale::Mega,
        manager: name("resource-manager"),
        pseudo: &pseudo(),
        sections: &[section],
        pools: pools(),
    };
    OwnerMap::format(memory, &layout).unwrap()
}

pub struct Room(Vec<PageWords>, Vec<Words>, Vec<u32>);

impl Room {
    pub fn new() -> Self {
        let [pages, records, of] = draft_sizes(PAGES as usize);
        // What was there before means nothing.
        Self(vec![[0; 1024]; pages], vec![[7; 16]; records], vec![7; of])
    }

    pub fn slab(&mut self) -> Slab<'_> {
        let Self(pages, records, of) = self;
        Slab::new(page(0, 1, 0), pages, Draft::new(records, of))
    }
}

#[test]
fn a_transaction_that_ran_out_of_records_cannot_be_committed() {
    let mut room = Room::new();
    let mut map = format(room.slab());
    let record = pools().records.first;
    map.begin(by(record, 1));
    assert_eq!(map.write_words(record, 0, &[[9; 2]; 2]), Ok(()));
    let many: Vec<_> = (1..=510).map(|word| [word; 2]).collect();
    assert_eq!(map.write_words(record, 4, &many), Err(Problem::Length));
    assert!(map.commit().is_err(), "it cannot go on");
    assert_eq!((map.memory().read(record, 0), map.memory().read(record, 5)), (0, 0));
}

/// Both maps, which get the same.
struct Both<'m> {
    slab: OwnerMap<Slab<'m>>,
    plain: OwnerMap<Pages>,
    dice: Dice,
    /// Transactions that were about more pages than there is room for.
    short: u32,
}

impl Both<'_> {
    fn all() -> impl Iterator<Item = Page> {
        (0..PAGES).map(|at| page(0, 1, at))
    }

    /// Every page reads alike, with all that the transaction in progress has done.
    fn compare(&self) {
        let plain = self.plain.memory();
        for page in Self::all() {
            let draft = plain.draft.as_ref().and_then(|draft| draft.get(&page.number()));
            let expected = draft.or_else(|| plain.pages.get(&page.number()));
            let found = self.slab.memory().page(page).unwrap();
            let same = expected.map_or(*found == [0; 1024], |expected| expected[..] == found[..]);
            assert!(same, "{page}");
        }
    }

    fn descriptor(&mut self) -> Page {
        pools().descriptors.page(self.dice.below(DESCRIPTORS.into())).unwrap()
    }

    /// An operation that may be right, told to both; `false` where the one has no room for it.
    fn add(&mut self, operation: &Operation) -> bool {
        let slab = self.slab.add(operation);
        if slab == Err(Problem::Length) {
            return self.no_room();
        }
        assert_eq!(slab, self.plain.add(operation), "{operation:?}");
        true
    }

    /// There is no room for a copy more or a record more, and what there was no room for cannot be committed.
    fn no_room(&mut self) -> bool {
        let copies = self.plain.memory().draft.as_ref().map_or(0, |draft| draft.len());
        assert!(copies >= 30 || self.slab.count() >= 80, "{copies} {}", self.slab.count());
        self.short += 1;
        if self.dice.below(2) == 0 {
            assert!(self.slab.commit().is_err());
        } else {
            assert!(self.slab.refuse::<()>(Problem::Length).is_err());
        }
        assert!(self.plain.refuse::<()>(Problem::Length).is_err());
        false
    }

    /// Some words of a record become others: what is noted of that, done to plain pages, makes the same of them.
    fn write(&mut self) -> bool {
        let (page, first) = match self.dice.below(3) {
            0 => (pools().records.page(self.dice.below(RECORDS.into())).unwrap(), 0),
            _ => (self.descriptor(), RECORD),
        };
        let start = first + 2 * u16::try_from(self.dice.below(400)).unwrap();
        let length = 1 + self.dice.below(20);
        let word = |dice: &mut Dice| u32::try_from(dice.below(3)).unwrap();
        let after: Vec<_> = (0..length).map(|_| [word(&mut self.dice), 5]).collect();
        let noted = self.slab.count();
        if let Err(problem) = self.slab.write_words(page, start, &after) {
            assert_eq!(problem, Problem::Length);
            return self.no_room();
        }
        for at in noted..self.slab.count() {
            let record = self.slab.last_record(at).unwrap();
            assert_eq!(self.plain.add(&record.operation), Ok(()), "{record:?}");
        }
        true
    }

    fn change(&mut self) -> bool {
        let (manager, available) = (self.slab.master().manager, self.slab.master().available);
        let (first, new) = (self.dice.below(8) << 10, self.descriptor());
        let index = pools().mega.page(first >> 10).unwrap();
        let operations = match self.dice.below(8) {
            0 => vec![initialize(new, "new"), one(new, manager, new)],
            1 => vec![one(new, new, manager), Operation::Destroy { partition: new }],
            2 => vec![split(first, index, available)],
            3 => vec![merge(first, index, available)],
            4 => {
                let at = first + self.dice.below(1024);
                let from = self.slab.owner(at).unwrap().0;
                vec![give(at, Scale::Kilo, 1, from, if from == new { available } else { new })]
            }
            _ => return self.write(),
        };
        operations.iter().all(|operation| self.add(operation))
    }

    fn transaction(&mut self) {
        let cause = by(page(0, 1, 0), self.dice.below(1 << 40));
        self.slab.begin(cause);
        self.plain.begin(cause);
        let most = if self.dice.below(8) == 0 { 90 } else { 12 };
        for _ in 0..self.dice.below(most) {
            if !self.change() {
                return;
            }
            self.compare();
        }
        if self.dice.below(8) > 0 {
            assert_eq!(self.slab.commit(), self.plain.commit());
        }
        self.slab.undo();
        self.plain.undo();
    }

    /// A word that no transaction needs to know of.
    fn beside(&mut self) {
        let at = 64 + u16::try_from(self.dice.below(100)).unwrap();
        let [index, record] = [page(0, 1, 0), pools().records.first];
        for page in [index, record] {
            self.slab.memory_mut().write(page, at, 77);
            self.plain.memory_mut().write(page, at, 77);
        }
    }
}

#[test]
fn copies_say_what_plain_pages_say() {
    let mut room = Room::new();
    let (slab, plain) = (format(room.slab()), format(Pages::new()));
    let mut both = Both { slab, plain, dice: Dice(11), short: 0 };
    for _ in 0..if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 100_000 } else { 1_000 } {
        both.compare();
        both.transaction();
        both.compare();
        if both.dice.below(16) == 0 {
            both.beside();
        }
    }
    assert!(both.short > 20, "{} transactions had no room", both.short);
    let Both { plain, dice, short, .. } = both;
    let slab = OwnerMap::open(room.slab(), page(0, 1, 0)).unwrap();
    Both { slab, plain, dice, short }.compare();
}
