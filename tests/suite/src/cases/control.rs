//! Every operation of the `control` call on the partition's own objects, with right and wrong arguments.

use crate::check;
use crate::outcome::{Verdict, bad_argument, done, refused};
use crate::world::World;
use abi::call::Error;
use abi::control::{Access, ContextOperation, ContextState, PartitionOperation};
use abi::layout;
use abi::rights::{Kind, Rights};
use abi::types::PAGE_SIZE;
use core::sync::atomic::AtomicU64;
use rt::sys::Outcome;

/// An address with a page table and nothing mapped: the first page of the last stride below the stack's top.
const SCRATCH: u64 = layout::STACK_TOP - layout::STACK_STRIDE;
const WRITE: u64 = Access::WRITE.bits();
const EXECUTE: u64 = Access::EXECUTE.bits();

fn partition(world: &World, operation: PartitionOperation, arguments: [u64; 4]) -> Outcome {
    world.control(world.partition, operation as u64, arguments)
}

fn context(world: &World, operation: ContextOperation, arguments: [u64; 4]) -> Outcome {
    world.control(world.context, operation as u64, arguments)
}

/// The frame and access bits of the page at an address.
fn translate(world: &World, address: u64) -> Outcome {
    partition(world, PartitionOperation::Translate, [address, 0, 0, 0])
}

pub fn unknown_operations_are_refused(world: &mut World) -> Verdict {
    let known = [
        (world.partition, PartitionOperation::ALL.len()),
        (world.context, ContextOperation::ALL.len()),
        (world.exit, 0),
        (world.debug, 0),
    ];
    for (slot, first) in known {
        for operation in [first as u64, first as u64 + 1, 1 << 32, u64::MAX] {
            let outcome = world.control(slot, operation, [0; 4]);
            refused("unknown operation", outcome, Error::NoSuchCall)?;
        }
    }
    for (what, slot, error) in world.wrong_slots() {
        if error == Error::NoCapability {
            refused(what, world.control(slot, 0, [0; 4]), error)?;
        }
    }
    Ok(())
}

// covers: KRN-3
pub fn operations_need_their_right(world: &mut World) -> Verdict {
    let kinds = [
        (Kind::Partition, world.partition, PartitionOperation::ALL.len()),
        (Kind::Context, world.context, ContextOperation::ALL.len()),
    ];
    for (kind, source, operations) in kinds {
        let weak = world.put(source, Rights::USE, (kind as u64) << 32)?;
        for operation in 0..operations as u64 {
            let outcome = world.control(weak, operation, [0; 4]);
            refused("operation with USE alone", outcome, Error::NoRight)?;
        }
        world.clear(weak)?;
    }
    Ok(())
}

pub fn inspecting_changes_nothing(world: &mut World) -> Verdict {
    let weak = world.put(world.partition, Rights::INSPECT, (Kind::Partition as u64) << 32)?;
    for (operation, name) in PartitionOperation::ALL {
        let look = *operation == PartitionOperation::Look;
        let what = if look { 1 } else { layout::PROGRAM_BASE };
        let outcome = world.control(weak, *operation as u64, [what, 0, 0, 0]);
        let reads = [PartitionOperation::State, PartitionOperation::Translate].contains(operation);
        let reads = reads || look;
        if reads {
            done(name, outcome)?;
        } else {
            refused(name, outcome, Error::NoRight)?;
        }
    }
    world.clear(weak)?;
    let manager = world.put(world.context, Rights::MANAGE, (Kind::Context as u64) << 32)?;
    for operation in [ContextOperation::Renew, ContextOperation::State, ContextOperation::Destroy] {
        refused("MANAGE alone", world.control(manager, operation as u64, [0; 4]), Error::NoRight)?;
    }
    world.clear(manager)
}

pub fn the_partition_tells_its_state(world: &mut World) -> Verdict {
    let state = done("State", partition(world, PartitionOperation::State, [0; 4]))?;
    let [frames, tables, contexts, slots] = state;
    check!(frames > 4 && tables >= 4, "{frames} frames, {tables} tables");
    check!(contexts == 1 && slots >= 1, "{contexts} contexts, {slots} pages of slots");
    Ok(())
}

