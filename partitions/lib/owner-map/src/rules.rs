//! What every operation must keep to. Each rule looks at the map as the operations before have left it.

use crate::descriptor::{self, Kind};
use crate::entry::Entry;
use crate::map::OwnerMap;
use crate::memory::{Memory, WORDS};
use crate::operation::{Operation, Problem, Run, WRITE_WORDS};
use crate::page::{Page, Scale};
use crate::record::{Record, settled};
use crate::standing::Standing;

/// Where an operation makes its change.
type Place = (Page, u16);

impl<M: Memory> OwnerMap<M> {
    /// Checks one operation and finds its place.
    pub(crate) fn resolve(&self, operation: &Operation) -> Result<Record, Problem> {
        let (map, index) = match *operation {
            Operation::ChangeOwner { run, from, to } => self.change_owner(run, from, to)?,
            Operation::Initialize { partition, kind, .. } => self.initialize(partition, kind)?,
            Operation::Destroy { partition } => self.destroy(partition)?,
            Operation::Merge { first, scale, index, owner } => {
                self.merge(Operation::one(first, scale), index, owner)?
            }
            Operation::Split { first, scale, index, owner } => {
                self.split(Operation::one(first, scale), index, owner)?
            }
            Operation::Write { page, index, count, ref before, .. } => {
                self.write(page, index, count, before)?
            }
        };
        let mut record = Record { operation: *operation, map, index, before: [0; 2] };
        if let Some(change) = record.moves(&self.master) {
            let frames = |page| descriptor::frames(&self.memory, page);
            record.before = [frames(change.loser), frames(change.gainer)];
        }
        Ok(record)
    }

    fn change_owner(&self, run: Run, from: Page, to: Page) -> Result<Place, Problem> {
        let (map, first) = self.place(run)?;
        self.expect(map, first, run.count, from)?;
        let manager = self.master.manager;
        // The database takes and gives pages one by one, so that each can be followed.
        let one = run.scale == Scale::Kilo && run.count == 1;
        if from == to || ((from == manager || to == manager) && !one) {
            return Err(Problem::Outside);
        }
        if run.covers(from) && to != manager {
            return Err(Problem::OwnDescriptor(from));
        }
        if to != manager && !self.is_partition(to) && self.standing(to) != Standing::Initialized {
            return Err(Problem::NoPartition(to));
        }
        if from == manager {
            self.may_leave(Page::of_frame(run.first).ok_or(Problem::Outside)?, to)?;
        }
        Ok((map, first))
    }

    /// Whether a page of the database may go to `to`.
    fn may_leave(&self, page: Page, to: Page) -> Result<(), Problem> {
        match self.standing(page) {
            Standing::Taken | Standing::Freed if !self.master.is_kept(page) => Ok(()),
            Standing::Initialized if to == page => Ok(()),
            _ => Err(Problem::InUse(page)),
        }
    }

    fn initialize(&self, page: Page, kind: Kind) -> Result<Place, Problem> {
        if kind == Kind::Manager {
            return Err(Problem::Protected);
        }
        if self.master.pools.descriptors.contains(page) {
            let own = self.owner(page.frame())?.0 == self.master.manager;
            // One that ended just now is not overwritten: taken back, it would have another name.
            let unused = own
                && !descriptor::is_live(&self.memory, page)
                && self.standing(page) == Standing::Untouched;
            return if unused { Ok((page, 0)) } else { Err(Problem::InUse(page)) };
        }
        if self.standing(page) != Standing::Taken {
            return Err(Problem::InUse(page));
        }
        self.was_available(page)?;
        Ok((page, 0))
    }

    fn destroy(&self, partition: Page) -> Result<Place, Problem> {
        let there = descriptor::is_live(&self.memory, partition);
        if self.standing(partition) != Standing::TakenDescriptor || !there {
            return Err(Problem::NoPartition(partition));
        }
        if descriptor::kind(&self.memory, partition) != Some(Kind::Ordinary) {
            return Err(Problem::Protected);
        }
        match descriptor::frames(&self.memory, partition) {
            0 => Ok((partition, 0)),
            frames => Err(Problem::NotEmpty(frames)),
        }
    }

