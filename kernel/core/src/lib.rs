//! The kernel's logic, without the machine: objects, capabilities, events, plans and the calls.
//!
//! Safe code over the [`machine::Machine`] trait; it holds no memory of its own and allocates none.
//! The machine side saves the registers of whom it interrupted into the running [`Context`], notes there how they are to be
//! restored, says that the processor entered the kernel, calls the entry below that fits, and does what [`Next`] says.

#![cfg_attr(not(test), no_std)]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

pub mod answer;
pub mod boot;
mod calls;
pub mod capability;
pub mod channel;
pub mod context;
mod control;
pub mod event;
mod frame;
pub mod interrupt;
pub mod ledger;
pub mod machine;
pub mod paging;
pub mod partition;
pub mod plan;
pub mod processor;
#[cfg(test)]
mod races;
mod schedule;
mod stop;
pub mod trace;

use abi::call::Call;
use context::Context;
use machine::Machine;
use processor::Processor;

/// What the processor does when the kernel is left.
#[must_use]
#[derive(Clone, Copy)]
pub enum Next<'a> {
    /// Restores this context as [`Context::restore`] says; in a call that succeeded value 0 is this, status and other
    /// values are 0. Its address space is already active.
    Run(&'a Context, u64),
    /// Halts with interrupts on, on the kernel's page tables (already active).
    Halt,
}

/// Why the processor stopped a context, see [`abi::fault`]. Instruction and stack pointer are taken from the saved registers.
#[derive(Clone, Copy, Debug)]
pub struct FaultRecord {
    /// Exception vector, or an `abi::fault::Reason`.
    pub reason: u64,
    /// Error code.
    pub code: u64,
    /// Faulting address.
    pub address: u64,
}

/// The machine, and the processor on which the kernel was entered.
pub(crate) struct Here<'a, M> {
    pub(crate) machine: &'a M,
    pub(crate) processor: &'a Processor,
}

impl<M> Clone for Here<'_, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Here<'_, M> {}

/// Calls with numbers below this take at most three arguments, and those stay in registers.
pub const QUICK_CALLS: u64 = 5;

/// The running context made one of the [`QUICK_CALLS`] with these arguments; what a call keeps of its registers is saved.
#[inline(always)]
pub fn quick<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
    call: Call,
    arguments: [u64; 3],
) -> Next<'a> {
    Here { machine, processor }.quick(context, call, arguments)
}

/// The running context made the call `call`: the straight way, to the context that it calls and what that takes from its wait.
/// `None` where that is not the way; nothing was done then, and [`quick`] does it.
#[inline(always)]
pub fn call_straight<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
    arguments: [u64; 3],
) -> Option<(&'a Context, u64)> {
    Here { machine, processor }.call_straight(context, arguments)
}

/// The running context made any other call. Its registers are saved; results are written there.
pub fn system_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    Here { machine, processor }.dispatch(context)
}

/// The processor's timer fired. The running context, if any, was saved in full and is to be restored so.
pub fn timer<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    let here = Here { machine, processor };
    processor.armed.set(u64::MAX);
    processor.timer_interrupts.add(1);
    here.reschedule(true)
}

/// Interrupt line `line` came; as for [`timer`]. Ends the interrupt by `Machine::hold_line`.
pub fn interrupt<'a, M: Machine>(machine: &'a M, processor: &'a Processor, line: u32) -> Next<'a> {
    let here = Here { machine, processor };
    // The rest of the slot may be over, so this is decided anew in any case.
    let _ = interrupt::deliver(here, line);
    here.reschedule(true)
}

/// Another processor sent its interrupt, or this one is to start running its plan for the first time; as for [`timer`].
pub fn nudge<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    let here = Here { machine, processor };
    stop::serve_stop(here);
    here.reschedule(true)
}

/// The running context caused an exception; as for [`timer`].
pub fn fault<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    record: FaultRecord,
) -> Next<'a> {
    let here = Here { machine, processor };
    if let Some(frame) = processor.current() {
        stop::fail(here, machine.object::<Context>(frame), record, 0);
    }
    here.reschedule(true)
}
