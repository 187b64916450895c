//! What the loader hands over to the kernel of the tests.

use super::{FRAMES, FREE};
use abi::boot::{BootInformation, FrameRange, MemoryRange, Segment};
use abi::control::Access;
use abi::types::{Frame, VirtualAddress};
use zerocopy::FromZeros;

fn range(start: u64, count: u64, kind: u32) -> MemoryRange {
    MemoryRange { start: Frame::new(start), count, kind, node: 0 }
}

/// A loader's hand-over: kernel, first program and boot image below [`FREE`], free memory above, a hole at the end.
pub fn information() -> BootInformation {
    let mut information = BootInformation::new_zeroed();
    information.frames = FRAMES;
    let ranges = [
        range(1, 39, 6),
        range(40, 4, 8),
        range(44, 4, 7),
        range(48, 16, 6),
        range(FREE, FRAMES - FREE - 8, 1),
        range(FRAMES - 4, 2, 2),
    ];
    information.memory[..ranges.len()].copy_from_slice(&ranges);
    information.memory_count = ranges.len() as u32;
    information.pool = FrameRange { start: Frame::new(8), count: 30 };
    information.information = FrameRange { start: Frame::new(50), count: 2 };
    let segment = |address: u64, frame: u64, access: Access| Segment {
        address: VirtualAddress::new(address),
        frame: Frame::new(frame),
        count: 2,
        access: access.bits(),
    };
    information.segments[0] = segment(0x40_0000, 40, Access::EXECUTE);
    information.segments[1] = segment(0x0bff_e000, 42, Access::WRITE);
    information.segment_count = 2;
    information.entry = VirtualAddress::new(0x40_0010);
    information
}