// covers: KRN-2
pub fn pages_are_mapped_as_the_program_says(world: &mut World) -> Verdict {
    static CELL: AtomicU64 = AtomicU64::new(1);
    let code = pages_are_mapped_as_the_program_says as *const () as u64;
    let data = &raw const CELL as u64;
    let read_only = [layout::TIME_PAGE, layout::INFORMATION];
    let access =
        |address: u64| done("Translate", translate(world, address / PAGE_SIZE * PAGE_SIZE));
    check!(access(code)?[1] == EXECUTE, "code has {:#x}", access(code)?[1]);
    check!(access(data)?[1] == WRITE, "data has {:#x}", access(data)?[1]);
    for address in read_only {
        check!(access(address)?[1] == 0, "{address:#x} has {:#x}", access(address)?[1]);
    }
    for address in [0, PAGE_SIZE, layout::PROGRAM_BASE - PAGE_SIZE, SCRATCH] {
        refused("unmapped", translate(world, address), Error::NotMapped)?;
    }
    for address in [layout::PROGRAM_BASE + 1, layout::USER_END, layout::DIRECT_MAP, u64::MAX] {
        bad_argument("no page of a partition", translate(world, address), 3)?;
    }
    Ok(())
}

pub fn no_page_is_writable_and_executable(world: &mut World) -> Verdict {
    let pages = |start: u64, end: u64| (start..end).step_by(PAGE_SIZE as usize);
    let program = pages(layout::PROGRAM_BASE, layout::PROGRAM_BASE + (4 << 20));
    let rest = pages(SCRATCH, layout::LASTING);
    for address in program.chain(rest) {
        if let Ok([_, access, ..]) = translate(world, address) {
            check!(access & 3 != 3, "{address:#x} is writable and executable");
        }
    }
    Ok(())
}

pub fn own_memory_can_be_mapped_twice(world: &mut World) -> Verdict {
    let stack = layout::STACK_TOP - PAGE_SIZE;
    let [frame, ..] = done("Translate", translate(world, stack))?;
    let map = |access: u64| partition(world, PartitionOperation::Map, [SCRATCH, frame, 1, access]);
    check!(done("Map", map(WRITE))?[0] == 1, "not one page");
    let [again, access, ..] = done("Translate", translate(world, SCRATCH))?;
    check!(again == frame && access == WRITE, "frame {again:#x}, access {access:#x}");
    refused("Map over it", map(0), Error::Occupied)?;
    let unmap = [SCRATCH, 1, 0, 0];
    check!(done("Unmap", partition(world, PartitionOperation::Unmap, unmap))?[0] == 1, "not one");
    refused("Translate", translate(world, SCRATCH), Error::NotMapped)?;
    done("Unmap of nothing", partition(world, PartitionOperation::Unmap, unmap)).map(drop)
}

pub fn mapping_checks_its_arguments(world: &mut World) -> Verdict {
    let [frame, ..] = done("Translate", translate(world, layout::STACK_TOP - PAGE_SIZE))?;
    let map = |arguments: [u64; 4]| partition(world, PartitionOperation::Map, arguments);
    for access in [WRITE | EXECUTE, 8, 1 << 63, u64::MAX] {
        bad_argument("access", map([SCRATCH, frame, 1, access]), 6)?;
    }
    for address in [SCRATCH + 1, layout::USER_END, layout::DIRECT_MAP, 1 << 63, u64::MAX] {
        bad_argument("address", map([address, frame, 1, 0]), 3)?;
    }
    let high = layout::USER_END - PAGE_SIZE;
    for count in [2, u64::MAX / PAGE_SIZE, u64::MAX] {
        let outcome = map([high, frame, count, 0]);
        check!(outcome.is_err(), "{count} pages at the end of the address space: {outcome:?}");
    }
    refused("no table there", map([1 << 46, frame, 1, 0]), Error::NotMapped)?;
    for other in [u64::MAX, 1 << 52, 1 << 40, 1 << 36] {
        let outcome = map([SCRATCH, other, 1, 0]);
        let wrong =
            outcome.is_err_and(|f| [Error::WrongFrame, Error::BadArgument].contains(&f.error));
        check!(wrong, "frame {other:#x}: {outcome:?}");
    }
    Ok(())
}

/// Tries to map every frame of the first 512 MiB writable: only what is the partition's own may work.
// covers: KRN-2
pub fn no_foreign_frame_can_be_mapped(world: &mut World) -> Verdict {
    let own = done("State", partition(world, PartitionOperation::State, [0; 4]))?[0];
    let mut mapped = 0;
    for frame in 0..1 << 17 {
        let outcome = partition(world, PartitionOperation::Map, [SCRATCH, frame, 1, WRITE]);
        if outcome.is_ok() {
            mapped += 1;
            done("Unmap", partition(world, PartitionOperation::Unmap, [SCRATCH, 1, 0, 0]))?;
        }
    }
    let allowed = own + world.shared_pages;
    check!(
        mapped > 0 && mapped <= allowed,
        "{mapped} frames could be mapped, {allowed} are its own"
    );
    Ok(())
}

