//! Memory that stops taking writes, and a look at a whole map.

use owner_map::{
    Cause, Kind, Layout, Memory, Name, Operation, OwnerMap, Page, Pools, Run, Scale, Section, Seen,
    Words,
};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Pages that are there once written; after `left` writes no further one arrives.
#[derive(Clone)]
pub struct Pages {
    pub pages: BTreeMap<u32, Vec<u32>>,
    pub left: Cell<u64>,
    pub reads: Cell<u64>,
    /// Pages as they are drafted, while they are.
    pub draft: Option<BTreeMap<u32, Vec<u32>>>,
    /// The same, while the log is written.
    pub landing: BTreeMap<u32, Vec<u32>>,
    pub notes: BTreeMap<u16, Words>,
}

impl Pages {
    pub fn new() -> Self {
        Self {
            pages: BTreeMap::new(),
            left: Cell::new(u64::MAX),
            reads: Cell::new(0),
            draft: None,
            landing: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }

    /// Writes made since all were allowed.
    pub fn writes(&self) -> u64 {
        u64::MAX - self.left.get()
    }

    pub fn fuse(mut self, writes: u64) -> Self {
        self.left = Cell::new(writes);
        self
    }
}

impl Memory for Pages {
    fn read(&self, page: Page, index: u16) -> u32 {
        self.reads.set(self.reads.get() + 1);
        let drafted = self.draft.as_ref().and_then(|draft| draft.get(&page.number()));
        let words = drafted.or_else(|| self.pages.get(&page.number()));
        words.map_or(0, |words| words[usize::from(index % 1024)])
    }

    fn write(&mut self, page: Page, index: u16, value: u32) {
        if let Some(draft) = &mut self.draft {
            let there = self.pages.get(&page.number());
            let copy = || there.cloned().unwrap_or_else(|| vec![0; 1024]);
            let words = draft.entry(page.number()).or_insert_with(copy);
            words[usize::from(index % 1024)] = value;
            return;
        }
        if self.left.get() == 0 {
            return;
        }
        self.left.set(self.left.get() - 1);
        let words = self.pages.entry(page.number()).or_insert_with(|| vec![0; 1024]);
        words[usize::from(index % 1024)] = value;
    }

    fn draft(&mut self) {
        self.draft = Some(BTreeMap::new());
    }

    fn land(&mut self) {
        self.landing = self.draft.take().unwrap_or_default();
    }

    fn make(&mut self) {
        for (number, drafted) in core::mem::take(&mut self.landing) {
            let page = Page::new(number).unwrap();
            for (index, word) in (0..).zip(drafted) {
                if self.pages.get(&number).map_or(0, |words| words[usize::from(index)]) != word {
                    self.write(page, index, word);
                }
            }
        }
    }

    fn forget(&mut self) {
        self.draft = None;
    }

    fn is_full(&self) -> bool {
        false
    }

    fn note(&mut self, at: u16) -> Option<&mut Words> {
        Some(self.notes.entry(at).or_default())
    }

