//! A still picture of the trace. Whoever reads the trace record by record writes to it with each question, so the newest
//! records of all processors are set aside at the first one.

use abi::trace::TRACE_RECORDS;

/// Records that the picture holds, those of all processors together.
pub const ROOM: usize = 4096;

/// A record: time, packed kind and first argument, second argument.
pub type Record = [u64; 3];

/// The picture: each processor has the same part of the room.
#[derive(Debug)]
pub struct Picture<'m> {
    room: &'m mut [Option<Record>],
    processors: usize,
}

impl<'m> Picture<'m> {
    /// An empty picture of `processors` processors.
    #[must_use]
    pub fn new(room: &'m mut [Option<Record>], processors: u16) -> Self {
        Self { room, processors: usize::from(processors).max(1) }
    }

    /// Most records of one processor.
    #[must_use]
    pub fn each(&self) -> u64 {
        let each = u64::try_from(self.room.len() / self.processors).unwrap_or(0);
        each.min(TRACE_RECORDS)
    }

    /// Record `back` of a processor, counted from the newest.
    #[must_use]
    pub fn get(&self, processor: u16, back: u64) -> Option<Record> {
        *self.room.get(self.place(processor, back)?)?
    }

    /// Takes record `back` of a processor into the picture, or takes it out.
    pub fn set(&mut self, processor: u16, back: u64, record: Option<Record>) {
        let place = self.place(processor, back);
        if let Some(room) = place.and_then(|place| self.room.get_mut(place)) {
            *room = record;
        }
    }

    fn place(&self, processor: u16, back: u64) -> Option<usize> {
        let inside = usize::from(processor) < self.processors && back < self.each();
        let first = usize::from(processor) * (self.room.len() / self.processors);
        inside.then_some(first + usize::try_from(back).ok()?)
    }
}
