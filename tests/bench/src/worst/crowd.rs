//! A plan full of contexts that wait for each other, and how long the scheduler takes with it.

use super::{SLOTS, Worst};
use crate::stamp;
use abi::control::{ContextOperation, PLAN_PLACES, PartitionOperation, ProcessorOperation};
use abi::rights::{Kind, Rights};
use abi::types::{Nanoseconds, Slot};
use core::sync::atomic::AtomicU64;
use rt::sys::{self, Failure};

/// Takers of slack beside this partition's own context.
const CROWD: usize = PLAN_PLACES - SLOTS as usize - 1;
/// Words of a stack for one of them.
const STACK: usize = 128;
/// The events that they ring, and that they wait for, which never come.
const RUNG: u64 = 0;
const AWAITED: u64 = 1 << 1;
/// Slots during which the decisions are looked at, and their length.
const BOUNDARIES: u64 = 64;
const SLOT: u64 = 200_000;
/// A slot that does not end.
const LONG: u64 = 10_000_000_000;
/// Milliseconds in which all of the crowd have begun to wait.
const SETTLE: u64 = 2 * CROWD as u64;

static STACKS: [[AtomicU64; STACK]; CROWD] =
    [const { [const { AtomicU64::new(0) }; STACK] }; CROWD];

/// What they do: call the next one, which never answers.
extern "C" fn call_the_next(doorbell: u64) -> ! {
    loop {
        let slot = Slot::new(u16::try_from(doorbell).unwrap_or(0));
        let _ = sys::call(slot, AWAITED, Nanoseconds::NEVER);
    }
}

impl Worst {
    /// Makes the crowd, lets it wait, and looks at every kind of decision.
    pub fn crowd(&mut self) -> Result<(), Failure> {
        let mut crowd = [0; CROWD + 1];
        for place in crowd.iter_mut().take(CROWD) {
            *place = self.slot();
            self.create(Kind::Context, *place, self.partition)?;
        }
        crowd[CROWD] = self.context;
        self.start(&crowd)?;
        self.take_over(&crowd)?;
        self.sleep(SETTLE);
        // The slots are those of one that waits as well: nobody but the last taker ever runs.
        self.plan(crowd[0], &crowd)?;
        self.control(self.processor, ProcessorOperation::SetSlot, [SLOT, 0, 0, 0])?;
        self.boundaries();
        // From here on no slot ends in the middle of what is timed.
        self.control(self.processor, ProcessorOperation::SetSlot, [LONG, 0, 0, 0])?;
        self.sleep(5);
        self.waits();
        self.endings(&crowd)
    }

    /// Starts each with a doorbell of the next.
    fn start(&mut self, crowd: &[u64; CROWD + 1]) -> Result<(), Failure> {
        let entry = call_the_next as extern "C" fn(u64) -> ! as *const () as u64;
        for (index, stack) in STACKS.iter().enumerate() {
            let bell = self.bell(crowd[(index + 1) % CROWD])?;
            // As a call would leave it: eight bytes below a multiple of sixteen.
            let top = stack.as_ptr_range().end as u64 / 16 * 16 - 8;
            self.configure(crowd[index], entry, top, bell)?;
            self.control(crowd[index], ContextOperation::Start, [0; 4])?;
        }
        Ok(())
    }

    /// A doorbell of a context.
    fn bell(&mut self, context: u64) -> Result<u64, Failure> {
        let bell = self.slot();
        let rights = u64::from(Rights::all().bits());
        let what = (Kind::Doorbell as u64) << 32 | RUNG;
        self.control(self.partition, PartitionOperation::Put, [bell, context, rights, what])?;
        Ok(bell)
    }

    /// Does nothing but read the counter, over the ends of many slots.
    fn boundaries(&mut self) {
        let end = rt::time::now().raw() + BOUNDARIES * SLOT;
        let mut longest = 0;
        let mut last = stamp::now();
        loop {
            for _ in 0..1000 {
                let now = stamp::now();
                longest = longest.max(now - last);
                last = now;
            }
            if rt::time::now().raw() > end {
                break;
            }
            last = stamp::now();
        }
        self.spans.note(["scheduler", "slot"], longest);
    }

    /// Waits that have ended before they began, and yields to nobody: each is a decision among all.
    fn waits(&mut self) {
        for _ in 0..BOUNDARIES {
            self.spans.time(["scheduler", "yield"], sys::yield_slot);
            self.spans.time(["scheduler", "wait"], || sys::wait(0, Nanoseconds::new(1))).ok();
        }
    }

    /// One of the crowd starts where nothing is mapped: its fault, and all others looked at for who is next.
    fn endings(&mut self, crowd: &[u64; CROWD + 1]) -> Result<(), Failure> {
        for place in crowd.iter().take(SLOTS as usize) {
            self.patient(*place, ContextOperation::Stop, [0; 4])?;
            self.configure(*place, 0, 0, 0)?;
            self.spans.time(["scheduler", "fault"], || {
                sys::control(Slot::new(*place as u16), ContextOperation::Start as u64, [0; 4])
            })?;
            self.spans.time(["scheduler", "fault"], sys::yield_slot);
        }
        Ok(())
    }
}
