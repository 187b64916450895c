//! The system calls, typed. Everything here is safe to call: the kernel checks every argument.
//!
//! Raw slots appear only here, for the partitions that hand out authority; an ordinary partition gets
//! [`crate::capability`] handles from its information pages.

use crate::machine;
use abi::call::{Call, Error, PortOperation};
use abi::fault::Reason;
use abi::types::{Nanoseconds, Slot};

/// The up to four values a call gives back.
pub type Values = [u64; 4];

/// Why a call did nothing, and what the kernel said about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The error.
    pub error: Error,
    /// Value 0, as [`Error`] describes it.
    pub value: u64,
}

/// What a call came to.
pub type Outcome = Result<Values, Failure>;

/// A call with raw number and arguments, as the tests of the calls need it.
///
/// # Errors
/// Whatever the kernel answers; a status it never gives counts as [`Error::NoSuchCall`].
pub fn raw(number: u64, arguments: [u64; 6]) -> Outcome {
    let (status, values) = machine::call(number, arguments);
    if status == 0 { Ok(values) } else { Err(failure(status, values[0])) }
}

fn failure(status: u64, value: u64) -> Failure {
    let error = Error::from_number(status).unwrap_or(Error::NoSuchCall);
    Failure { error, value }
}

/// One of the calls with at most three arguments and one value.
#[inline]
#[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
fn quick(call: Call, arguments: [u64; 3]) -> Result<u64, Failure> {
    let (status, value) = machine::quick(call as u64, arguments);
    if status == 0 { Ok(value) } else { Err(failure(status, value)) }
}

#[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
fn call_number(call: Call, arguments: [u64; 6]) -> Outcome {
    raw(call as u64, arguments)
}

/// Waits for an event in `mask`; returns those pending, now cleared.
///
/// # Errors
/// [`Error::Timeout`] once `deadline` has passed without one.
pub fn wait(mask: u64, deadline: Nanoseconds) -> Result<u64, Failure> {
    quick(Call::Wait, [mask, deadline.raw(), 0])
}

/// Rings the doorbell in `slot`.
///
/// # Errors
/// [`Error::Stale`] if the other side was restarted since; the errors of any use of a capability.
pub fn ring(slot: Slot) -> Result<(), Failure> {
    quick(Call::Ring, [slot.raw().into(), 0, 0]).map(drop)
}

/// Rings and waits in one step; the other side may run in this partition's time.
///
/// # Errors
/// As [`ring()`] and [`wait`].
pub fn call(slot: Slot, mask: u64, deadline: Nanoseconds) -> Result<u64, Failure> {
    quick(Call::Call, [slot.raw().into(), mask, deadline.raw()])
}

/// Gives the rest of the slot to those who take slack.
pub fn yield_slot() {
    machine::give_up();
}

/// The interrupt in `slot` was served and may come again.
///
/// # Errors
/// Those of any use of a capability.
pub fn acknowledge(slot: Slot) -> Result<(), Failure> {
    quick(Call::Acknowledge, [slot.raw().into(), 0, 0]).map(drop)
}

/// One access to an I/O port; returns what was read, 0 for a write.
///
/// # Errors
/// [`Error::BadArgument`] for a port outside the capability; those of any use of one.
#[expect(clippy::as_conversions, reason = "the number of an operation, declared repr(u64)")]
pub fn port(slot: Slot, number: u16, operation: PortOperation, value: u32) -> Result<u32, Failure> {
    let arguments = [slot.raw().into(), number.into(), operation as u64, value.into(), 0, 0];
    let values = call_number(Call::Port, arguments)?;
    Ok(u32::try_from(values[0] & u64::from(u32::MAX)).unwrap_or(0))
}

/// An operation on the object behind `slot`, by its number.
///
/// # Errors
/// Those of the operation, see [`abi::control`].
pub fn control(slot: Slot, operation: u64, arguments: [u64; 4]) -> Outcome {
    let [a, b, c, d] = arguments;
    call_number(Call::Control, [slot.raw().into(), operation, a, b, c, d])
}

/// Writes up to 32 bytes to the debug port; returns how many it took from `text`: none while it is full.
///
/// # Errors
/// Those of any use of a capability.
pub fn debug(slot: Slot, text: &[u8]) -> Result<usize, Failure> {
    let mut bytes = [0_u8; 32];
    let length = text.len().min(bytes.len());
    for (to, from) in bytes.iter_mut().zip(text) {
        *to = *from;
    }
    let mut words = [0_u64; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*chunk);
    }
    let [a, b, c, d] = words;
    let count = u64::try_from(length).unwrap_or(0);
    match call_number(Call::Debug, [slot.raw().into(), count, a, b, c, d]) {
        Ok([taken, ..]) => Ok(usize::try_from(taken).unwrap_or(length).min(length)),
        Err(Failure { error: Error::Again, .. }) => Ok(0),
        Err(failure) => Err(failure),
    }
}

/// Ends this context for good. Its rescuer reads reason, code and words in the fault record.
#[expect(clippy::as_conversions, reason = "the number of a reason, declared repr(u64)")]
pub fn exit(reason: Reason, code: u64, words: [u64; 2]) -> ! {
    machine::exit([reason as u64, code, words[0], words[1], 0, 0])
}

/// Kind, rights, generation and parameter of the capability in `slot`.
///
/// # Errors
/// Those of any use of a capability.
pub fn inspect(slot: Slot) -> Outcome {
    call_number(Call::Inspect, [slot.raw().into(), 0, 0, 0, 0, 0])
}
