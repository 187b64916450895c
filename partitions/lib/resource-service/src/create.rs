//! One more partition: decided here, asked for, decided again if somebody was faster.

use crate::authority::{Authority, Failure, read_table};
use crate::memory::Run;
use crate::near::node_of;
use crate::place::{Placed, View, Wish, place};
use crate::refusal::Refusal;
use crate::snapshot::{Snapshot, query};
use abi::message::database::{DefinitionRecord, Pages, Placement, RowRecord, Stage, Table};
use abi::message::resource::{Index, ResourceRequest, ResourceStatus, TableQuery};
use zerocopy::IntoBytes;

/// How often it is decided anew.
const TRIES: u32 = 8;

/// What is said about a new partition; the definition gives the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Slots of 16 for each context.
    pub share: Option<u16>,
    /// Pages of heap.
    pub heap: Option<u32>,
    /// Processor of the first context.
    pub processor: Option<u16>,
}

/// A new partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Created {
    /// Its id.
    pub id: u32,
    /// Where it is.
    pub placed: Placed,
}

/// Why there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotCreated {
    /// What was wished cannot be had.
    Refusal(Refusal),
    /// The manager refused, or did not answer.
    Failure(Failure),
}

impl From<Failure> for NotCreated {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The service: a copy of the books and what is done by it.
#[derive(Clone, Debug, Default)]
pub struct Service {
    snapshot: Snapshot,
}

impl Service {
    /// A service that knows nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { snapshot: Snapshot::new() }
    }

    /// The books as they were last.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Brings the copy of the books up to date.
    ///
    /// # Errors
    /// As [`Snapshot::follow`].
    pub fn follow(&mut self, authority: &mut impl Authority) -> Result<&Snapshot, Failure> {
        self.snapshot.follow(authority)?;
        Ok(&self.snapshot)
    }

    /// Makes one more partition like the one with this id. It is not started.
    ///
    /// # Errors
    /// Why there is none; then nothing was changed, but for [`Failure::NoAnswer`], where nobody knows.
    pub fn create(
        &mut self,
        authority: &mut impl Authority,
        like: u32,
        options: Options,
    ) -> Result<Created, NotCreated> {
        self.snapshot.follow(authority)?;
        let no_such = Failure::Refused(ResourceStatus::NoSuch, None);
        let definition = self.snapshot.partition(like).ok_or(no_such)?.definition;
        let definition = self::definition(authority, definition)?;
        let Options { share, heap, processor } = options;
        let wish = Wish { definition, share, heap, processor };
        for last in (1..=TRIES).map(|time| time == TRIES) {
            let placed = place(self.view(), &wish).map_err(NotCreated::Refusal)?;
            // Who was always too late, and wants no place in particular, takes what there is when he is heard.
            if last && placed.zone.is_none() {
                return self.create_anywhere(authority, placed);
            }
            match ask(authority, &placed.placement) {
                Ok(id) => return Ok(Created { id, placed }),
                Err(Failure::Refused(ResourceStatus::Disagrees, _)) => {
                    self.snapshot.follow(authority)?;
                }
                Err(Failure::Restarted) => {
                    if let Some(id) = self.find(authority, &placed.placement)? {
                        return Ok(Created { id, placed });
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(NotCreated::Refusal(Refusal::Contended { times: TRIES }))
    }

    /// Makes it in whatever memory is free when the manager hears of it.
    fn create_anywhere(
        &mut self,
        authority: &mut impl Authority,
        mut placed: Placed,
    ) -> Result<Created, NotCreated> {
        placed.placement.start = Placement::ANYWHERE;
        let id = ask(authority, &placed.placement).map_err(|failure| match failure {
            Failure::Refused(ResourceStatus::Disagrees, _) => {
                NotCreated::Refusal(Refusal::Contended { times: TRIES })
            }
            // Which of those that are new it would be nobody can tell.
            Failure::Restarted => Failure::NoAnswer.into(),
            failure => failure.into(),
        })?;
        self.snapshot.follow(authority).map_err(|_| Failure::NoAnswer)?;
        let start = self.snapshot.partition(id).and_then(first_frame);
        placed.placement.start = start.ok_or(Failure::NoAnswer)?;
        let run = Run { start: placed.placement.start, count: placed.placement.count };
        (placed.node, placed.far) = (node_of(self.snapshot.nodes(), run), None);
        Ok(Created { id, placed })
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            processors: self.snapshot.processors(),
            free: self.snapshot.free(),
            nodes: self.snapshot.nodes(),
            zones: self.snapshot.zones(),
            generation: self.snapshot.generation().unwrap_or(0),
        }
    }

    /// The partition that was made of a placement, by a manager that did not live to say so.
    fn find(
        &mut self,
        authority: &mut impl Authority,
        placement: &Placement,
    ) -> Result<Option<u32>, Failure> {
        let before = core::mem::take(&mut self.snapshot);
        self.snapshot.follow(authority)?;
        let made = |row: &&RowRecord| {
            row.definition == placement.definition
                && row.stage == Stage::Made.code()
                && first_frame(row) == Some(placement.start)
                && before.partition(row.id).is_none()
        };
        Ok(self.snapshot.partitions().iter().find(made).map(|row| row.id))
    }
}

/// The first frame of what a partition has.
fn first_frame(row: &RowRecord) -> Option<u64> {
    let areas = row.memory.iter().filter(|area| area.count > 0);
    areas.map(|Pages { start, .. }| u64::from(*start)).min()
}

/// Asks for the definition with this index.
fn definition(authority: &mut impl Authority, index: u32) -> Result<DefinitionRecord, Failure> {
    let query = TableQuery { from: index.into(), most: 1, ..query(Table::Definitions) };
    let mut found = None;
    let request = ResourceRequest::Snapshot;
    read_table(authority, request, query, |one: DefinitionRecord| found = Some(one))?;
    let found = found.filter(|found| found.index == index);
    found.ok_or(Failure::Refused(ResourceStatus::NoSuch, None))
}

fn ask(authority: &mut impl Authority, placement: &Placement) -> Result<u32, Failure> {
    let answer = authority.ask(ResourceRequest::CreatePlaced, placement.as_bytes())?;
    Ok(answer.record::<Index>()?.index)
}