    fn noted(&self, at: u16) -> &Words {
        &self.notes[&at]
    }
}

pub fn page(giga: u32, mega: u32, kilo: u32) -> Page {
    Page::at(giga, mega, kilo).unwrap()
}

/// Who asked and when.
pub fn by(who: Page, when: u64) -> Cause {
    Cause { who, what: 0, when }
}

pub fn name(text: &str) -> Name {
    let mut name = Name::default();
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

pub fn give(first: u64, scale: Scale, count: u16, from: Page, to: Page) -> Operation {
    Operation::ChangeOwner { run: Run { first, scale, count }, from, to }
}

/// One small page.
pub fn one(at: Page, from: Page, to: Page) -> Operation {
    give(at.frame(), Scale::Kilo, 1, from, to)
}

pub fn initialize(partition: Page, text: &str) -> Operation {
    Operation::Initialize { partition, kind: Kind::Ordinary, name: name(text) }
}

pub fn merge(first: u64, index: Page, owner: Page) -> Operation {
    Operation::Merge { first, scale: Scale::Mega, index, owner }
}

pub fn split(first: u64, index: Page, owner: Page) -> Operation {
    Operation::Split { first, scale: Scale::Mega, index, owner }
}

/// What makes a partition of a page.
pub fn create(map: &OwnerMap<Pages>, new: Page, text: &str) -> Vec<Operation> {
    let (manager, available) = (map.master().manager, map.master().available);
    vec![one(new, available, manager), initialize(new, text), one(new, manager, new)]
}

/// What makes a page of a partition that owns nothing else.
pub fn destroy(map: &OwnerMap<Pages>, partition: Page) -> Vec<Operation> {
    let (manager, available) = (map.master().manager, map.master().available);
    let gone = Operation::Destroy { partition };
    vec![one(partition, partition, manager), gone, one(partition, manager, available)]
}

pub fn pseudo() -> [(Kind, Name); 4] {
    [
        (Kind::AVAILABLE, name("available")),
        (Kind::MISSING, name("missing")),
        (Kind::BROKEN, name("broken")),
        (Kind::RESERVED, name("reserved")),
    ]
}

/// A machine of `frames`, its first MiB reserved, with a database of 64 pages at 4 MiB.
pub fn machine(frames: u64, scale: Scale) -> OwnerMap<Pages> {
    machine_with_log(frames, scale, 16)
}

/// The same with so many pages of log asked for.
pub fn machine_with_log(frames: u64, scale: Scale, log_pages: u32) -> OwnerMap<Pages> {
    let sections = [
        Section { first: 0, count: 256, kind: Kind::RESERVED },
        Section { first: 256, count: frames - 256, kind: Kind::AVAILABLE },
    ];
    let layout = Layout {
        base: page(0, 1, 0),
        pages: 64,
        log_pages,
        scale,
        manager: name("resource-manager"),
        pseudo: &pseudo(),
        sections: &sections,
        pools: Pools::default(),
    };
    OwnerMap::format(Pages::new(), &layout).unwrap()
}

/// Everything a map says, and that it says nothing that cannot be: the state of the machine as one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whole {
    pub owned: Vec<(u64, u64, Page)>,
    pub index_pages: Vec<Page>,
    pub partitions: BTreeMap<Page, (Kind, Name, u64)>,
}

/// Reads a whole map and checks what must always hold.
pub fn whole(map: &OwnerMap<Pages>) -> Whole {
    let (mut owned, mut index_pages) = (Vec::<(u64, u64, Page)>::new(), Vec::new());
    let mut sums = BTreeMap::<Page, u64>::new();
    map.walk(|seen| match seen {
        Seen::Owned { first, scale, owner } => {
            *sums.entry(owner).or_default() += scale.frames();
            match owned.last_mut() {
                Some((start, count, last)) if *last == owner && *start + *count == first => {
                    *count += scale.frames();
                }
                _ => owned.push((first, scale.frames(), owner)),
            }
        }
        Seen::Index { page, .. } => index_pages.push(page),
        Seen::Damaged { page, index } => panic!("{page} entry {index} is damaged"),
    });
    let manager = map.master().manager;
    let distinct: BTreeSet<_> = index_pages.iter().collect();
    assert_eq!(distinct.len(), index_pages.len(), "an index page is used twice");
    for index in &index_pages {
        assert_eq!(map.owner(index.frame()).unwrap().0, manager, "index page {index}");
    }
    let mut partitions = BTreeMap::new();
    for (&owner, &frames) in &sums {
        let (kind, name) = map.describe(owner).unwrap_or_else(|| panic!("owner {owner} is none"));
        assert_eq!(map.owner(owner.frame()).unwrap().0, owner, "descriptor {owner}");
        assert_eq!(map.frames(owner), frames, "frames of {owner}");
        partitions.insert(owner, (kind, name, frames));
    }
    Whole { owned, index_pages, partitions }
}
