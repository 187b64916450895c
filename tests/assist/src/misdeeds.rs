//! The misdeeds, each by its name.

use crate::{compute, instructions as wrong};
use abi::call::Call;
use abi::fault::Reason;
use abi::types::Slot;
use alloc::vec::Vec;
use assist::{Assistance, EXIT_WORDS, Misdeed};
use rt::{Server, System, sys};

/// How many calls, rings or bytes a flood has.
const FLOOD: u64 = 20_000;

/// Does it. Comes back only from what a partition survives.
pub fn commit(misdeed: Misdeed, system: &mut System, suite: Server<Assistance>) {
    match misdeed {
        Misdeed::Panic => panic!("because it was asked to"),
        Misdeed::Exit => sys::exit(Reason::Exit, EXIT_WORDS[0], [EXIT_WORDS[1], EXIT_WORDS[2]]),
        Misdeed::OutOfMemory => take_all_memory(),
        Misdeed::Calls => arbitrary_calls(),
        Misdeed::Ring => ring_everything(),
        Misdeed::Scribble => scribble(system, suite),
        Misdeed::Spin => compute(),
        other => instruction(other),
    }
}

/// Misdeeds of one or a few instructions.
fn instruction(misdeed: Misdeed) {
    match misdeed {
        Misdeed::ReadNull => wrong::read_null(),
        Misdeed::WriteCode => wrong::write_code(),
        Misdeed::RunStack => wrong::run_stack(),
        Misdeed::ReadKernel => wrong::read_kernel(),
        Misdeed::WriteKernel => wrong::write_kernel(),
        Misdeed::WriteTime => wrong::write_time(),
        Misdeed::WriteInformation => wrong::write_information(),
        Misdeed::ReadHole => wrong::read_hole(),
        Misdeed::RunHole => wrong::run_hole(),
        Misdeed::RunKernel => wrong::run_kernel(),
        Misdeed::Overflow => wrong::overflow(),
        Misdeed::Divide => wrong::divide(),
        Misdeed::Invalid => wrong::invalid(),
        Misdeed::Breakpoint => wrong::breakpoint(),
        Misdeed::SoftwareInterrupt => wrong::software_interrupt(),
        Misdeed::ClearInterrupts => wrong::clear_interrupts(),
        Misdeed::Halt => wrong::halt(),
        Misdeed::ReadControl => wrong::read_control(),
        Misdeed::WriteControl => wrong::write_control(),
        Misdeed::ReadModel => wrong::read_model(),
        Misdeed::WriteModel => wrong::write_model(),
        Misdeed::LoadTable => wrong::load_table(),
        Misdeed::ReadPort => wrong::read_port(),
        Misdeed::WritePort => wrong::write_port(),
        Misdeed::Vector => wrong::vector(),
        Misdeed::Float => wrong::float(),
        Misdeed::Trap => wrong::trap(),
        Misdeed::FastCall => wrong::fast_call(),
        Misdeed::Segment => wrong::segment(),
        other => privileged(other),
    }
}

/// More of them, about what lies between a partition and the kernel.
fn privileged(misdeed: Misdeed) {
    match misdeed {
        Misdeed::ReadDebug => wrong::read_debug(),
        Misdeed::Counter => wrong::counter(),
        Misdeed::ReadBase => wrong::read_base(),
        Misdeed::Extensions => wrong::extensions(),
        Misdeed::Watch => wrong::watch(),
        Misdeed::SwapBase => wrong::swap_base(),
        Misdeed::Return => wrong::return_from_call(),
        Misdeed::ReturnInside => wrong::return_inside(),
        Misdeed::LocalSegment => wrong::local_segment(),
        Misdeed::TaskCall => wrong::task_call(),
        Misdeed::TimerInterrupt => wrong::timer_interrupt(),
        Misdeed::DebugTrap => wrong::debug_trap(),
        Misdeed::OddCall => wrong::odd_call(),
        Misdeed::Segments => wrong::segments(),
        Misdeed::Privilege => wrong::privilege(),
        _ => {}
    }
}

fn take_all_memory() {
    let mut taken = Vec::new();
    loop {
        taken.push(Vec::<u8>::with_capacity(4096));
    }
}

/// Numbers that look arbitrary.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number of a size that means something to some call.
    fn argument(&mut self) -> u64 {
        let value = self.next();
        match value >> 61 {
            0 => value & 7,
            1 => value & 0xff,
            2 => value & 0xffff,
            3 => value & 0xffff_f000,
            4 => !(value & 0xffff),
            5 => 1 << (value & 63),
            _ => value,
        }
    }
}

/// Every call but `exit`, with whatever arguments; none that waits.
fn arbitrary_calls() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..FLOOD {
        let number = numbers.next() % 12;
        let mut arguments: [u64; 6] = core::array::from_fn(|_| numbers.argument());
        if number == Call::Wait as u64 {
            arguments[1] = 0;
        }
        if number == Call::Call as u64 {
            arguments[2] = 0;
        }
        if number != Call::Exit as u64 {
            // Whatever it is answered, this partition goes on.
            let _ = sys::raw(number, arguments);
        }
    }
}

fn ring_everything() {
    for number in 0..FLOOD {
        let slot = u16::try_from(number % 64).unwrap_or(0);
        let _ = sys::ring(Slot::new(slot));
    }
}

fn scribble(system: &mut System, suite: Server<Assistance>) {
    let Some(channel) = suite.about(system) else { return };
    let mut numbers = Numbers(channel.length | 1);
    for offset in 0..channel.length {
        wrong::scribble(channel.address + offset, numbers.next().to_le_bytes()[3]);
    }
}
