//! Values for arguments: right ones, those one off, those at the edges, and any.

use crate::{Argument, Numbers, Surroundings};
use abi::call::{Call, PortOperation};
use abi::control::{PAGES_PER_STEP, SLOTS_PER_PAGE};
use abi::layout;
use abi::rights::Kind;
use abi::types::PAGE_SIZE;

/// Addresses at which something begins or ends.
const ADDRESSES: [u64; 12] = [
    0,
    layout::PROGRAM_BASE,
    layout::TIME_PAGE,
    layout::INFORMATION,
    layout::STACK_TOP,
    layout::HEAP,
    layout::HEAP_END,
    layout::CHANNELS_END,
    layout::USER_END,
    1 << 47,
    layout::DIRECT_MAP,
    layout::KERNEL_BASE,
];
/// Numbers at which something wraps.
const EDGES: [u64; 14] = [
    0,
    1,
    7,
    0xff,
    0xffff,
    1 << 16,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    1 << 52,
    0x7fff_ffff_ffff_ffff,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];
/// Nanoseconds that a wait may take at most.
pub const SOON: u64 = 20_000;

#[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
pub const fn number(call: Call) -> u64 {
    call as u64
}

/// A call other than `control`, and what its arguments mean; sometimes one that is none.
pub fn call(numbers: &mut Numbers) -> (u64, [Argument; 6]) {
    use Argument as A;
    let known = Call::ALL.get(usize::try_from(numbers.below(11)).unwrap_or(0)).copied();
    let arguments = match known {
        None => [A::Any; 6],
        Some(Call::Wait) => [A::Mask, A::Deadline, A::None, A::None, A::None, A::None],
        Some(Call::Call) => [A::Slot, A::Mask, A::Deadline, A::None, A::None, A::None],
        Some(Call::Port) => [A::Slot, A::Port, A::Index, A::Any, A::None, A::None],
        Some(Call::Exit) => [A::Any, A::Any, A::Any, A::Any, A::None, A::None],
        Some(Call::Control) => [A::Slot, A::Any, A::Any, A::Any, A::Any, A::Any],
        Some(Call::Debug) => [A::Slot, A::Any, A::Any, A::Any, A::Any, A::Any],
        Some(_) => [A::Slot, A::None, A::None, A::None, A::None, A::None],
    };
    (known.map_or_else(|| numbers.pick(&EDGES).saturating_add(10), number), arguments)
}

/// The kind of object that a call wants, where it wants one.
pub fn kind_of(call: u64) -> Option<Kind> {
    Some(match Call::from_number(call)? {
        Call::Ring | Call::Call => Kind::Doorbell,
        Call::Acknowledge => Kind::Interrupt,
        Call::Port => Kind::Ports,
        Call::Debug => Kind::Debug,
        _ => return None,
    })
}

/// A value for an argument.
pub fn value(numbers: &mut Numbers, around: &Surroundings<'_>, argument: Argument) -> u64 {
    match argument {
        Argument::None => 0,
        Argument::Any => any(numbers, around),
        Argument::SlotOrNone if numbers.one_of(2) => 0,
        Argument::Slot | Argument::SlotOrNone => slot(numbers, around),
        Argument::Slots => {
            (0..4).fold(0, |word: u64, _| word.wrapping_shl(16) | (slot(numbers, around) & 0xffff))
        }
        Argument::Address => address(numbers, around),
        Argument::Frame => frame(numbers, around),
        Argument::Count => count(numbers),
        Argument::Rights => {
            if numbers.one_of(8) {
                numbers.pick(&EDGES)
            } else {
                numbers.below(16)
            }
        }
        Argument::What => what(numbers),
        Argument::Kind => numbers.below(12),
        Argument::Access => {
            if numbers.one_of(8) {
                numbers.pick(&EDGES)
            } else {
                numbers.below(4)
            }
        }
        Argument::Level => numbers.below(6),
        Argument::Index => {
            if numbers.one_of(4) {
                numbers.pick(&EDGES)
            } else {
                numbers.below(20)
            }
        }
        Argument::Mask => {
            if numbers.one_of(4) {
                numbers.wide()
            } else {
                numbers.bit()
            }
        }
        Argument::Deadline => deadline(numbers, around),
        Argument::Port => port(numbers),
        Argument::Length => {
            numbers.pick(&[0, 19_999, 20_000, 100_000, 1_000_000, 10_000_000_000, 10_000_000_001])
        }
    }
}

/// Whatever an argument of another meaning would be.
fn any(numbers: &mut Numbers, around: &Surroundings<'_>) -> u64 {
    match numbers.below(8) {
        0 => slot(numbers, around),
        1 => address(numbers, around),
        2 => frame(numbers, around),
        3 => count(numbers),
        4 => what(numbers),
        5 => numbers.pick(&EDGES),
        6 => numbers.below(64),
        _ => numbers.wide(),
    }
}

fn slot(numbers: &mut Numbers, around: &Surroundings<'_>) -> u64 {
    match numbers.below(16) {
        0..=9 => numbers.pick(around.held),
        10 => numbers.pick(around.held).wrapping_add(1),
        11..=13 => numbers.within(around.spare),
        14 => numbers.below(u64::from(SLOTS_PER_PAGE).saturating_add(2)),
        _ => numbers.pick(&EDGES),
    }
}

fn address(numbers: &mut Numbers, around: &Surroundings<'_>) -> u64 {
    let page = numbers.within((0, around.pages.1)).wrapping_mul(PAGE_SIZE);
    let own = around.pages.0.wrapping_add(page);
    match numbers.below(10) {
        0..=5 => own,
        6 => own.wrapping_add(numbers.below(PAGE_SIZE)),
        7 => numbers.pick(&ADDRESSES),
        8 => numbers.pick(&ADDRESSES).wrapping_sub(PAGE_SIZE),
        _ => numbers.wide(),
    }
}

fn frame(numbers: &mut Numbers, around: &Surroundings<'_>) -> u64 {
    match numbers.below(8) {
        0..=4 => numbers.within(around.frames),
        5 | 6 => numbers.pick(around.foreign),
        _ => numbers.pick(&EDGES).saturating_add(1 << 36),
    }
}

fn count(numbers: &mut Numbers) -> u64 {
    let step = PAGES_PER_STEP;
    match numbers.below(8) {
        0..=4 => numbers.below(5),
        5 | 6 => step.saturating_add(numbers.below(3)).saturating_sub(1),
        _ => numbers.pick(&EDGES),
    }
}

/// A kind with a parameter.
fn what(numbers: &mut Numbers) -> u64 {
    let kind = numbers.below(13).wrapping_shl(32);
    let parameter = if numbers.one_of(4) { numbers.wide() } else { numbers.below(70) };
    kind | (parameter & 0xffff_ffff)
}

fn deadline(numbers: &mut Numbers, around: &Surroundings<'_>) -> u64 {
    match numbers.below(3) {
        0 => 0,
        1 => numbers.below(around.now),
        _ => around.now.saturating_add(numbers.below(SOON)),
    }
}

fn port(numbers: &mut Numbers) -> u64 {
    let operations = u64::try_from(PortOperation::ALL.len()).unwrap_or(0);
    match numbers.below(3) {
        0 => numbers.below(1 << 17),
        1 => numbers.pick(&EDGES),
        _ => 0x378_u64.wrapping_add(numbers.below(operations.saturating_add(5))),
    }
}
