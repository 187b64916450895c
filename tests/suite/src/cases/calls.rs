//! Every call with right and wrong arguments.

use crate::outcome::{Verdict, bad_argument, done, refused};
use crate::world::World;
use crate::{check, registers};
use abi::call::{Call, Error, PortOperation};
use abi::fault::Reason;
use abi::rights::{Kind, Rights};
use abi::types::{EventBit, Nanoseconds};
use rt::sys::{self, Outcome};

/// A bit that no channel of this partition uses.
const BIT: u8 = EventBit::ASSIGNABLE - 1;
const BIT_MASK: u64 = 1 << BIT;
/// Bits that no interrupt or channel rings.
const SILENT: u64 = 0;

fn call(number: Call, arguments: [u64; 6]) -> Outcome {
    sys::raw(number as u64, arguments)
}

fn one(number: Call, argument: u64) -> Outcome {
    call(number, [argument, 0, 0, 0, 0, 0])
}

// covers: KRN-3
pub fn unknown_calls_are_refused(_: &mut World) -> Verdict {
    let last = Call::ALL.len() as u64;
    for number in [last, last + 1, 1 << 8, 1 << 16, 1 << 32, 1 << 63, u64::MAX] {
        let outcome = sys::raw(number, [u64::MAX; 6]);
        refused("unknown call", outcome, Error::NoSuchCall)?;
    }
    Ok(())
}

pub fn wait_ends_at_its_deadline(world: &mut World) -> Verdict {
    let before = world.now();
    let outcome = call(Call::Wait, [SILENT, before + 2_000_000, 0, 0, 0, 0]);
    let after = world.now();
    refused("wait for nothing", outcome, Error::Timeout)?;
    check!(after >= before + 2_000_000, "woke {} ns early", before + 2_000_000 - after);
    check!(after < before + 1_000_000_000, "slept {} ns instead of 2 ms", after - before);
    refused("wait(0, now)", call(Call::Wait, [SILENT, 0, 0, 0, 0, 0]), Error::Timeout)?;
    let past = call(Call::Wait, [BIT_MASK, before, 0, 0, 0, 0]);
    refused("wait until the past", past, Error::Timeout)
}

pub fn a_doorbell_rings_once_until_looked_at(world: &mut World) -> Verdict {
    let slot = world.own_doorbell(BIT, Rights::USE)?;
    for _ in 0..3 {
        done("ring", one(Call::Ring, slot))?;
    }
    let other = call(Call::Wait, [1 << (BIT - 1), 0, 0, 0, 0, 0]);
    refused("wait for another bit", other, Error::Timeout)?;
    let events = done("wait", call(Call::Wait, [BIT_MASK | 1 << (BIT - 1), 0, 0, 0, 0, 0]))?[0];
    check!(events == BIT_MASK, "events {events:#x}");
    refused("wait again", call(Call::Wait, [BIT_MASK, 0, 0, 0, 0, 0]), Error::Timeout)?;
    done("ring", one(Call::Ring, slot))?;
    let late = call(Call::Wait, [BIT_MASK, 1, 0, 0, 0, 0]);
    done("an event wins over a deadline that has passed", late)?;
    world.clear(slot)
}

pub fn doorbells_that_are_none_do_not_ring(world: &mut World) -> Verdict {
    for number in [Call::Ring, Call::Call] {
        for (what, slot, error) in world.wrong_slots() {
            refused(what, call(number, [slot, BIT_MASK, 0, 0, 0, 0]), error)?;
        }
        let mute = world.own_doorbell(BIT, Rights::INSPECT)?;
        refused("without USE", call(number, [mute, BIT_MASK, 0, 0, 0, 0]), Error::NoRight)?;
        world.clear(mute)?;
    }
    refused("nothing was rung", call(Call::Wait, [BIT_MASK, 0, 0, 0, 0, 0]), Error::Timeout)
}

// covers: SCH-6
pub fn call_rings_and_waits(world: &mut World) -> Verdict {
    let slot = world.own_doorbell(BIT, Rights::USE)?;
    let deadline = Nanoseconds::NEVER.raw();
    let own = call(Call::Call, [slot, BIT_MASK, deadline, 0, 0, 0]);
    let events = done("call of its own doorbell", own)?[0];
    check!(events == BIT_MASK, "events {events:#x}");
    let late = call(Call::Call, [slot, SILENT, world.now() + 1_000_000, 0, 0, 0]);
    refused("call that nobody answers", late, Error::Timeout)?;
    done("what it rang stays", call(Call::Wait, [BIT_MASK, 0, 0, 0, 0, 0]))?;
    world.clear(slot)
}

pub fn yield_comes_back(_: &mut World) -> Verdict {
    for _ in 0..10 {
        let values = done("yield", call(Call::Yield, [u64::MAX; 6]))?;
        check!(values == [0; 4], "values {values:x?}");
    }
    Ok(())
}

pub fn acknowledge_wants_an_interrupt(world: &mut World) -> Verdict {
    for (what, slot, error) in world.wrong_slots() {
        refused(what, one(Call::Acknowledge, slot), error)?;
    }
    refused("the debug port", one(Call::Acknowledge, world.debug), Error::WrongKind)
}

