//! What the loader hands over to the kernel of the tests, and the audit of what became of it.

use super::{Answer, FRAMES, FREE, TestMachine};
use abi::boot::{BootInformation, FrameRange, MemoryRange, Segment};
use abi::call::{Call, Error};
use abi::control::{Access, FrameUse, first_slot};
use abi::types::{Frame, VirtualAddress};
use kernel_core::context::{Context, register};
use kernel_core::{Here, Next};
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::FromZeros;

fn range(start: u64, count: u64, kind: u32) -> MemoryRange {
    MemoryRange { start: Frame::new(start), count, kind, node: 0 }
}

/// A loader's hand-over: kernel, first program and boot image below [`FREE`], free memory above, a hole at the end.
pub fn information() -> BootInformation {
    information_of(FRAMES)
}

/// The same for a machine of so many frames.
pub fn information_of(frames: u64) -> BootInformation {
    let mut information = BootInformation::new_zeroed();
    information.frames = frames;
    let ranges = [
        range(1, 39, 6),
        range(40, 4, 8),
        range(44, 4, 7),
        range(48, 16, 6),
        range(FREE, frames - FREE - 8, 1),
        range(frames - 4, 2, 2),
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
    information.segments[1] = segment(abi::layout::STACK_TOP - 0x2000, 42, Access::WRITE);
    information.segment_count = 2;
    information.entry = VirtualAddress::new(0x40_0010);
    information
}

impl TestMachine {
    /// A machine without a first partition.
    pub fn bare(processors: u16) -> Self {
        Self::bare_of(processors, FRAMES)
    }

    /// Whether a processor stopped by itself.
    pub fn is_dead(&self, id: usize) -> bool {
        self.dead.get() >> id & 1 != 0
    }
    /// A processor halts by what it remembers; a decision that remembers nothing finds nobody either, and no earlier deadline.
    pub fn look_again(&self, id: u16) {
        let timer = || self.timer_of(id).unwrap_or(u64::MAX);
        let before = timer();
        self.nudge_on(id);
        assert_eq!(self.running(id), None, "somebody was forgotten");
        assert!(before <= timer(), "a deadline was forgotten");
    }

    /// A machine whose first partition runs on processor 0.
    pub fn booted(processors: u16) -> Self {
        Self::booted_of(processors, FRAMES)
    }

    /// Runs the audit over all frames; the first violation as frame and kind. Where there is none, the
    /// free frames it counts must be those of the ledger.
    pub fn audit(&self) -> Option<(u64, u64)> {
        let (mut frame, mut counted) = (0, 0);
        loop {
            let slot = u64::from(first_slot::KERNEL.raw());
            let [next, bad, violation, free] =
                self.patient(slot, 0, [frame, 0, 0, 0]).expect("an audit goes on");
            counted += free;
            if violation != 0 {
                return Some((bad, violation));
            }
            if next == 0 {
                let free = |word: &u64| word & 0xf == FrameUse::Free as u64;
                assert_eq!(
                    counted,
                    self.ledger_words().iter().filter(|word| free(word)).count() as u64
                );
                return None;
            }
            frame = next;
        }
    }

    /// Changes a ledger word behind the kernel's back.
    pub fn corrupt(&self, frame: u64, change: impl Fn(u64) -> u64) {
        let word = &self.ledger[frame as usize];
        word.store(change(word.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
    /// Ledger words of all frames.
    pub fn ledger_words(&self) -> Vec<u64> {
        self.ledger.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }
    /// The words of a frame.
    pub fn words(&self, frame: u64) -> &[AtomicU64; 512] {
        &self.memory[frame as usize].0
    }
    /// A word of a frame.
    pub fn word(&self, frame: u64, index: usize) -> &AtomicU64 {
        &self.memory[frame as usize].0[index]
    }
}

/// One of the calls whose arguments stay in registers.
type Quick<'a> = fn(Here<'a, TestMachine>, &'a Context, [u64; 3]) -> Next<'a>;

/// Which of the quick calls this is.
pub fn quick<'a>(call: Call) -> Quick<'a> {
    match call {
        Call::Wait => Here::wait,
        Call::Ring => Here::ring_call,
        Call::Call => Here::call,
        Call::Yield => Here::give_up,
        _ => Here::acknowledge,
    }
}

impl TestMachine {
    /// What a context's last call answered.
    pub fn answer_of(&self, frame: u64) -> Answer {
        let context = self.context(frame);
        let values = [register::RDX, register::RSI, register::RDI, register::R8]
            .map(|number| context.register(number));
        match Error::from_number(context.register(register::RAX)) {
            None => Ok(values),
            Some(error) => Err((error, values[0])),
        }
    }

    /// A control call of the resource manager, which runs on processor 0.
    pub fn control(&self, slot: u64, operation: u64, [a, b, c, d]: [u64; 4]) -> Answer {
        self.call(0, Call::Control, [slot, operation, a, b, c, d])
    }

    /// A control call, repeated while it answers `Again`, other processors answering in between.
    pub fn patient(&self, slot: u64, operation: u64, arguments: [u64; 4]) -> Answer {
        for _ in 0..10 {
            match self.control(slot, operation, arguments) {
                Err((Error::Again, _)) => self.settle(),
                answer => return answer,
            }
        }
        panic!("Again without end");
    }
}
