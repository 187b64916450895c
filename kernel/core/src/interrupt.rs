//! Interrupt lines as doorbells, and the state that all processors share.

use crate::answer::{Answer, Refusal};
use crate::capability::{Capability, is_empty, read, usable_doorbell, write};
use crate::machine::Machine;
use crate::processor::Cell;
use crate::{Here, Next};
use abi::call::Error;
use abi::trace::TraceKind;
use abi::types::ProcessorId;
use core::sync::atomic::{AtomicU64, Ordering};
use zerocopy::FromBytes;

/// Interrupt lines the kernel can bind.
pub const LINES: usize = 256;

/// An interrupt line.
#[derive(FromBytes)]
pub struct Line {
    /// 0 armed, [`RUNG`], and with it [`CAME_AGAIN`].
    state: AtomicU64,
    /// 1 where it stays up until it is served.
    level: Cell,
    /// Doorbell it rings: capability words, 0 for none.
    pub(crate) target: [AtomicU64; 2],
    /// Times it came.
    came: Cell,
    /// Times it was held.
    held: Cell,
}

/// What all processors share; the machine keeps one, zeroed: nothing bound, nothing pending.
#[derive(FromBytes)]
pub struct Kernel {
    pub(crate) lines: [Line; LINES],
    pub(crate) joint: crate::plan::Joint,
    /// Unmappings in partitions that live on several processors, see [`crate::partition::Partition`].
    pub(crate) flushes: AtomicU64,
    /// Control calls that changed something.
    pub(crate) changes: Cell,
    /// Sums of the audit that is under way.
    pub(crate) balance: crate::control::Balance,
    /// Nanoseconds between two looks at other processors, 0 where nobody looks; whom to ring when one has failed. Written under the
    /// control lock.
    pub(crate) watch: Cell,
    pub(crate) bells: [[AtomicU64; 2]; 2],
    /// Frame of the time page; set at boot.
    pub(crate) time_page: Cell,
}

const ARMED: u64 = 0;
/// Rung and not acknowledged.
const RUNG: u64 = 1;
/// Came once more since.
const CAME_AGAIN: u64 = 2;

/// A line came. Who runs next, where that is decided already.
pub(crate) fn deliver<'a, M: Machine>(here: Here<'a, M>, number: u32) -> Option<Next<'a>> {
    let Here { machine, processor } = here;
    processor.trace.add(machine.ticks(), TraceKind::Interrupt, u64::from(number), Some(0));
    let Some(line) = line(machine, number) else {
        machine.hold_line(number, false);
        return None;
    };
    machine.hold_line(number, line.level.get() != 0);
    line.came.add(1);
    if line.state.fetch_or(RUNG, Ordering::AcqRel) != ARMED {
        line.state.fetch_or(CAME_AGAIN, Ordering::AcqRel);
        line.held.add(1);
        return None;
    }
    let doorbell = usable_doorbell(machine, &line.target)?;
    here.wake_owner(doorbell).or_else(|| {
        // The rest of the slot may be over, so this is decided anew in any case.
        let _ = here.ring(doorbell);
        None
    })
}

/// The line was served: rings at once if it came meanwhile, else lets it come. True if this processor has to decide anew who
/// runs.
pub(crate) fn acknowledge<M: Machine>(here: Here<'_, M>, number: u32) -> Result<bool, Refusal> {
    let line = line(here.machine, number).ok_or(Refusal::argument(1))?;
    if is_empty(&line.target) {
        return Err(Error::WrongState.into());
    }
    // One that comes between the two swaps rings by itself; the doorbell's bit is then set twice.
    if line.state.swap(ARMED, Ordering::AcqRel) & CAME_AGAIN != 0 {
        line.state.fetch_or(RUNG, Ordering::AcqRel);
        return Ok(here.ring_by(&line.target));
    }
    if line.level.get() != 0 {
        here.machine.release_line(number);
    }
    Ok(false)
}

/// Makes a line ring a doorbell, on the doorbell's processor.
pub(crate) fn bind<M: Machine>(
    machine: &M,
    number: u32,
    doorbell: Capability,
    processor: ProcessorId,
) -> Answer {
    let line = line(machine, number).ok_or(Refusal::argument(1))?;
    let (state, before) = (line.state.swap(ARMED, Ordering::AcqRel), read(&line.target));
    write(&line.target, doorbell.pack());
    if let Some(level) = machine.bind_line(number, processor) {
        line.level.set(u64::from(level));
        return Ok(crate::answer::NOTHING);
    }
    write(&line.target, before);
    line.state.store(state, Ordering::Release);
    Err(Refusal::argument(1))
}

/// Masks a line; it rings nothing.
pub(crate) fn unbind<M: Machine>(machine: &M, number: u32) -> Answer {
    let line = line(machine, number).ok_or(Refusal::argument(1))?;
    machine.unbind_line(number);
    write(&line.target, [0, 0]);
    line.state.store(ARMED, Ordering::Release);
    Ok(crate::answer::NOTHING)
}

/// Bound, times it came, times it was held, masked.
pub(crate) fn state<M: Machine>(machine: &M, number: u32) -> Answer {
    let line = line(machine, number).ok_or(Refusal::argument(1))?;
    let bound = u64::from(!is_empty(&line.target));
    let masked = u64::from(bound == 0 || line.state.load(Ordering::Acquire) != ARMED);
    Ok([bound, line.came.get(), line.held.get(), masked])
}

fn line<M: Machine>(machine: &M, number: u32) -> Option<&Line> {
    machine.kernel().lines.get(usize::try_from(number).ok()?)
}
