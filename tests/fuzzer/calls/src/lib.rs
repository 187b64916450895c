//! Random and near-valid calls of the kernel, from a seed.
//!
//! Pure: the partition that makes them on the machine and the test that makes them on the kernel's logic use the very same.

#![no_std]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

mod bounds;
mod numbers;
mod signature;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "numbers of calls and operations")]
mod tests;
mod values;

pub use bounds::harmless;
pub use numbers::{Numbers, mixed};
pub use signature::Argument;

use abi::call::Call;
use abi::rights::Kind;
use signature::{operations, signature};

/// A call by its number and arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Number of the call.
    pub number: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// What the caller has, as far as it knows.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'s> {
    /// Slots that it was given something in.
    pub held: &'s [u64],
    /// Slots that it may fill and empty: the first, and how many.
    pub spare: (u64, u64),
    /// Pages that it may map and unmap: address of the first, and how many.
    pub pages: (u64, u64),
    /// Frames that it may map there: the first, and how many.
    pub frames: (u64, u64),
    /// Frames that are not its own, of every use.
    pub foreign: &'s [u64],
    /// What time it is.
    pub now: u64,
}

/// The next call that `allow` lets pass, given the kind of what its first argument names. `kind` tells what a slot holds now.
pub fn next(
    numbers: &mut Numbers,
    around: &Surroundings<'_>,
    mut kind: impl FnMut(u64) -> Kind,
    mut allow: impl FnMut(&Request, Kind) -> bool,
) -> Request {
    loop {
        let request = any(numbers, around, &mut kind);
        let [slot, ..] = request.arguments;
        if allow(&request, kind(slot)) {
            return request;
        }
    }
}

fn any(
    numbers: &mut Numbers,
    around: &Surroundings<'_>,
    kind: &mut impl FnMut(u64) -> Kind,
) -> Request {
    // Most of what can go wrong is behind one call.
    if !numbers.one_of(3) {
        return control(numbers, around, kind);
    }
    let (number, meanings) = values::call(numbers);
    let mut arguments = meanings.map(|argument| values::value(numbers, around, argument));
    if let Some(wanted) = values::kind_of(number) {
        arguments[0] = slot(numbers, around, |slot| kind(slot) == wanted);
    }
    Request { number, arguments }
}

/// An operation, most often one that this kind of object has, with arguments that most often fit.
fn control(
    numbers: &mut Numbers,
    around: &Surroundings<'_>,
    kind: &mut impl FnMut(u64) -> Kind,
) -> Request {
    let slot = slot(numbers, around, |slot| operations(kind(slot)) != 0);
    let own = kind(slot);
    let beyond = operations(own).saturating_add(1);
    let operation = if numbers.one_of(16) { numbers.wide() } else { numbers.below(beyond) };
    let [a, b, c, d] = signature(own, operation).map(|argument| {
        let argument = if numbers.one_of(8) { Argument::Any } else { argument };
        values::value(numbers, around, argument)
    });
    Request { number: values::number(Call::Control), arguments: [slot, operation, a, b, c, d] }
}

/// A slot, more often than not one that fits.
fn slot(
    numbers: &mut Numbers,
    around: &Surroundings<'_>,
    mut fits: impl FnMut(u64) -> bool,
) -> u64 {
    let mut slot = values::value(numbers, around, Argument::Slot);
    for _ in 0..3 {
        if fits(slot) {
            return slot;
        }
        slot = values::value(numbers, around, Argument::Slot);
    }
    slot
}
