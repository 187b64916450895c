//! The kernel's logic, without the machine: objects, capabilities, events, plans and the calls.
//!
//! Safe code over the [`machine::Machine`] trait; it holds no memory of its own and allocates none.
//! The machine side saves the registers of whom it interrupted into the running [`Context`],
//! calls the entry below that fits, and does what [`Next`] says.

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

use context::Context;
use core::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
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
#[inline]
pub fn system_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    enter(processor);
    context.full.store(0, Relaxed);
    leave(processor, calls::dispatch(machine, processor, context))
}

/// The running context made the call `call` with these arguments; its other registers are saved. Does what
/// [`system_call`] would, without the way of the arguments through memory.
#[inline]
pub fn call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
    arguments: [u64; 3],
) -> Next<'a> {
    enter(processor);
    context.full.store(0, Relaxed);
    leave(processor, calls::call(machine, processor, context, arguments))
}

/// The processor's timer fired. The running context, if any, was saved in full.
pub fn timer<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    interrupted(machine, processor);
    processor.armed.set(u64::MAX);
    processor.timer_interrupts.add(1);
    leave(processor, schedule::reschedule(machine, processor, true))
}

/// Interrupt line `line` came. The running context, if any, was saved in full. Ends the interrupt by `Machine::hold_line`.
pub fn interrupt<'a, M: Machine>(machine: &'a M, processor: &'a Processor, line: u32) -> Next<'a> {
    interrupted(machine, processor);
    // The rest of the slot may be over, so this is decided anew in any case.
    let _ = interrupt::deliver(machine, processor, line);
    leave(processor, schedule::reschedule(machine, processor, true))
}

/// Another processor sent its interrupt, or this one is to start running its plan for the first time.
pub fn nudge<'a, M: Machine>(machine: &'a M, processor: &'a Processor) -> Next<'a> {
    interrupted(machine, processor);
    stop::serve_stop(machine, processor);
    leave(processor, schedule::reschedule(machine, processor, true))
}

/// The running context caused an exception; it was saved in full.
pub fn fault<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    record: FaultRecord,
) -> Next<'a> {
    interrupted(machine, processor);
    if let Some(frame) = processor.current() {
        stop::fail(machine, processor, machine.object::<Context>(frame), record, 0);
    }
    leave(processor, schedule::reschedule(machine, processor, true))
}

/// The kernel is entered: from here on nothing that this processor may look at is put to a new use.
#[inline]
fn enter(processor: &Processor) {
    // A full fence: who frees an object must see the odd count, or this processor the new generation.
    processor.entries.fetch_add(1, SeqCst);
}

/// As [`enter`], from an interrupt or exception: the context it came from has to be restored in full.
fn interrupted<M: Machine>(machine: &M, processor: &Processor) {
    enter(processor);
    if let Some(frame) = processor.current() {
        machine.object::<Context>(frame).full.store(1, Relaxed);
    }
}

#[inline]
fn leave<'a>(processor: &Processor, next: Next<'a>) -> Next<'a> {
    processor.entries.store(processor.entries.load(Relaxed).wrapping_add(1), Release);
    next
}
