//! Operations on memory, channels, processors, interrupts and the kernel, with right and wrong arguments.
//!
//! The manifest flag `tester` gives what they need. Whatever they change they change back.

use crate::check;
use crate::outcome::{Trouble, Verdict, bad_argument, done, refused};
use crate::world::World;
use abi::call::{Call, Error};
use abi::control::{
    ChannelOperation, FrameUse, InterruptOperation, KernelOperation, MemoryOperation,
    PartitionOperation, ProcessorOperation,
};
use abi::layout;
use abi::rights::{Kind, Rights};
use rt::sys::{self, Outcome};

/// First frame looked at for a free one: at 64 MiB, far from what the loader takes at the top of memory.
const SOMEWHERE: u64 = 0x4000;
/// Argument `a` of an operation, as errors count.
const FIRST: u64 = 3;

fn memory(world: &World, operation: MemoryOperation, arguments: [u64; 4]) -> Outcome {
    world.control(world.memory, operation as u64, arguments)
}

/// What the ledger says of a frame.
fn query(world: &World, frame: u64) -> Result<[u64; 4], Trouble> {
    done("Query", memory(world, MemoryOperation::Query, [frame, 0, 0, 0]))
}

/// A frame that nobody uses.
fn free_frame(world: &World) -> Result<u64, Trouble> {
    for frame in SOMEWHERE..SOMEWHERE + 4096 {
        if query(world, frame)?[0] == FrameUse::Free as u64 {
            return Ok(frame);
        }
    }
    Err(Trouble::new(format_args!("no frame is free")))
}

/// The frame of its own first page.
fn own_frame(world: &World) -> Result<u64, Trouble> {
    let arguments = [layout::PROGRAM_BASE, 0, 0, 0];
    let found = world.control(world.partition, PartitionOperation::Translate as u64, arguments);
    Ok(done("Translate", found)?[0])
}

// covers: KRN-2
pub fn memory_in_use_stays_what_it_is(world: &mut World) -> Verdict {
    let own = own_frame(world)?;
    let before = query(world, own)?;
    check!(before[0] == FrameUse::User as u64 && before[2] >= 1, "own page: {before:?}");
    let (channel, spare) = (Kind::Channel as u64, world.spare()?);
    let create = |kind, frame, slot| memory(world, MemoryOperation::Create, [kind, frame, slot, 0]);
    refused("a page in use as object", create(channel, own, spare), Error::WrongFrame)?;
    refused(
        "Assign of it",
        memory(world, MemoryOperation::Assign, [own, 1, world.partition, 0]),
        Error::WrongFrame,
    )?;
    let released = memory(world, MemoryOperation::Release, [own, 1, 0, 0]);
    check!(released.is_err(), "a mapped page was released");
    check!(query(world, own)? == before, "it changed");
    let free = free_frame(world)?;
    bad_argument("a doorbell as object", create(Kind::Doorbell as u64, free, spare), FIRST)?;
    refused("object into a full slot", create(channel, free, world.context), Error::Occupied)?;
    let none = memory(world, MemoryOperation::Assign, [free, 0, world.partition, 0]);
    bad_argument("no pages", none, FIRST + 1)?;
    check!(query(world, free)?[0] == FrameUse::Free as u64, "the free frame is gone");
    refused(
        "beyond memory",
        memory(world, MemoryOperation::Query, [u64::MAX; 4]),
        Error::BadArgument,
    )
}

// covers: KRN-3, KRN-8
pub fn a_channel_is_made_and_unmade(world: &mut World) -> Verdict {
    let (frame, slot) = (free_frame(world)?, world.spare()?);
    let arguments = [Kind::Channel as u64, frame, slot, 0];
    done("Create", memory(world, MemoryOperation::Create, arguments))?;
    let channel =
        |operation: ChannelOperation, arguments| world.control(slot, operation as u64, arguments);
    check!(query(world, frame)?[0] == FrameUse::ChannelObject as u64, "no channel object");
    let own = own_frame(world)?;
    let mapped = channel(ChannelOperation::Join, [world.partition, world.partition, own, 1]);
    check!(mapped.is_err(), "a mapped page was joined");
    let nobody = channel(ChannelOperation::Join, [world.context, world.partition, frame, 1]);
    refused("a context as client", nobody, Error::WrongKind)?;
    check!(done("State", channel(ChannelOperation::State, [0; 4]))?[3] == 0, "it has pages");
    done("Part", channel(ChannelOperation::Part, [0; 4]))?;
    done("Destroy", channel(ChannelOperation::Destroy, [0; 4]))?;
    refused("a destroyed one", channel(ChannelOperation::State, [0; 4]), Error::NoCapability)?;
    check!(query(world, frame)?[0] == FrameUse::Free as u64, "its frame was lost");
    Ok(())
}

