//! A dump under way: the core file of a partition as text, some lines at a time, so that the console does other things between them.

use crate::surroundings::{Surroundings, Trouble, fetch};
use crate::words::Fault;
use abi::message::core::{
    CORE_PAGE, CorePage, CoreQuery, CoreRegisters, CoreReply, CoreRun, CoreWhat,
};
use abi::message::database::TABLE_END;
use abi::message::resource::{ResourceRequest, ResourceStatus};
use abi::types::PAGE_SIZE;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use console_grammar::Look;
use core::fmt;
use core_file::{Begin, Bytes, Checksum, Corpse, End, Registers, Segment, TEXT, encode};
use zerocopy::FromBytes;

/// Lines of one step.
const LINES: usize = 8;
/// Messages to the console service that a step takes at most.
pub const MESSAGES: u32 = 8;
/// Most runs of memory in a file; where there are more, what lies between the last ones is written as well.
const SEGMENTS: usize = 512;
/// Most runs there can be beyond that: what follows each other is merged, and no partition has so many areas.
const SURPLUS: usize = 512;
/// Most answers about one corpse: more than any takes.
const ANSWERS: u32 = 1 << 16;
/// `PF_W` and `PF_R`.
const READ_WRITE: u32 = 6;

/// A dump that goes on.
pub struct Dump {
    name: String,
    query: CoreQuery,
    about: CoreReply,
    segments: Vec<Segment>,
    /// The next page: which segment, how many bytes into it.
    place: (usize, u64),
    /// Bytes of the file that are not text yet.
    waiting: Vec<u8>,
    /// Those of them that are.
    told: usize,
    /// Bytes of the file that are still to come, those waiting not counted.
    left: u64,
    checksum: Checksum,
}

/// How a step ended.
pub enum Step {
    /// There is more.
    Goes,
    /// All was told.
    Done,
    /// It ends before it is whole.
    Broken(Trouble),
}

impl Dump {
    /// Asks what there is of a partition, and says that its file begins.
    ///
    /// # Errors
    /// What the resource manager answers.
    pub fn begin(
        surroundings: &mut impl Surroundings,
        partition: u32,
        name: &str,
        look: Look,
    ) -> Result<Self, Trouble> {
        let last = u32::from(look == Look::Last);
        let mut query = CoreQuery { partition, last, what: 0, reserved: 0, from: 0, stamp: 0 };
        let (mut contexts, mut segments) = (Vec::new(), Vec::new());
        read_all(surroundings, &mut query, CoreWhat::Registers, |one: CoreRegisters| {
            contexts.push(one.registers);
        })?;
        let about = read_all(surroundings, &mut query, CoreWhat::Runs, |run| {
            add(&mut segments, &run);
        })?;
        if segments.len() > SEGMENTS.saturating_add(SURPLUS) {
            return Err(Trouble::Nonsense);
        }
        (query.what, query.from) = (CoreWhat::Pages.code().into(), 0);
        let mut dump = Self {
            name: String::from(name),
            query,
            about,
            segments,
            place: (0, 0),
            waiting: Vec::new(),
            told: 0,
            left: 0,
            checksum: Checksum::new(),
        };
        dump.write_head(surroundings, &contexts)?;
        Ok(dump)
    }

    fn write_head(
        &mut self,
        surroundings: &mut impl Surroundings,
        contexts: &[Registers],
    ) -> Result<(), Trouble> {
        let about = &self.about;
        let signal = if about.stopped == 1 { core_file::signal(about.reason) } else { 0 };
        let (name, segments) = (self.name.as_str(), self.segments.as_slice());
        let corpse = Corpse { name, signal, contexts, segments };
        let bytes = core_file::length(&corpse);
        let waiting = &mut self.waiting;
        core_file::head(&corpse, &mut |piece| waiting.extend_from_slice(piece));
        let head = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.left = bytes.saturating_sub(head);
        let begin = Begin { name: &self.name, bytes };
        writeln!(surroundings, "{begin}").map_err(|_| Trouble::Nonsense)
    }

    /// Tells some lines more.
    pub fn step(&mut self, surroundings: &mut impl Surroundings) -> Step {
        for _ in 0..LINES {
            while self.untold() < core_file::LINE && self.left > 0 {
                if let Err(trouble) = self.fetch(surroundings) {
                    self.end(surroundings, None);
                    return Step::Broken(trouble);
                }
            }
            if self.untold() == 0 {
                self.end(surroundings, Some(self.checksum.value()));
                // Writing to the surroundings cannot fail.
                let _ = writeln!(surroundings, "{self}");
                return Step::Done;
            }
            self.line(surroundings);
        }
        Step::Goes
    }

    /// Says that it ends before it is whole.
    pub fn give_up(&self, surroundings: &mut impl Surroundings) {
        self.end(surroundings, None);
    }

    fn end(&self, surroundings: &mut impl Surroundings, checksum: Option<u32>) {
        let end = End { name: &self.name, checksum };
        let _ = writeln!(surroundings, "{end}");
    }

    fn untold(&self) -> usize {
        self.waiting.len().saturating_sub(self.told)
    }