pub fn ports_keep_their_range(world: &mut World) -> Verdict {
    let (slot, base) = (world.exit, world.exit_port);
    let access = |port: u64, operation: u64| call(Call::Port, [slot, port, operation, 0, 0, 0]);
    done("a byte within", access(base, PortOperation::In8 as u64))?;
    for (what, port) in [("below", base - 1), ("above", base + world.exit_count), ("far", 1 << 16)]
    {
        bad_argument(what, access(port, PortOperation::In8 as u64), 2)?;
        bad_argument(what, access(port, PortOperation::Out8 as u64), 2)?;
    }
    let last = base + world.exit_count - 1;
    bad_argument("the second byte is beyond", access(last, PortOperation::In16 as u64), 2)?;
    bad_argument("the fourth byte is beyond", access(last, PortOperation::Out32 as u64), 2)?;
    bad_argument("unknown width", access(base, PortOperation::ALL.len() as u64), 3)?;
    for (what, slot, error) in world.wrong_slots() {
        refused(what, call(Call::Port, [slot, base, 0, 0, 0, 0]), error)?;
    }
    Ok(())
}

pub fn ports_can_only_shrink(world: &mut World) -> Verdict {
    let (base, count) = (world.exit_port, world.exit_count);
    let ports = |base: u64, count: u64| (Kind::Ports as u64) << 32 | count << 16 | base;
    let part = world.put(world.exit, Rights::INSPECT, ports(base, 1))?;
    refused("without USE", call(Call::Port, [part, base, 0, 0, 0, 0]), Error::NoRight)?;
    world.clear(part)?;
    for (base, count) in [(base - 1, 1), (base, count + 1), (base + count, 1), (0, 0)] {
        let wider = world.try_put(world.exit, Rights::USE, ports(base, count));
        check!(wider.is_err(), "ports {base:#x}+{count} out of less: {wider:?}");
    }
    Ok(())
}

pub fn debug_takes_32_bytes(world: &mut World) -> Verdict {
    let write = |slot: u64, length: u64| call(Call::Debug, [slot, length, 0, 0, 0, 0]);
    done("nothing", write(world.debug, 0))?;
    for length in [33, 64, u64::MAX] {
        bad_argument("too long", write(world.debug, length), 2)?;
    }
    for (what, slot, error) in world.wrong_slots() {
        refused(what, write(slot, 1), error)?;
    }
    Ok(())
}

pub fn exit_wants_a_reason(_: &mut World) -> Verdict {
    let evicted = Reason::Evicted as u64;
    for reason in [0, 13, 14, 31, 32, 63, evicted, evicted + 1, u64::MAX] {
        bad_argument("exit", call(Call::Exit, [reason, 0, 0, 0, 0, 0]), 1)?;
    }
    Ok(())
}

pub fn inspect_tells_what_a_slot_holds(world: &mut World) -> Verdict {
    let known = [
        (world.partition, Kind::Partition),
        (world.context, Kind::Context),
        (world.exit, Kind::Ports),
        (world.debug, Kind::Debug),
    ];
    for (slot, kind) in known {
        let [found, rights, _, _] = done("inspect", one(Call::Inspect, slot))?;
        check!(found == kind as u64, "slot {slot}: kind {found}, not {kind:?}");
        check!(rights != 0 && rights < 16, "slot {slot}: rights {rights:#x}");
    }
    for (what, slot, error) in world.wrong_slots() {
        if error == Error::NoCapability {
            refused(what, one(Call::Inspect, slot), error)?;
        }
    }
    Ok(())
}

// covers: KRN-3
pub fn rights_never_grow(world: &mut World) -> Verdict {
    let all = Rights::all();
    let weak = world.put(world.partition, Rights::INSPECT, same(Kind::Partition))?;
    let copy = world.put(weak, all, same(Kind::Partition))?;
    let rights = done("inspect", one(Call::Inspect, copy))?[1];
    check!(rights == u64::from(Rights::INSPECT.bits()), "INSPECT became {rights:#x}");
    let other = world.try_put(world.partition, all, same(Kind::Context));
    check!(other.is_err(), "a context out of a partition: {other:?}");
    let back = world.try_put(world.exit, all, same(Kind::Kernel));
    check!(back.is_err(), "the kernel out of ports: {back:?}");
    world.clear(copy)?;
    world.clear(weak)
}

pub fn a_cleared_slot_is_empty(world: &mut World) -> Verdict {
    let slot = world.own_doorbell(BIT, Rights::USE)?;
    done("ring", one(Call::Ring, slot))?;
    world.clear(slot)?;
    refused("ring", one(Call::Ring, slot), Error::NoCapability)?;
    done("what was rung stays", call(Call::Wait, [BIT_MASK, 0, 0, 0, 0, 0])).map(drop)
}

// covers: KRN-5
pub fn registers_hold_no_secrets(_: &mut World) -> Verdict {
    let calls = [
        (Call::Yield as u64, [0, 0, 0]),
        (Call::Wait as u64, [0, 0, 0]),
        (Call::Inspect as u64, [0, 0, 0]),
        (u64::MAX, [0, 0, 0]),
    ];
    for (number, arguments) in calls {
        let after = registers::around(number, arguments);
        check!(after.kept == registers::MARKS, "call {number}: {:x?}", after.kept);
        check!(after.scratch == [0; 2], "call {number}: r9, r10 = {:x?}", after.scratch);
        let address = after.rcx == 0 || after.rcx == after.here;
        check!(address, "call {number}: rcx = {:#x}", after.rcx);
        check!(after.r11 < 1 << 22, "call {number}: r11 = {:#x}", after.r11);
        check!(after.values[1..] == [0; 3], "call {number}: values {:x?}", after.values);
        check!(after.flags & 1 << 10 != 0, "call {number}: DF was lost");
    }
    Ok(())
}

/// A kind that takes the parameter of its source.
fn same(kind: Kind) -> u64 {
    (kind as u64) << 32
}
