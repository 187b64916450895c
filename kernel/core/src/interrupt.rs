//! Interrupt lines as doorbells, and the state that all processors share.

use crate::answer::{Answer, Refusal};
use crate::calls::ring;
use crate::capability::{Capability, is_empty, read, write};
use crate::machine::Machine;
use crate::processor::{Cell, Processor};
use abi::call::Error;
use abi::trace::TraceKind;
use abi::types::ProcessorId;
use core::sync::atomic::{AtomicU64, Ordering};

/// Interrupt lines the kernel can bind.
pub const LINES: usize = 256;

/// An interrupt line.
pub struct Line {
    /// 0 armed, 1 rung and not acknowledged, 2 came once more since.
    state: AtomicU64,
    /// Doorbell it rings: capability words, 0 for none.
    pub(crate) target: [AtomicU64; 2],
    /// Times it came.
    came: Cell,
    /// Times it was held.
    held: Cell,
}

impl Line {
    const fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            target: [const { AtomicU64::new(0) }; 2],
            came: Cell::new(),
            held: Cell::new(),
        }
    }
}

/// What all processors share; the machine keeps one.
pub struct Kernel {
    pub(crate) lines: [Line; LINES],
    pub(crate) joint: crate::plan::Joint,
    /// Control calls that changed something.
    pub(crate) changes: Cell,
    /// Sums of the audit that is under way.
    pub(crate) balance: crate::control::Balance,
    /// Frame of the time page; set at boot.
    pub(crate) time_page: Cell,
}

impl Kernel {
    /// Nothing bound, nothing pending.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lines: [const { Line::new() }; LINES],
            joint: crate::plan::Joint::new(),
            time_page: Cell::new(),
            changes: Cell::new(),
            balance: crate::control::Balance::new(),
        }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

const ARMED: u64 = 0;
const RUNG: u64 = 1;
const CAME_AGAIN: u64 = 2;

/// A line came. True if this processor has to decide anew who runs.
pub(crate) fn deliver<M: Machine>(machine: &M, processor: &Processor, number: u32) -> bool {
    processor.trace.add(machine.now(), TraceKind::Interrupt, u64::from(number), 0);
    machine.hold_line(number);
    let Some(line) = line(machine, number) else {
        return false;
    };
    line.came.add(1);
    let raise = |state| Some(if state == ARMED { RUNG } else { CAME_AGAIN });
    // The closure always answers, so this is the state before.
    let before =
        line.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, raise).unwrap_or(ARMED);
    if before != ARMED {
        line.held.add(1);
        return false;
    }
    line.ring(machine, processor)
}

/// The line was served: rings at once if it came meanwhile, else lets it come. True as for [`deliver`].
pub(crate) fn acknowledge<M: Machine>(
    machine: &M,
    processor: &Processor,
    number: u32,
) -> Result<bool, Refusal> {
    let line = line(machine, number).ok_or(Refusal::argument(1))?;
    if is_empty(&line.target) {
        return Err(Error::WrongState.into());
    }
    let lower = |state| Some(if state == CAME_AGAIN { RUNG } else { ARMED });
    let before =
        line.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, lower).unwrap_or(ARMED);
    if before == CAME_AGAIN {
        return Ok(line.ring(machine, processor));
    }
    machine.release_line(number);
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
    if machine.bind_line(number, processor) {
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

impl Line {
    fn ring<M: Machine>(&self, machine: &M, processor: &Processor) -> bool {
        let doorbell = Capability::unpack(read(&self.target))
            .and_then(|doorbell| doorbell.check_fresh(machine).ok());
        doorbell.is_some_and(|found| ring(machine, processor, found.frame, found.parameter))
    }
}