pub fn tables_and_slots_want_free_frames(world: &mut World) -> Verdict {
    let [frame, ..] = done("Translate", translate(world, layout::STACK_TOP - PAGE_SIZE))?;
    let operation = |operation, arguments| partition(world, operation, arguments);
    for level in [0, 5, u64::MAX] {
        let outcome = operation(PartitionOperation::AddTable, [1 << 46, level, frame, 0]);
        bad_argument("level", outcome, 4)?;
        bad_argument(
            "level",
            operation(PartitionOperation::RemoveTable, [SCRATCH, level, 0, 0]),
            4,
        )?;
    }
    let outcome = operation(PartitionOperation::AddTable, [1 << 46, 3, frame, 0]);
    refused("a table out of its own memory", outcome, Error::WrongFrame)?;
    let outcome = operation(PartitionOperation::RemoveTable, [SCRATCH, 1, 0, 0]);
    refused("a table in use", outcome, Error::InUse)?;
    let outcome = operation(PartitionOperation::RemoveTable, [1 << 46, 3, 0, 0]);
    refused("no table", outcome, Error::NotMapped)?;
    for index in [128, u64::MAX] {
        let outcome = operation(PartitionOperation::AddSlots, [index, frame, 0, 0]);
        check!(outcome.is_err(), "page {index} of the table was added");
        bad_argument(
            "RemoveSlots",
            operation(PartitionOperation::RemoveSlots, [index, 0, 0, 0]),
            3,
        )?;
    }
    let slots = operation(PartitionOperation::State, [0; 4]).map_or(1, |values| values[3]);
    let outcome = operation(PartitionOperation::AddSlots, [slots, frame, 0, 0]);
    refused("slots out of its own memory", outcome, Error::WrongFrame)?;
    refused("it lives", operation(PartitionOperation::Destroy, [0; 4]), Error::InUse)
}

pub fn put_checks_its_arguments(world: &mut World) -> Verdict {
    let spare = world.spare()?;
    let bell = |bit: u64| (Kind::Doorbell as u64) << 32 | bit;
    let put = |slot, source, rights, kind| {
        partition(world, PartitionOperation::Put, [slot, source, rights, kind])
    };
    bad_argument("slot 0", put(0, world.context, 2, bell(1)), 3)?;
    refused("no such slot", put(1 << 15, world.context, 2, bell(1)), Error::NoCapability)?;
    refused("no source", put(spare, 0, 2, bell(1)), Error::NoCapability)?;
    bad_argument("rights", put(spare, world.context, 1 << 8, bell(1)), 5)?;
    bad_argument("bit 64", put(spare, world.context, 2, bell(64)), 6)?;
    let unknown = put(spare, world.context, 2, (Kind::ALL.len() as u64) << 32);
    check!(unknown.is_err(), "an unknown kind: {unknown:?}");
    let clear = |slot| partition(world, PartitionOperation::Clear, [slot, 0, 0, 0]);
    refused("Clear of no such slot", clear(1 << 15), Error::NoCapability)?;
    done("Clear of an empty slot", clear(spare))?;
    let rescuer = |slot| partition(world, PartitionOperation::SetRescuer, [slot, 0, 0, 0]);
    refused("no doorbell", rescuer(world.context), Error::WrongKind)?;
    refused("nothing", rescuer(spare), Error::NoCapability)
}

pub fn a_running_context_is_left_alone(world: &mut World) -> Verdict {
    let entry = layout::PROGRAM_BASE;
    let configure = context(world, ContextOperation::Configure, [entry, layout::STACK_TOP, 0, 0]);
    refused("Configure", configure, Error::WrongState)?;
    for operation in [ContextOperation::Start, ContextOperation::Renew, ContextOperation::Register]
    {
        refused("running", context(world, operation, [0; 4]), Error::WrongState)?;
    }
    let destroyed = context(world, ContextOperation::Destroy, [0; 4]);
    check!(destroyed.is_err(), "a running context was destroyed");
    bad_argument("word 8", context(world, ContextOperation::Fault, [8, 0, 0, 0]), 3)?;
    let [state, _, used, _] = done("State", context(world, ContextOperation::State, [0; 4]))?;
    check!(state == ContextState::Ready as u64, "state {state}");
    check!(used > 0 && used <= world.now(), "used {used} ns");
    Ok(())
}