    fn merge(&self, run: Run, child: Page, owner: Page) -> Result<Place, Problem> {
        let (map, index) = self.place(run)?;
        if run.scale == Scale::Kilo {
            return Err(Problem::Outside);
        }
        let found = self.entry(map, index)?;
        if found != Entry::Index(child) {
            return Err(Problem::Found(found));
        }
        let own = self.inside(run, child, owner)?.then(|| Scale::Kilo.index(child.frame()));
        let start = own.unwrap_or(WORDS);
        self.expect(child, 0, start, owner)?;
        if let Some(next) = own.and_then(|own| own.checked_add(1)) {
            self.expect(child, start, 1, self.master.manager)?;
            self.expect(child, next, WORDS.wrapping_sub(next), owner)?;
        }
        if owner == self.master.manager {
            return Err(Problem::InUse(child));
        }
        if run.covers(owner) {
            return Err(Problem::OwnDescriptor(owner));
        }
        Ok((map, index))
    }

    fn split(&self, run: Run, child: Page, owner: Page) -> Result<Place, Problem> {
        let (map, index) = self.place(run)?;
        if run.scale == Scale::Kilo {
            return Err(Problem::Outside);
        }
        self.expect(map, index, 1, owner)?;
        // What is kept for this is in use only while the entry says so.
        if self.master.kept_index(run.first, run.scale) == Some(child) {
            return if run.covers(child) { Err(Problem::InUse(child)) } else { Ok((map, index)) };
        }
        if self.master.is_kept(child) {
            return Err(Problem::InUse(child));
        }
        if !self.inside(run, child, owner)? && self.standing(child) != Standing::Taken {
            return Err(Problem::InUse(child));
        }
        self.was_available(child)?;
        Ok((map, index))
    }

    fn write(
        &self,
        page: Page,
        index: u16,
        count: u16,
        before: &[u32; WRITE_WORDS],
    ) -> Result<Place, Problem> {
        self.may_write(page, index, count)?;
        let before = before.get(..usize::from(count)).filter(|before| !before.is_empty());
        let before = before.ok_or(Problem::NoRecord(page))?;
        let mut found = [0; WRITE_WORDS];
        let found = found.get_mut(..before.len()).unwrap_or_default();
        self.memory.load(page, index, found);
        match found.iter().zip(before).find(|(found, before)| found != before) {
            Some((found, _)) => Err(Problem::Differs(*found)),
            None => Ok((page, index)),
        }
    }

    /// Whether words in a row are of a record.
    pub(crate) fn may_write(&self, page: Page, index: u16, count: u16) -> Result<(), Problem> {
        let pools = &self.master.pools;
        let first = if pools.descriptors.contains(page) { descriptor::RECORD } else { 0 };
        let known = first > 0 || pools.records.contains(page);
        let ends = index.checked_add(count).is_some_and(|end| end <= WORDS);
        if known && ends && index >= first { Ok(()) } else { Err(Problem::NoRecord(page)) }
    }

    /// A page that is written to must hold nothing that somebody would miss if the transaction were taken back.
    fn was_available(&self, page: Page) -> Result<(), Problem> {
        let available = self.owner_before(page) == Some(self.master.available);
        if available { Ok(()) } else { Err(Problem::InUse(page)) }
    }

    /// Whether an index page lies in the 4 MiB that it describes, which only memory that nobody has may do.
    fn inside(&self, run: Run, child: Page, owner: Page) -> Result<bool, Problem> {
        if !run.covers(child) {
            return Ok(false);
        }
        if run.scale != Scale::Mega || owner != self.master.available {
            return Err(Problem::InUse(child));
        }
        Ok(true)
    }

    /// The rules for the transaction as a whole: nothing is lost, every new partition has its descriptor.
    pub(crate) fn whole(&self) -> Result<(), Problem> {
        let manager = self.master.manager;
        for frame in self.open_records().filter_map(|words| settled(words, manager)) {
            let page = Page::of_frame(frame).ok_or(Problem::Outside)?;
            match self.standing(page) {
                Standing::Initialized => return Err(Problem::NotOwn(page)),
                Standing::Freed if self.master.is_kept(page) => {}
                Standing::Taken | Standing::TakenDescriptor | Standing::Freed => {
                    return Err(Problem::Lost(page));
                }
                Standing::Untouched | Standing::Index => {}
            }
        }
        Ok(())
    }

    /// Entries in a row belong to `owner`.
    fn expect(&self, page: Page, index: u16, count: u16, owner: Page) -> Result<(), Problem> {
        match self.memory.other_than(page, index, count, Entry::Owner(owner).word()) {
            None => Ok(()),
            Some(word) => {
                Err(Entry::from_word(word).map_or(Problem::Damaged(word), Problem::Found))
            }
        }
    }
}
