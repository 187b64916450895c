//! Who answers: the resource manager, behind a trait.

use abi::channel::INLINE;
use abi::message::database::TABLE_END;
use abi::message::resource::{ResourceRequest, ResourceStatus, TableQuery, TableReply};
use zerocopy::{FromBytes, IntoBytes};

/// Why a question was not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It was refused; with the number that came along.
    Refused(ResourceStatus, Option<u32>),
    /// The manager was restarted before it answered: it was done, or will never be.
    Restarted,
    /// No answer in time: it may still be done.
    NoAnswer,
    /// An answer that is none.
    Nonsense,
}

/// What came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    bytes: [u8; INLINE],
    length: usize,
}

impl Answer {
    /// An answer of these bytes; more than a message carries are cut off.
    #[must_use]
    pub fn new(from: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        let length = from.len().min(INLINE);
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Self { bytes, length }
    }

    /// What came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What came, as a record.
    ///
    /// # Errors
    /// [`Failure::Nonsense`] if it has another length.
    pub fn record<T: FromBytes>(&self) -> Result<T, Failure> {
        T::read_from_bytes(self.bytes()).map_err(|_| Failure::Nonsense)
    }
}

/// The resource manager.
pub trait Authority {
    /// Asks.
    ///
    /// # Errors
    /// [`Failure`] says why there is no answer.
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Answer, Failure>;

    /// Copies out of the channel's data area; false if that is not inside.
    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool;
}

/// Most answers for one table, so that one without end has one.
const ANSWERS: u32 = 4096;

/// Reads a table, or what changed in one, record by record. Returns the generations of the first answer and the last.
///
/// # Errors
/// What the authority answers.
pub fn read_table<T: FromBytes>(
    authority: &mut impl Authority,
    request: ResourceRequest,
    mut query: TableQuery,
    mut each: impl FnMut(T),
) -> Result<(u64, u64), Failure> {
    let mut first = None;
    for _ in 0..ANSWERS {
        let reply = authority.ask(request, query.as_bytes())?;
        let reply = reply.record::<TableReply>()?;
        read_records(authority, reply, &mut each)?;
        let first = *first.get_or_insert(reply.generation);
        if reply.next == TABLE_END || query.most > 0 {
            return Ok((first, reply.generation));
        }
        // One that does not get on has no end.
        if reply.next <= query.from {
            return Err(Failure::Nonsense);
        }
        query.from = reply.next;
    }
    Err(Failure::Nonsense)
}

/// The records of one answer.
fn read_records<T: FromBytes>(
    authority: &mut impl Authority,
    reply: TableReply,
    each: &mut impl FnMut(T),
) -> Result<(), Failure> {
    let size = size_of::<T>();
    if reply.count > 0 && usize::try_from(reply.size) != Ok(size) {
        return Err(Failure::Nonsense);
    }
    let mut bytes = [0_u8; INLINE];
    let record = bytes.get_mut(..size).ok_or(Failure::Nonsense)?;
    for index in 0..reply.count {
        let offset = usize::try_from(index).ok().and_then(|index| index.checked_mul(size));
        if !offset.is_some_and(|offset| authority.read_data(offset, record)) {
            return Err(Failure::Nonsense);
        }
        each(T::read_from_bytes(record).map_err(|_| Failure::Nonsense)?);
    }
    Ok(())
}
