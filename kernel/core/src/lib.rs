//! The kernel's logic, without the machine: objects, capabilities, events, plans and the calls.
//!
//! Safe code over the [`machine::Machine`] trait; it holds no memory of its own and allocates none.
//! The machine side saves the registers of whom it interrupted into the running [`Context`],
//! calls the entry below that fits, and does what [`Next`] says.

#![cfg_attr(not(test), no_std)]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

pub mod answer;
pub mod boot;
pub mod capability;
pub mod channel;
pub mod context;
pub mod interrupt;
pub mod ledger;
pub mod machine;
pub mod paging;
pub mod partition;
pub mod plan;
pub mod processor;
pub mod trace;

use context::Context;
use machine::Machine;
use processor::Processor;

/// What the processor does when the kernel is left.
#[must_use]
#[derive(Clone, Copy)]
pub enum Next<'a> {
    /// Restores this context; its address space is already active.
    Run(&'a Context),
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

/// The running context made a system call; `context` is it. Its registers are saved; results are written there.
pub fn system_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    todo_entry(machine, processor, context)
}

/// The processor's timer fired. The running context, if any, was saved in full.
pub fn timer<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    let _ = (machine, processor);
    Next::Halt
}

/// Interrupt line `line` came. The running context, if any, was saved in full. Ends the interrupt by `Machine::hold_line`.
pub fn interrupt<'a, M: Machine>(machine: &'a M, processor: &'a Processor, line: u32) -> Next<'a> {
    let _ = (machine, processor, line);
    Next::Halt
}

/// Another processor sent its interrupt, or this one is to start running its plan for the first time.
pub fn nudge<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    let _ = (machine, processor);
    Next::Halt
}

/// The running context caused an exception; it was saved in full.
pub fn fault<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    record: FaultRecord,
) -> Next<'a> {
    let _ = (machine, processor, record);
    Next::Halt
}

fn todo_entry<'a, M: Machine>(_: &'a M, _: &'a Processor, _: &'a Context) -> Next<'a> {
    Next::Halt
}
