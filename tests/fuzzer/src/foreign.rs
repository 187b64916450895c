//! Frames of others, as the ledger tells them.

use abi::call::Call;
use abi::control::{FrameUse, MemoryOperation, PartitionOperation};
use abi::layout;
use fuzzer::FOREIGN;
use rt::capability::object;
use rt::{System, sys};

/// Frames looked through for those of others: all of 512 MiB.
const FRAMES: u64 = 1 << 17;

/// Frames that are not a fuzzer's, one of each use that frames can have for good; 0 for none.
pub fn frames(system: &System) -> [u64; FOREIGN] {
    let slot = |found: Option<u16>| found.map_or(0, u64::from);
    let memory = slot(system.capability::<object::Memory>("memory").map(|it| it.slot().raw()));
    let own = system.capability::<object::Partition>("self-partition");
    let own = slot(own.map(|it| it.slot().raw()));
    let control = |slot, operation, argument| {
        sys::raw(Call::Control as u64, [slot, operation, argument, 0, 0, 0])
    };
    let translate = |address| {
        let found = control(own, PartitionOperation::Translate as u64, address);
        found.map_or(0, |[frame, ..]| frame)
    };
    let wanted = [
        FrameUse::Kernel,
        FrameUse::PartitionObject,
        FrameUse::ContextObject,
        FrameUse::ChannelObject,
        FrameUse::SlotTable,
        FrameUse::PageTable,
    ];
    let mut frames = [0; FOREIGN];
    for frame in (1..FRAMES).rev() {
        let found = control(memory, MemoryOperation::Query as u64, frame);
        let kind = found.map_or(0, |[kind, ..]| kind);
        let place = wanted.iter().position(|used| *used as u64 == kind);
        if let Some(place) = place {
            frames[place] = frame;
        }
        if frames.iter().take(wanted.len()).all(|frame| *frame != 0) {
            break;
        }
    }
    // Memory of the leader, and of a channel that is not a fuzzer's.
    frames[FOREIGN - 2] = translate(layout::PROGRAM_BASE);
    frames[FOREIGN - 1] = translate(layout::INFORMATION);
    frames
}
