//! Arguments that are out of range: frames, addresses, counts and numbers.

use super::{Attempt, Own, SPARE, call, control, put};
use crate::tally::Count;
use abi::call::{Call, Error};
use abi::control::{Access, ContextOperation, PartitionOperation};
use abi::fault::Reason;
use abi::layout;
use abi::rights::Kind;
use abi::types::PAGE_SIZE;
use alloc::collections::BTreeSet;
use assist::Tally;
use rt::sys::{self, Outcome};

pub const ALL: &[(&str, Attempt)] = &[
    ("map frames that are not its own", foreign_frames),
    ("addresses that are unaligned, wrap, or are the kernel's", addresses),
    ("counts that wrap or are huge", counts),
    ("memory that is writable and executable", writable_code),
    ("unknown calls and operations", unknown),
    ("numbers that no call takes", numbers),
    ("tables, slots and objects out of frames in use", frames_in_use),
];

/// A page with a table and nothing mapped: the first above the stack of the second context, if there were one.
pub const SCRATCH: u64 = layout::STACK_TOP - layout::STACK_STRIDE;
const WRITE: u64 = Access::WRITE.bits();
/// Frames that are tried: every one of the lowest 16 MiB, then one of each seven up to 512 MiB.
const DENSE: u64 = 1 << 12;
const FRAMES: u64 = 1 << 17;
/// Pages that a partition of this size can have anywhere.
const AREAS: [(u64, u64); 6] = [
    (layout::PROGRAM_BASE, 1024),
    (layout::TIME_PAGE, 1 + layout::INFORMATION_PAGES),
    (layout::REPORT, 1),
    (layout::STACK_TOP - (1 << 16), 16),
    (layout::HEAP, 256),
    (layout::CHANNELS, 512),
];

fn partition(own: &Own, operation: PartitionOperation, arguments: [u64; 4]) -> Outcome {
    control(own.partition, operation as u64, arguments)
}

fn frame_at(own: &Own, address: u64) -> Option<u64> {
    let found = partition(own, PartitionOperation::Translate, [address, 0, 0, 0]);
    found.ok().map(|[frame, ..]| frame)
}

/// A frame of its stack.
fn own_frame(own: &Own) -> u64 {
    frame_at(own, layout::STACK_TOP - PAGE_SIZE).unwrap_or(0)
}

/// All frames that it has mapped.
fn own_frames(own: &Own) -> BTreeSet<u64> {
    let pages = |(start, count): (u64, u64)| (0..count).map(move |page| start + page * PAGE_SIZE);
    AREAS.into_iter().flat_map(pages).filter_map(|address| frame_at(own, address)).collect()
}

fn foreign_frames(tally: &mut Tally, own: &Own) {
    let mine = own_frames(own);
    tally.count(mine.len() > 16);
    let frames = (0..DENSE).chain((DENSE..FRAMES).step_by(7));
    for frame in frames.filter(|frame| !mine.contains(frame)) {
        let mapped = partition(own, PartitionOperation::Map, [SCRATCH, frame, 1, WRITE]);
        tally.denied(mapped);
        if mapped.is_ok() {
            let _ = partition(own, PartitionOperation::Unmap, [SCRATCH, 1, 0, 0]);
        }
    }
}

fn addresses(tally: &mut Tally, own: &Own) {
    use PartitionOperation::{AddTable, Map, RemoveTable, Translate, Unmap};
    let frame = own_frame(own);
    let bad = [
        1,
        SCRATCH + 1,
        SCRATCH + PAGE_SIZE - 1,
        layout::USER_END,
        layout::USER_END + PAGE_SIZE,
        1 << 47,
        1 << 62,
        1 << 63,
        layout::DIRECT_MAP,
        layout::KERNEL_BASE,
        layout::KERNEL_DEVICES,
        u64::MAX - PAGE_SIZE + 1,
        u64::MAX,
    ];
    for address in bad {
        let calls = [
            (Map, [address, frame, 1, WRITE]),
            (Map, [address, frame, 1, 0]),
            (Unmap, [address, 1, 0, 0]),
            (Unmap, [address, u64::MAX, 0, 0]),
            (Translate, [address, 0, 0, 0]),
            (AddTable, [address, 1, frame, 0]),
            (AddTable, [address, 3, frame, 0]),
            (RemoveTable, [address, 1, 0, 0]),
            (RemoveTable, [address, 2, 0, 0]),
        ];
        for (operation, arguments) in calls {
            tally.denied(partition(own, operation, arguments));
        }
    }
}

