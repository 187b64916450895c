//! The kernel's logic, without the machine: objects, capabilities, events, plans and the calls.
//!
//! Safe code over the [`machine::Machine`] trait; it holds no memory of its own and allocates none.
//! The machine side saves the registers of whom it interrupted into the running [`Context`], notes there how they are to be
//! restored, says that the processor entered the kernel, calls what fits of [`Here`], and does what [`Next`] says.

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
mod races_tests;
mod schedule;
mod stop;
pub mod trace;
mod watch;

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
pub struct Here<'a, M> {
    /// The machine.
    pub machine: &'a M,
    /// The processor.
    pub processor: &'a Processor,
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

impl<'a, M: Machine> Here<'a, M> {
    /// The processor's timer fired. The running context, if any, was saved in full and is to be restored so.
    pub fn timer(self) -> Next<'a> {
        self.processor.armed.set(u64::MAX);
        self.processor.timer_interrupts.add(1);
        self.reschedule(true)
    }

    /// Interrupt line `line` came; as for [`Here::timer`]. Ends the interrupt by `Machine::hold_line`.
    pub fn interrupt(self, line: u32) -> Next<'a> {
        self.processor.quiet.set(0);
        interrupt::deliver(self, line).unwrap_or_else(|| self.reschedule(true))
    }

    /// Another processor sent its interrupt, or this one is to start running its plan for the first time; as for
    /// [`Here::timer`].
    pub fn nudge(self) -> Next<'a> {
        self.processor.quiet.set(0);
        stop::serve_stop(self);
        stop::serve_flush(self);
        self.reschedule(true)
    }

    /// The running context caused an exception; as for [`Here::timer`].
    pub fn fault(self, record: FaultRecord) -> Next<'a> {
        if let Some(frame) = self.processor.current() {
            stop::fail(self, self.machine.object::<Context>(frame), record, 0);
        }
        self.reschedule(true)
    }
}