    fn line(&mut self, surroundings: &mut impl Surroundings) {
        let (mut line, mut text) = (Bytes::new(), [0; TEXT]);
        line.fill(self.waiting.get(self.told..).unwrap_or_default());
        self.told = self.told.saturating_add(line.get().len());
        self.checksum.add(line.get());
        let length = encode(&line, &mut text);
        surroundings.show(text.get(..length).unwrap_or_default());
        surroundings.show(b"\n");
    }

    /// Asks for the next pages.
    fn fetch(&mut self, surroundings: &mut impl Surroundings) -> Result<(), Trouble> {
        self.waiting.drain(..self.told);
        self.told = 0;
        if self.query.from == TABLE_END {
            // What was merged into the last run may end with zeros.
            return if self.zeros_until(None) { Ok(()) } else { Err(changed()) };
        }
        let reply: CoreReply = fetch(surroundings, ResourceRequest::Core, &self.query)?;
        if reply.next <= self.query.from {
            return Err(Trouble::Nonsense);
        }
        for index in 0..reply.count {
            let page: CorePage = record(surroundings, &reply, index)?;
            if !self.zeros_until(Some(page.address)) {
                return Err(changed());
            }
            self.page(&page.bytes);
        }
        self.query.from = reply.next;
        Ok(())
    }

    /// Adds pages of zeros up to the page at an address, or to the end of the next run; whether there is such a page.
    fn zeros_until(&mut self, address: Option<u64>) -> bool {
        loop {
            let Some(next) = self.next_address() else { return false };
            if address == Some(next) {
                return true;
            }
            let segment = self.place.0;
            self.page(&[0; CORE_PAGE]);
            if address.is_none() && (self.left == 0 || self.place.0 != segment) {
                return true;
            }
        }
    }

    /// Address of the next page that is in the file.
    fn next_address(&mut self) -> Option<u64> {
        loop {
            let segment = self.segments.get(self.place.0)?;
            if self.place.1 < segment.filled {
                return Some(segment.address.saturating_add(self.place.1));
            }
            self.place = (self.place.0.saturating_add(1), 0);
        }
    }

    fn page(&mut self, bytes: &[u8; CORE_PAGE]) {
        self.waiting.extend_from_slice(bytes);
        self.place.1 = self.place.1.saturating_add(PAGE_SIZE);
        self.left = self.left.saturating_sub(PAGE_SIZE);
    }
}

/// What was dumped, in a sentence.
impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, about, .. } = self;
        write!(f, "{name}, life {}", about.life)?;
        if about.stopped == 1 {
            write!(f, ", {}", Fault { reason: about.reason, instruction: None })?;
        }
        match about.missing {
            0 => Ok(()),
            missing => write!(f, "; {missing} of its pages were not kept"),
        }
    }
}

fn changed() -> Trouble {
    Trouble::Refused(ResourceStatus::Disagrees, None)
}

/// Adds a run: what is zero behind something belongs to that.
fn add(segments: &mut Vec<Segment>, run: &CoreRun) {
    let bytes = u64::from(run.pages).saturating_mul(PAGE_SIZE);
    let filled = if run.filled == 1 { bytes } else { 0 };
    let full = segments.len() >= SEGMENTS;
    if let Some(last) = segments.last_mut()
        && last.address.saturating_add(last.length) == run.address
        && (filled == 0 || last.filled == last.length || full)
    {
        last.length = last.length.saturating_add(bytes);
        if filled > 0 {
            last.filled = last.length;
        }
        return;
    }
    segments.push(Segment { address: run.address, flags: READ_WRITE, filled, length: bytes });
}

/// Reads all records of one kind; the last answer.
fn read_all<T: FromBytes>(
    surroundings: &mut impl Surroundings,
    query: &mut CoreQuery,
    what: CoreWhat,
    mut each: impl FnMut(T),
) -> Result<CoreReply, Trouble> {
    (query.what, query.from) = (what.code().into(), 0);
    for _ in 0..ANSWERS {
        let reply: CoreReply = fetch(surroundings, ResourceRequest::Core, query)?;
        query.stamp = reply.stamp;
        for index in 0..reply.count {
            each(record(surroundings, &reply, index)?);
        }
        if reply.next == TABLE_END {
            return Ok(reply);
        }
        // One that does not get on has no end.
        if reply.next <= query.from {
            break;
        }
        query.from = reply.next;
    }
    Err(Trouble::Nonsense)
}

/// A record of an answer.
fn record<T: FromBytes>(
    surroundings: &mut impl Surroundings,
    reply: &CoreReply,
    index: u32,
) -> Result<T, Trouble> {
    let size = size_of::<T>();
    let offset = usize::try_from(index).ok().and_then(|index| index.checked_mul(size));
    let offset = offset.filter(|_| usize::try_from(reply.size) == Ok(size));
    let mut bytes = vec![0; size];
    let read = offset.is_some_and(|offset| surroundings.read_data(offset, &mut bytes));
    let record = T::read_from_bytes(&bytes).ok().filter(|_| read);
    record.ok_or(Trouble::Nonsense)
}