fn counts(tally: &mut Tally, own: &Own) {
    let (frame, end) = (own_frame(own), layout::USER_END - PAGE_SIZE);
    for count in [2, 33, 1 << 20, 1 << 51, 1 << 52, 1 << 63, u64::MAX - 1, u64::MAX] {
        tally.denied(partition(own, PartitionOperation::Map, [end, frame, count, WRITE]));
        tally.denied(partition(own, PartitionOperation::Unmap, [end, count, 0, 0]));
        tally.denied(partition(own, PartitionOperation::Map, [SCRATCH, u64::MAX - 1, count, 0]));
    }
}

fn writable_code(tally: &mut Tally, own: &Own) {
    let both = (Access::WRITE | Access::EXECUTE).bits();
    for access in [both, both | Access::UNCACHED.bits(), 1 << 3, 1 << 63, u64::MAX] {
        let arguments = [SCRATCH, own_frame(own), 1, access];
        tally.refused(partition(own, PartitionOperation::Map, arguments), &[Error::BadArgument]);
    }
}

fn unknown(tally: &mut Tally, own: &Own) {
    let last = Call::ALL.len() as u64;
    for number in (last..last + 32).chain((6..64).map(|bit| 1 << bit)).chain([u64::MAX]) {
        tally.refused(sys::raw(number, [u64::MAX; 6]), &[Error::NoSuchCall]);
    }
    let kinds = [
        (own.partition, PartitionOperation::ALL.len() as u64),
        (own.context, ContextOperation::ALL.len() as u64),
        (own.slot(Kind::Ports), 0),
        (own.slot(Kind::Doorbell), 0),
    ];
    for (slot, first) in kinds {
        for operation in [first, first + 1, 1 << 8, 1 << 32, u64::MAX] {
            tally.refused(control(slot, operation, [0; 4]), &[Error::NoSuchCall]);
        }
    }
}

fn numbers(tally: &mut Tally, own: &Own) {
    let known = Reason::ALL.map(|reason| reason as u64);
    let evicted = Reason::Evicted as u64;
    for reason in
        (0..70).chain([1 << 32, u64::MAX]).filter(|one| !known.contains(one) || *one == evicted)
    {
        tally.refused(call(Call::Exit, [reason, 0, 0, 0, 0, 0]), &[Error::BadArgument]);
    }
    for bit in [64, 255, u64::from(u32::MAX)] {
        tally.denied(put(own, SPARE, own.context, 2, Kind::Doorbell, bit));
    }
    for rights in [1 << 4, 1 << 8, u64::MAX] {
        tally.denied(put(own, SPARE, own.context, rights, Kind::Doorbell, 0));
    }
    for slot in [0, u64::from(u16::MAX), 1 << 16, u64::MAX] {
        tally.denied(put(own, slot, own.context, 2, Kind::Doorbell, 0));
    }
    for word in [8, 9, u64::MAX] {
        tally.denied(control(own.context, ContextOperation::Fault as u64, [word, 0, 0, 0]));
    }
}

/// Frames of its own memory, which are all in use, as what the kernel keeps for itself.
fn frames_in_use(tally: &mut Tally, own: &Own) {
    let slots = partition(own, PartitionOperation::State, [0; 4]).map_or(1, |values| values[3]);
    for frame in own_frames(own).into_iter().take(32).chain([1 << 40, u64::MAX]) {
        tally.denied(partition(own, PartitionOperation::AddTable, [1 << 46, 3, frame, 0]));
        tally.denied(partition(own, PartitionOperation::AddSlots, [slots, frame, 0, 0]));
    }
    for operation in [PartitionOperation::Destroy, PartitionOperation::RemoveSlots] {
        tally.denied(partition(own, operation, [0; 4]));
    }
}