pub fn a_processor_checks_its_plan(world: &mut World) -> Verdict {
    let on = |operation: ProcessorOperation, arguments| {
        world.control(world.processor, operation as u64, arguments)
    };
    check!(done("State", on(ProcessorOperation::State, [0; 4]))?[0] == 1, "it is not online");
    done("Place", on(ProcessorOperation::Place, [0; 4]))?;
    done("Trace", on(ProcessorOperation::Trace, [u64::MAX, 0, 0, 0]))?;
    bad_argument("a place beyond", on(ProcessorOperation::Place, [256, 0, 0, 0]), FIRST)?;
    bad_argument("no time", on(ProcessorOperation::SetSlot, [0; 4]), FIRST)?;
    bad_argument("places beyond", on(ProcessorOperation::Stage, [64, 0, 0, 0]), FIRST)?;
    bad_argument("a short plan", on(ProcessorOperation::Commit, [15, 0, 0, 0]), FIRST)
}

pub fn an_interrupt_line_is_bound_and_let_go(world: &mut World) -> Verdict {
    let line = |operation: InterruptOperation, arguments| {
        world.control(world.line, operation as u64, arguments)
    };
    check!(done("State", line(InterruptOperation::State, [0; 4]))?[0] == 0, "it was bound");
    refused("slot 0", line(InterruptOperation::Bind, [0; 4]), Error::NoCapability)?;
    refused(
        "a context",
        line(InterruptOperation::Bind, [world.context, 0, 0, 0]),
        Error::WrongKind,
    )?;
    let doorbell = world.own_doorbell(40, Rights::USE)?;
    done("Bind", line(InterruptOperation::Bind, [doorbell, 0, 0, 0]))?;
    check!(done("State", line(InterruptOperation::State, [0; 4]))?[0] != 0, "it is not bound");
    done("acknowledge", sys::raw(Call::Acknowledge as u64, [world.line, 0, 0, 0, 0, 0]))?;
    done("Unbind", line(InterruptOperation::Unbind, [0; 4]))?;
    check!(done("State", line(InterruptOperation::State, [0; 4]))?[0] == 0, "it is still bound");
    world.clear(doorbell)
}

pub fn the_kernel_tells_and_checks(world: &mut World) -> Verdict {
    let kernel = |operation: KernelOperation, argument| {
        world.control(world.kernel, operation as u64, [argument, 0, 0, 0])
    };
    let audited = done("Audit", kernel(KernelOperation::Audit, 0))?;
    check!(audited[1] == 0 && audited[2] == 0, "the audit found {audited:?}");
    bad_argument("a frame beyond", kernel(KernelOperation::Audit, u64::MAX), FIRST)?;
    done("CrashRecord", kernel(KernelOperation::CrashRecord, 0))?;
    bad_argument("a word beyond", kernel(KernelOperation::CrashRecord, u64::MAX), FIRST)?;
    check!(done("Fact", kernel(KernelOperation::Fact, 2))?[0] != 0, "no ticks");
    bad_argument("no such fact", kernel(KernelOperation::Fact, 99), FIRST)
}

// covers: KRN-3
pub fn authority_needs_its_rights(world: &mut World) -> Verdict {
    let objects = [
        (Kind::Memory, world.memory, MemoryOperation::ALL.len(), 0),
        (Kind::Processor, world.processor, ProcessorOperation::ALL.len(), 0),
        (Kind::Interrupt, world.line, InterruptOperation::ALL.len(), world.line_number),
        (Kind::Kernel, world.kernel, KernelOperation::ALL.len(), 0),
    ];
    for (kind, source, operations, parameter) in objects {
        let weak = world.put(source, Rights::USE, (kind as u64) << 32 | parameter)?;
        for operation in 0..operations as u64 {
            refused("with USE alone", world.control(weak, operation, [0; 4]), Error::NoRight)?;
        }
        let beyond = world.control(source, operations as u64, [0; 4]);
        refused("an unknown operation", beyond, Error::NoSuchCall)?;
        world.clear(weak)?;
    }
    Ok(())
}
