//! Calls that the kernel must do because the caller holds the authority, and that would take the machine, or the
//! caller, down by right. They are no test of the kernel.

use crate::values::{SOON, number};
use crate::{Request, Surroundings};
use abi::call::Call;
use abi::control::{
    ContextOperation, KernelOperation, MemoryOperation, PAGES_PER_STEP, PLAN_PLACES, PLAN_SLOTS,
    PartitionOperation, ProcessorOperation, SLOTS_PER_PAGE,
};
use abi::fault::Reason;
use abi::layout;
use abi::rights::Kind;
use abi::stage::FEW;
use abi::types::PAGE_SIZE;

/// Frames from here on are on no machine.
pub const NO_FRAME: u64 = 1 << 36;
/// Places of a plan that one operation writes.
const PLACES_AT_ONCE: usize = 4;

/// Whether a call of this partition harms nobody even where the kernel does it. `kind` is that of its first argument's slot,
/// `kinds` tells that of others.
pub fn harmless(
    around: &Surroundings<'_>,
    request: &Request,
    kind: Kind,
    kinds: impl FnMut(u64) -> Kind,
) -> bool {
    let Request { number: call, arguments: [slot, operation, a, b, c, d] } = *request;
    let soon = |deadline: u64| deadline <= around.now.saturating_add(SOON);
    match call {
        _ if call == number(Call::Wait) => soon(operation),
        _ if call == number(Call::Call) => soon(a),
        _ if call == number(Call::Exit) => Reason::from_number(slot).is_none(),
        _ if call == number(Call::Debug) => kind != Kind::Debug,
        _ if call == number(Call::Control) => match kind {
            Kind::Memory => memory(around, operation, [a, b]),
            Kind::Partition => partition(around, operation, [a, b, c, d], kinds),
            Kind::Context => {
                ContextOperation::from_number(operation) != Some(ContextOperation::Stop)
            }
            Kind::Processor => processor(operation, a),
            // Processors that have to show signs of life too often fail.
            Kind::Kernel => !matches!(
                KernelOperation::from_number(operation),
                Some(KernelOperation::Reset | KernelOperation::Watch)
            ),
            _ => true,
        },
        _ => true,
    }
}

/// Whether a frame is in use by somebody, so that nothing can be made of it.
fn in_use(around: &Surroundings<'_>, frame: u64) -> bool {
    let (first, count) = around.frames;
    (first..first.saturating_add(count)).contains(&frame) || foreign(around, frame)
}

/// Whether a frame is another's, for ever.
fn foreign(around: &Surroundings<'_>, frame: u64) -> bool {
    around.foreign.contains(&frame) || frame >= NO_FRAME
}

fn memory(around: &Surroundings<'_>, operation: u64, [a, b]: [u64; 2]) -> bool {
    match MemoryOperation::from_number(operation) {
        Some(MemoryOperation::Create) => in_use(around, b),
        Some(MemoryOperation::Assign) => in_use(around, a),
        Some(MemoryOperation::Transfer) => foreign(around, a) || all_within(around.frames, a, b, 1),
        Some(MemoryOperation::Release) => foreign(around, a),
        _ => true,
    }
}

/// Whether what is done of `count` units from `start` on lies within a range, each unit being so large.
fn all_within((first, length): (u64, u64), start: u64, count: u64, unit: u64) -> bool {
    let done = count.min(PAGES_PER_STEP).saturating_mul(unit);
    let end = first.saturating_add(length.saturating_mul(unit));
    start >= first && start.saturating_add(done) <= end
}

fn partition(
    around: &Surroundings<'_>,
    operation: u64,
    [a, b, c, _]: [u64; 4],
    mut kinds: impl FnMut(u64) -> Kind,
) -> bool {
    let no_page = |address: u64| address >= layout::USER_END || !address.is_multiple_of(PAGE_SIZE);
    let pages = |count: u64| no_page(a) || all_within(around.pages, a, count, PAGE_SIZE);
    let spare = |slot: u64| {
        let (first, count) = around.spare;
        (first..first.saturating_add(count)).contains(&slot)
            || slot == 0
            || slot >= u64::from(SLOTS_PER_PAGE)
    };
    match PartitionOperation::from_number(operation) {
        Some(PartitionOperation::AddTable) => in_use(around, c),
        Some(PartitionOperation::Map) => {
            foreign(around, b) || (pages(c) && all_within(around.frames, b, c, 1))
        }
        Some(PartitionOperation::Unmap) => pages(b),
        Some(PartitionOperation::AddSlots) => in_use(around, b),
        Some(PartitionOperation::Put | PartitionOperation::Clear) => spare(a),
        Some(PartitionOperation::SetRescuer) => a != 0 && kinds(a) != Kind::Doorbell,
        Some(PartitionOperation::Renew) => false,
        _ => true,
    }
}

/// Plans are the resource manager's; only what is refused may be tried.
fn processor(operation: u64, a: u64) -> bool {
    let large = |number: u64, end: usize| u64::try_from(end).is_ok_and(|end| number > end);
    match ProcessorOperation::from_number(operation) {
        Some(ProcessorOperation::Stage) => {
            a >> 32 & 0xff != FEW && large(a & 0xffff_ffff, PLAN_PLACES.div_ceil(PLACES_AT_ONCE))
        }
        Some(ProcessorOperation::Commit) => {
            !large(a, PLAN_SLOTS.saturating_sub(1)) || large(a, PLAN_PLACES)
        }
        Some(ProcessorOperation::SetSlot) => !(20_000..=10_000_000_000).contains(&a),
        _ => true,
    }
}
