//! Every control operation with right and with wrong arguments, the audit after it.

use crate::build::{FIRST, Made, OWN_CONTEXT, TEXT};
use crate::machine::{FRAMES, FREE, SLOT, TestMachine, information};
use abi::call::{Call, Error};
use abi::control::{
    Access, ChannelOperation, ContextOperation, FrameUse, KernelOperation, MemoryOperation,
    PartitionOperation, ProcessorOperation, first_slot,
};
use abi::layout::{BOOT_INFORMATION, TIME_PAGE, USER_END};
use abi::rights::Kind;
use std::sync::atomic::Ordering::Relaxed;

const WRITE: u64 = Access::WRITE.bits();
/// A frame far from those that [`TestMachine::make`] uses.
const SPARE: u64 = 500;

fn bad(argument: u64) -> Result<[u64; 4], (Error, u64)> {
    Err((Error::BadArgument, argument))
}

/// A booted machine with partition 0, which has page tables for the page at [`TEXT`].
fn one() -> (TestMachine, Made) {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    tables(&machine, made, SPARE);
    (machine, made)
}

fn tables(machine: &TestMachine, made: Made, frame: u64) {
    for (level, frame) in [3, 2, 1].into_iter().zip(frame..) {
        machine
            .partition(made.partition, PartitionOperation::AddTable, [TEXT, level, frame, 0])
            .expect("a table");
    }
}

#[test]
fn the_first_partition_is_as_the_specification_says() {
    let machine = TestMachine::booted(2);
    assert_eq!(machine.audit(), None);
    let translate =
        |address| machine.partition(FIRST, PartitionOperation::Translate, [address, 0, 0, 0]);
    assert_eq!(translate(0x40_1000), Ok([41, Access::EXECUTE.bits(), 0, 0]));
    assert_eq!(translate(0x0bff_f000), Ok([43, WRITE, 0, 0]));
    assert_eq!(translate(BOOT_INFORMATION + 0x1000), Ok([51, 0, 0, 0]));
    assert_eq!(translate(TIME_PAGE), Ok([59, 0, 0, 0]));
    // Four of its segments, four of the boot image, two of the information.
    assert_eq!(machine.partition(FIRST, PartitionOperation::State, [0; 4]).unwrap()[0], 10);
    let kinds = [(1, 2), (2, 3), (3, 1), (4, 9), (5, 10), (6, 8), (7, 7), (16, 6), (17, 6)];
    for (slot, kind) in kinds {
        assert_eq!(
            machine.call(0, Call::Inspect, [slot, 0, 0, 0, 0, 0]).unwrap()[..2],
            [kind, 15],
            "slot {slot}"
        );
    }
    assert_eq!(machine.call(0, Call::Inspect, [18, 0, 0, 0, 0, 0]), Err((Error::NoCapability, 0)));
}

#[test]
fn a_bad_segment_stops_the_boot() {
    use kernel_core::boot::{BootError, Pool, first_partition, ledger};
    let refused = |change: fn(&mut abi::boot::BootInformation)| {
        let machine = TestMachine::bare(1);
        let mut information = information();
        change(&mut information);
        ledger(&machine, &information, &[]);
        first_partition(
            &machine,
            &information,
            &mut Pool::new(information.pool),
            abi::types::Frame::new(59),
        )
    };
    assert_eq!(
        refused(|information| information.segments[0].access = 3),
        Err(BootError::BadSegment)
    );
    assert_eq!(
        refused(|information| information.segments[0].frame = abi::types::Frame::new(70)),
        Err(BootError::BadSegment)
    );
    assert_eq!(
        refused(|information| information.segments[1].address = information.segments[0].address),
        Err(BootError::BadSegment)
    );
    assert_eq!(
        refused(|information| information.segments[0].address =
            abi::types::VirtualAddress::new(USER_END)),
        Err(BootError::BadSegment)
    );
    assert_eq!(
        refused(|information| information.segments[0].count = u64::MAX),
        Err(BootError::BadSegment)
    );
    assert_eq!(refused(|information| information.pool.count = 5), Err(BootError::PoolExhausted));
}

#[test]
fn memory_is_made_into_objects_only_where_it_is_free() {
    // covers: KRN-8
    let machine = TestMachine::booted(1);
    let create = |kind: u64, frame, slot, extra| {
        machine.memory(MemoryOperation::Create, [kind, frame, slot, extra])
    };
    assert_eq!(create(2, FREE, 100, 0), Ok([1, 0, 0, 0]));
    assert_eq!(create(2, FREE, 101, 0), Err((Error::WrongFrame, FREE)));
    for frame in [0, 8, 41, 50, 59, FRAMES - 8, FRAMES - 4, FRAMES, 1 << 28, u64::MAX] {
        assert_eq!(create(2, frame, 101, 0), Err((Error::WrongFrame, frame)));
    }
    for kind in [0, 1, 4, 6, 7, 8, 9, 10, 11, u64::MAX] {
        assert_eq!(create(kind, FREE + 1, 101, 0), bad(3));
    }
    assert_eq!(create(2, FREE + 1, 101, 1), bad(6));
    assert_eq!(create(5, FREE + 1, 101, 1), bad(6));
    assert_eq!(create(2, FREE + 1, 0, 0), bad(5));
    assert_eq!(create(2, FREE + 1, 100, 0), Err((Error::Occupied, 100)));
    assert_eq!(create(2, FREE + 1, 256, 0), Err((Error::NoCapability, 0)));
    assert_eq!(create(3, FREE + 1, 101, 0), Err((Error::NoCapability, 0)));
    assert_eq!(create(3, FREE + 1, 101, OWN_CONTEXT), Err((Error::WrongKind, 0)));
    assert_eq!(create(3, FREE + 1, 101, 100), Ok([1, 0, 0, 0]));
    assert_eq!(create(5, FREE + 2, 102, 0), Ok([1, 0, 0, 0]));
    assert_eq!(machine.audit(), None);
}

#[test]
fn memory_changes_hands_and_is_never_shared_by_it() {
    let (machine, made) = one();
    let other = machine.make(1, 0);
    let [frame, count] = [600, 40];
    machine.word(frame, 9).store(77, Relaxed);
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [frame, count, made.partition, 0]),
        Ok([32, 0, 0, 0])
    );
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [frame + 32, 8, made.partition, 0]),
        Ok([8, 0, 0, 0])
    );
    assert_eq!(machine.word(frame, 9).load(Relaxed), 0, "nobody sees what was there");
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [frame + 39, 2, other.partition, 0]),
        Err((Error::WrongFrame, frame + 39))
    );
    assert_eq!(machine.memory(MemoryOperation::Assign, [frame, 0, made.partition, 0]), bad(4));
    assert_eq!(machine.memory(MemoryOperation::Assign, [u64::MAX, 2, made.partition, 0]), bad(3));
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [700, 1, made.context, 0]),
        Err((Error::WrongKind, 0))
    );
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::Map, [TEXT, frame, 1, WRITE]),
        Ok([1, 0, 0, 0])
    );
    machine.word(frame + 1, 9).store(78, Relaxed);
    let transfer = |frame, count, from, to| {
        machine.memory(MemoryOperation::Transfer, [frame, count, from, to])
    };
    assert_eq!(transfer(frame, 2, made.partition, other.partition), Err((Error::InUse, 1)));
    assert_eq!(
        transfer(frame + 1, 2, other.partition, made.partition),
        Err((Error::WrongFrame, frame + 1))
    );
    assert_eq!(transfer(frame + 1, 2, made.partition, other.partition), Ok([2, 0, 0, 0]));
    assert_eq!(machine.word(frame + 1, 9).load(Relaxed), 78, "contents are kept");
    assert_eq!(machine.memory(MemoryOperation::Release, [frame, 1, 0, 0]), Err((Error::InUse, 1)));
    assert_eq!(
        machine.memory(MemoryOperation::Release, [made.partition_frame, 1, 0, 0]),
        Err((Error::WrongFrame, made.partition_frame))
    );
    assert_eq!(machine.memory(MemoryOperation::Release, [frame + 1, 39, 0, 0]), Ok([32, 0, 0, 0]));
    assert_eq!(
        machine.memory(MemoryOperation::Query, [frame, 0, 0, 0]),
        Ok([FrameUse::User as u64, made.partition_frame, 1, 0])
    );
    assert_eq!(machine.memory(MemoryOperation::Query, [FRAMES, 0, 0, 0]), bad(3));
    assert_eq!(machine.audit(), None);
}

#[test]
fn device_registers_are_assigned_where_there_is_no_memory() {
    let (machine, made) = one();
    let registers = FRAMES - 6;
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [registers, 1, made.partition, 0]),
        Ok([1, 0, 0, 0])
    );
    let map = |access| {
        machine.partition(made.partition, PartitionOperation::Map, [TEXT, registers, 1, access])
    };
    assert_eq!(map(Access::EXECUTE.bits()), Err((Error::WrongFrame, registers)));
    assert_eq!(map(WRITE | Access::UNCACHED.bits()), Ok([1, 0, 0, 0]));
    assert_eq!(machine.audit(), None);
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [FRAMES, 1, made.partition, 0]),
        Err((Error::WrongFrame, FRAMES))
    );
    assert_eq!(
        machine.memory(MemoryOperation::Assign, [FRAMES - 1, 2, made.partition, 0]),
        Err((Error::WrongFrame, FRAMES))
    );
}

#[test]
fn a_partition_maps_its_own_memory_and_nothing_else() {
    let (machine, made) = one();
    let other = machine.make(1, 0);
    machine.memory(MemoryOperation::Assign, [600, 4, made.partition, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [610, 4, other.partition, 0]).unwrap();
    let map = |address, frame, count, access| {
        machine.partition(made.partition, PartitionOperation::Map, [address, frame, count, access])
    };
    for frame in [
        610,
        made.partition_frame,
        made.context_frame,
        made.root,
        made.slots,
        SPARE,
        8,
        0,
        41,
        700,
        FRAMES - 8,
        FRAMES,
        1 << 40,
    ] {
        assert_eq!(map(TEXT, frame, 1, 0), Err((Error::WrongFrame, frame)));
    }
    assert_eq!(map(TEXT, 602, 3, 0), Err((Error::WrongFrame, 604)), "all or nothing");
    assert_eq!(map(TEXT, 600, 1, WRITE | Access::EXECUTE.bits()), bad(6));
    assert_eq!(map(TEXT, 600, 1, 8), bad(6));
    assert_eq!(map(TEXT, 600, 1, Access::UNCACHED.bits()), Err((Error::WrongFrame, 600)));
    assert_eq!(map(TEXT, 600, 0, 0), bad(5));
    assert_eq!(map(TEXT, u64::MAX, 2, 0), bad(4));
    for address in [TEXT + 8, USER_END, USER_END - 0x1000 + 1, 0xffff_8000_0000_0000, !0xfff] {
        assert_eq!(map(address, 600, 1, 0), bad(3), "{address:#x}");
    }
    assert_eq!(map(USER_END - 0x1000, 600, 2, 0), bad(3));
    assert_eq!(map(USER_END - 0x1000, 600, 1, 0), Err((Error::NotMapped, 3)));
    assert_eq!(map(TEXT + 0x20_0000, 600, 1, 0), Err((Error::NotMapped, 1)));
    assert_eq!(map(TEXT, 59, 1, WRITE), Err((Error::WrongFrame, 59)), "the time page is read-only");
    assert_eq!(map(TEXT, 59, 1, 0), Ok([1, 0, 0, 0]));
    assert_eq!(map(TEXT, 600, 1, 0), Err((Error::Occupied, 59)));
    assert_eq!(map(TEXT + 0x1000, 600, 4, WRITE), Ok([4, 0, 0, 0]));
    let translate = |address| {
        machine.partition(made.partition, PartitionOperation::Translate, [address, 0, 0, 0])
    };
    assert_eq!(translate(TEXT + 0x2000), Ok([601, WRITE, 0, 0]));
    assert_eq!(translate(TEXT + 0x5000), Err((Error::NotMapped, 0)));
    assert_eq!(translate(TEXT + 0x40_0000), Err((Error::NotMapped, 1)));
    assert_eq!(machine.audit(), None);
    machine.flushed.borrow_mut().clear();
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::Unmap, [TEXT, 40, 0, 0]),
        Ok([32, 0, 0, 0])
    );
    assert_eq!(machine.flushed.borrow().len(), 5);
    assert_eq!(machine.memory(MemoryOperation::Release, [600, 4, 0, 0]), Ok([4, 0, 0, 0]));
    assert_eq!(machine.audit(), None);
}

#[test]
fn tables_go_where_their_parents_are_and_come_back_empty() {
    let (machine, made) = one();
    let add = |address, level, frame| {
        machine.partition(made.partition, PartitionOperation::AddTable, [address, level, frame, 0])
    };
    assert_eq!(add(TEXT, 1, 520), Err((Error::Occupied, SPARE + 2)));
    assert_eq!(add(0, 4, 520), Err((Error::Occupied, made.root)));
    assert_eq!(add(TEXT + (1 << 30), 1, 520), Err((Error::NotMapped, 2)));
    assert_eq!(add(TEXT, 0, 520), bad(4));
    assert_eq!(add(TEXT, 5, 520), bad(4));
    assert_eq!(add(USER_END, 1, 520), bad(3));
    assert_eq!(add(TEXT + 0x20_0000, 1, SPARE), Err((Error::WrongFrame, SPARE)));
    let remove = |address, level| {
        machine.partition(made.partition, PartitionOperation::RemoveTable, [address, level, 0, 0])
    };
    assert_eq!(remove(TEXT, 2), Err((Error::InUse, 0)));
    assert_eq!(remove(TEXT + 0x20_0000, 1), Err((Error::NotMapped, 1)));
    for (level, frame) in [(1, SPARE + 2), (2, SPARE + 1), (3, SPARE), (4, made.root)] {
        assert_eq!(remove(TEXT, level), Ok([frame, 0, 0, 0]));
    }
    assert_eq!(remove(TEXT, 4), Err((Error::NotMapped, 4)));
    assert_eq!(
        machine.on_context(made.context, ContextOperation::Start, [0; 4]),
        Err((Error::WrongState, 0)),
        "no address space"
    );
    assert_eq!(
        machine.partition(FIRST, PartitionOperation::RemoveTable, [0, 4, 0, 0]),
        Err((Error::WrongState, 0)),
        "not the root in use"
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn capabilities_shrink_and_never_grow() {
    // covers: KRN-3
    let (machine, made) = one();
    let put = |slot, source, rights, kind: Kind, parameter| {
        machine.partition(
            FIRST,
            PartitionOperation::Put,
            [slot, source, rights, (kind as u64) << 32 | parameter],
        )
    };
    assert_eq!(put(201, made.context, 0b0101, Kind::Context, 0), Ok([0; 4]));
    assert_eq!(machine.call(0, Call::Inspect, [201, 0, 0, 0, 0, 0]).unwrap()[1], 0b0101);
    assert_eq!(put(202, 201, 15, Kind::Context, 0), Ok([0; 4]));
    assert_eq!(
        machine.call(0, Call::Inspect, [202, 0, 0, 0, 0, 0]).unwrap()[1],
        0b0101,
        "no more than the source"
    );
    assert_eq!(
        machine.on_context(202, ContextOperation::Destroy, [0; 4]),
        Err((Error::NoRight, 0))
    );
    assert_eq!(machine.on_context(202, ContextOperation::State, [0; 4]).unwrap()[0], 0);
    assert_eq!(put(203, made.context, 2, Kind::Doorbell, 64), bad(6));
    assert_eq!(put(203, made.context, 2, Kind::Doorbell, 63), Ok([0; 4]));
    assert_eq!(put(204, 203, 15, Kind::Context, 0), Err((Error::WrongKind, 0)), "no way back");
    assert_eq!(put(204, 203, 15, Kind::Doorbell, 1), Ok([0; 4]));
    assert_eq!(
        machine.call(0, Call::Inspect, [204, 0, 0, 0, 0, 0]).unwrap()[3],
        63,
        "the bit stays"
    );
    assert_eq!(put(204, 7, 15, Kind::Interrupt, 3), Ok([0; 4]));
    assert_eq!(put(205, 204, 15, Kind::Interrupt, 4), bad(6));
    assert_eq!(put(205, 204, 15, Kind::Interrupt, u64::from(u32::MAX)), bad(6));
    assert_eq!(put(205, 3, 15, Kind::Partition, 0), Err((Error::WrongKind, 0)));
    assert_eq!(put(205, 99, 15, Kind::Memory, 0), Err((Error::NoCapability, 0)));
    assert_eq!(put(205, 3, 16, Kind::Memory, 0), bad(5));
    assert_eq!(put(205, 3, 1 << 32, Kind::Memory, 0), bad(5));
    assert_eq!(put(0, 3, 15, Kind::Memory, 0), bad(3));
    assert_eq!(put(256, 3, 15, Kind::Memory, 0), Err((Error::NoCapability, 0)));
    assert_eq!(machine.partition(FIRST, PartitionOperation::Put, [205, 3, 15, 99 << 32]), bad(6));
    assert_eq!(put(206, 3, 1, Kind::Memory, 0), Ok([0; 4]));
    assert_eq!(
        machine.control(206, MemoryOperation::Create as u64, [2, 700, 207, 0]),
        Err((Error::NoRight, 0))
    );
    assert_eq!(
        machine.control(206, 99, [0; 4]),
        Err((Error::NoSuchCall, 0)),
        "decided before the right is"
    );
    assert_eq!(
        machine.control(203, 0, [0; 4]),
        Err((Error::NoSuchCall, 0)),
        "doorbells have no operations"
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn pages_of_slots_are_added_and_removed_at_the_end() {
    let (machine, made) = one();
    let add = |index, frame| {
        machine.partition(made.partition, PartitionOperation::AddSlots, [index, frame, 0, 0])
    };
    let remove = |index| {
        machine.partition(made.partition, PartitionOperation::RemoveSlots, [index, 0, 0, 0])
    };
    assert_eq!(add(0, 520), Err((Error::Occupied, made.slots)));
    assert_eq!(add(2, 520), bad(3));
    assert_eq!(add(1, SPARE), Err((Error::WrongFrame, SPARE)));
    (1..128).for_each(|index| assert_eq!(add(index, 520 + index), Ok([0; 4])));
    assert_eq!(add(128, 700), bad(3));
    assert_eq!(add(u64::MAX, 700), bad(3));
    machine.partition(made.partition, PartitionOperation::Put, [0x7fff, 3, 15, 1 << 32]).unwrap();
    assert_eq!(remove(127), Err((Error::InUse, 1)));
    assert_eq!(remove(126), bad(3));
    assert_eq!(remove(128), bad(3));
    machine.partition(made.partition, PartitionOperation::Clear, [0x7fff, 0, 0, 0]).unwrap();
    assert_eq!(remove(127), Ok([647, 0, 0, 0]));
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::Clear, [0x7fff, 0, 0, 0]),
        Err((Error::NoCapability, 0))
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn a_context_is_configured_only_at_rest_and_within_bounds() {
    let (machine, made) = one();
    let configure =
        |a, b, c, d| machine.on_context(made.context, ContextOperation::Configure, [a, b, c, d]);
    assert_eq!(configure(USER_END, 0, 0, 0), bad(3));
    assert_eq!(configure(0xffff_8000_0000_0000, 0, 0, 0), bad(3));
    assert_eq!(configure(TEXT, USER_END + 1, 0, 0), bad(4));
    assert_eq!(configure(TEXT, USER_END, 1, 0), bad(5));
    assert_eq!(configure(TEXT, USER_END, u64::MAX, 0), bad(5));
    assert_eq!(configure(TEXT, USER_END, 0, 9), Ok([0; 4]));
    let register =
        |number| machine.on_context(made.context, ContextOperation::Register, [number, 0, 0, 0]);
    let expected = [(16, TEXT), (7, USER_END), (5, 9), (17, 0x202), (0, 0), (15, 0)];
    expected
        .into_iter()
        .for_each(|(number, value)| assert_eq!(register(number), Ok([value, 0, 0, 0])));
    assert_eq!(register(18), bad(3));
    assert_eq!(machine.on_context(made.context, ContextOperation::Fault, [7, 0, 0, 0]), bad(3));
    machine.start(made);
    assert_eq!(register(0), Err((Error::WrongState, 1)));
    assert_eq!(configure(TEXT, USER_END, 0, 9), Err((Error::WrongState, 1)));
    let refused = Err((Error::WrongState, 1));
    for operation in [ContextOperation::Start, ContextOperation::Renew, ContextOperation::Destroy] {
        assert_eq!(machine.on_context(made.context, operation, [0; 4]), refused);
    }
    assert_eq!(machine.on_context(made.context, ContextOperation::Stop, [0; 4]), Ok([0; 4]));
    assert_eq!(machine.on_context(made.context, ContextOperation::Stop, [0; 4]), Ok([0; 4]));
}

#[test]
fn a_context_may_stop_itself() {
    let machine = TestMachine::booted(1);
    machine.begin(
        0,
        Call::Control as u64,
        [OWN_CONTEXT, ContextOperation::Stop as u64, 0, 0, 0, 0],
    );
    assert_eq!(machine.running(0), None);
}

/// A channel of 40 pages between partitions 0 (client, with tables) and 1; its capability is in slot 220.
fn joined() -> (TestMachine, Made, Made) {
    let (machine, client) = one();
    let server = machine.make(1, 0);
    tables(&machine, server, 510);
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 599, 220, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [600, 32, client.partition, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [632, 9, client.partition, 0]).unwrap();
    let join = |client, server, frame, count| {
        machine.control(220, ChannelOperation::Join as u64, [client, server, frame, count])
    };
    assert_eq!(join(client.partition, client.partition, 600, 40), bad(4));
    assert_eq!(join(server.partition, client.partition, 600, 40), Err((Error::WrongFrame, 600)));
    assert_eq!(join(client.partition, server.partition, 600, 0), bad(6));
    assert_eq!(join(client.partition, server.partition, 600, 40), Ok([32, 0, 0, 0]));
    assert_eq!(join(client.partition, server.partition, 633, 8), bad(5));
    assert_eq!(join(server.partition, client.partition, 632, 8), bad(4));
    assert_eq!(join(client.partition, FIRST, 632, 8), bad(4));
    assert_eq!(join(FIRST, server.partition, 632, 8), bad(3));
    assert_eq!(join(client.partition, server.partition, 632, 8), Ok([8, 0, 0, 0]));
    (machine, client, server)
}

#[test]
fn a_channel_is_mapped_by_its_two_ends_and_nobody_else() {
    let (machine, client, server) = joined();
    let map = |made: Made, frame, count| {
        machine.partition(made.partition, PartitionOperation::Map, [TEXT, frame, count, WRITE])
    };
    assert_eq!(map(client, 600, 2), Ok([2, 0, 0, 0]));
    assert_eq!(map(server, 600, 2), Ok([2, 0, 0, 0]));
    assert_eq!(
        machine.memory(MemoryOperation::Query, [600, 0, 0, 0]).unwrap()[..3],
        [FrameUse::Channel as u64, 599, 2]
    );
    assert_eq!(
        machine.partition(FIRST, PartitionOperation::Map, [0x48_0000, 600, 1, 0]),
        Err((Error::WrongFrame, 600))
    );
    assert_eq!(map(server, 640, 1), Err((Error::Occupied, 600)));
    assert_eq!(
        machine.memory(MemoryOperation::Release, [600, 1, 0, 0]),
        Err((Error::WrongFrame, 600))
    );
    let transfer = [600, 1, client.partition, server.partition];
    assert_eq!(machine.memory(MemoryOperation::Transfer, transfer), Err((Error::WrongFrame, 600)));
    machine.word(600, 3).store(4711, Relaxed);
    let peek = |offset| machine.control(220, ChannelOperation::Peek as u64, [offset, 0, 0, 0]);
    assert_eq!(peek(24), Ok([4711, 0, 0, 0]));
    assert_eq!((peek(4), peek(4096), peek(u64::MAX)), (bad(3), bad(3), bad(3)));
    assert_eq!(machine.audit(), None);
}

#[test]
fn a_channel_is_parted_from_its_end_when_nobody_maps_it() {
    let (machine, client, server) = joined();
    let part = || machine.control(220, ChannelOperation::Part as u64, [0; 4]);
    let map = [TEXT, 620, 1, WRITE];
    machine.partition(server.partition, PartitionOperation::Map, map).unwrap();
    assert_eq!(part(), Err((Error::InUse, 1)), "pages 8 to 39 go first");
    machine.partition(server.partition, PartitionOperation::Unmap, [TEXT, 1, 0, 0]).unwrap();
    assert_eq!(
        machine.control(220, ChannelOperation::Destroy as u64, [0; 4]),
        Err((Error::InUse, 40))
    );
    assert!(matches!(
        machine.partition(server.partition, PartitionOperation::Destroy, [0; 4]),
        Err((Error::InUse, _))
    ));
    assert_eq!(part(), Ok([8, 0, 0, 0]));
    assert_eq!(machine.audit(), None);
    assert_eq!(
        machine.control(220, ChannelOperation::State as u64, [0; 4]),
        Ok([client.partition_frame, server.partition_frame, 600, 8])
    );
    assert_eq!(part(), Ok([0; 4]));
    assert_eq!(part(), Ok([0; 4]));
    assert_eq!(
        machine.control(220, ChannelOperation::Peek as u64, [0; 4]),
        Err((Error::WrongState, 0))
    );
    assert_eq!(machine.control(220, ChannelOperation::Destroy as u64, [0; 4]), Ok([0; 4]));
    assert_eq!(
        machine.control(220, ChannelOperation::State as u64, [0; 4]),
        Err((Error::Stale, 2))
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn a_destroyed_servers_frame_does_not_inherit_its_channels() {
    let (machine, _, server) = joined();
    machine.unmake_tables(server, 510);
    assert_eq!(machine.unmake_until_partition(server), Err((Error::InUse, 1)));
}

impl TestMachine {
    fn unmake_tables(&self, made: Made, frame: u64) {
        for (level, frame) in [(1, frame + 2), (2, frame + 1), (3, frame)] {
            assert_eq!(
                self.partition(
                    made.partition,
                    PartitionOperation::RemoveTable,
                    [TEXT, level, 0, 0]
                ),
                Ok([frame, 0, 0, 0])
            );
        }
    }

    fn unmake_until_partition(&self, made: Made) -> crate::machine::Answer {
        self.on_context(made.context, ContextOperation::Destroy, [0; 4]).unwrap();
        self.partition(made.partition, PartitionOperation::RemoveSlots, [0; 4]).unwrap();
        self.partition(made.partition, PartitionOperation::Destroy, [0; 4])
    }
}

#[test]
fn a_partition_is_destroyed_only_when_all_it_held_is_back() {
    let (machine, made) = one();
    let destroy = || machine.partition(made.partition, PartitionOperation::Destroy, [0; 4]);
    assert_eq!(
        destroy(),
        Err((Error::InUse, 5)),
        "three tables beside the root, a context, a page of slots"
    );
    machine.unmake_tables(made, SPARE);
    assert_eq!(destroy(), Err((Error::InUse, 2)));
    assert_eq!(machine.unmake_until_partition(made), Ok([0; 4]));
    let [used, owner, mappings, generation] =
        machine.memory(MemoryOperation::Query, [made.partition_frame, 0, 0, 0]).unwrap();
    assert_eq!((used, owner, mappings), (FrameUse::Free as u64, 0, 0));
    assert_eq!(destroy(), Err((Error::Stale, generation)));
    assert_eq!(
        machine.memory(MemoryOperation::Query, [made.root, 0, 0, 0]).unwrap()[0],
        FrameUse::Free as u64
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn renew_leaves_only_the_capability_that_was_used() {
    // covers: KRN-3
    let (machine, made) = one();
    machine
        .partition(
            FIRST,
            PartitionOperation::Put,
            [201, made.partition, 15, (Kind::Partition as u64) << 32],
        )
        .unwrap();
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::Renew, [0; 4]),
        Ok([2, 0, 0, 0])
    );
    assert_eq!(machine.partition(201, PartitionOperation::State, [0; 4]), Err((Error::Stale, 2)));
    assert!(machine.partition(made.partition, PartitionOperation::State, [0; 4]).is_ok());
    assert_eq!(machine.audit(), None);
}

#[test]
fn generations_end_and_do_not_wrap() {
    let (machine, made) = one();
    let last = 0x00ff_ffff_u64;
    machine.corrupt(made.partition_frame, |word| word & !(last << 12) | (last - 2) << 12);
    machine.partition(FIRST, PartitionOperation::Clear, [made.partition, 0, 0, 0]).unwrap();
    let stale = machine.partition(made.partition, PartitionOperation::Renew, [0; 4]);
    assert_eq!(stale, Err((Error::NoCapability, 0)));
    machine.corrupt(700, |word| word | (last - 2) << 12);
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 700, 201, 0]), Err((Error::Limit, 0)));
    machine.corrupt(701, |word| word | (last - 3) << 12);
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 701, 201, 0]), Ok([last - 2, 0, 0, 0]));
    assert_eq!(machine.partition(201, PartitionOperation::Renew, [0; 4]), Err((Error::Limit, 0)));
    assert_eq!(
        machine.partition(201, PartitionOperation::Destroy, [0; 4]),
        Ok([0; 4]),
        "it can still be destroyed"
    );
    assert_eq!(
        machine.partition(201, PartitionOperation::Destroy, [0; 4]),
        Err((Error::Stale, last - 1))
    );
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 701, 202, 0]), Err((Error::Limit, 0)));
}

#[test]
fn plans_take_only_contexts_of_their_processor() {
    let machine = TestMachine::booted(2);
    let made = machine.make(0, 1);
    let stage =
        |id, index, word| machine.on_processor(id, ProcessorOperation::Stage, [index, word, 0, 0]);
    assert_eq!(stage(0, 0, made.context), bad(4));
    assert_eq!(stage(1, 64, made.context), bad(3));
    assert_eq!(stage(1, u64::MAX, made.context), bad(3));
    assert_eq!(stage(1, 0, made.context << 16 | 250), Err((Error::NoCapability, 0)));
    assert_eq!(stage(1, 0, made.partition), Err((Error::WrongKind, 0)));
    assert_eq!(stage(1, 63, made.context << 48), Ok([0; 4]));
    for length in [0, 15, 257, u64::MAX] {
        assert_eq!(machine.on_processor(1, ProcessorOperation::Commit, [length, 0, 0, 0]), bad(3));
    }
    // The place beyond the end of the plan is forgotten: the context can go, and does not come back with a longer plan.
    assert_eq!(machine.on_processor(1, ProcessorOperation::Commit, [16, 0, 0, 0]), Ok([0; 4]));
    assert_eq!(machine.on_context(made.context, ContextOperation::Destroy, [0; 4]), Ok([0; 4]));
    machine.run_until(40 * SLOT);
    assert_eq!(machine.on_processor(1, ProcessorOperation::Place, [255, 0, 0, 0]).unwrap()[0], 0);
    assert_eq!(machine.on_processor(1, ProcessorOperation::Place, [256, 0, 0, 0]), bad(3));
}

#[test]
fn a_plan_that_is_being_staged_forgets_a_context_that_is_destroyed() {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    let places = made.context << 48 | made.context << 16 | OWN_CONTEXT;
    machine.on_processor(0, ProcessorOperation::Stage, [0, places, 0, 0]).unwrap();
    assert_eq!(machine.on_context(made.context, ContextOperation::Destroy, [0; 4]), Ok([0; 4]));
    machine.on_processor(0, ProcessorOperation::Commit, [16, 0, 0, 0]).unwrap();
    machine.run_until(32 * SLOT + 1);
    let place =
        |place| machine.on_processor(0, ProcessorOperation::Place, [place, 0, 0, 0]).unwrap()[0];
    assert_eq!((place(1), place(3)), (0, 0));
    assert_ne!(place(0), 0);
}

#[test]
fn the_trace_is_read_record_by_record() {
    let machine = TestMachine::booted(1);
    let trace = |index| machine.on_processor(0, ProcessorOperation::Trace, [index, 0, 0, 0]);
    let [time, what, more, next] = trace(0).unwrap();
    assert_eq!((time, what, more, next), (0, 1 << 56 | machine.running(0).unwrap(), 0, 1));
    assert_eq!(trace(next), Ok([0, 0, 0, next]), "nothing yet; the next index is told");
    machine.give_doorbell(FIRST, 200, OWN_CONTEXT, 5);
    (0..600).for_each(|_| assert!(machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).is_ok()));
    assert_eq!(trace(u64::MAX).unwrap()[3], 602);
    assert_eq!(trace(89), bad(3));
    assert_eq!(trace(90).unwrap()[1] >> 56, 3);
}

#[test]
fn the_kernel_answers_about_itself() {
    let machine = TestMachine::booted(1);
    let kernel = |operation: KernelOperation, argument| {
        machine.control(u64::from(first_slot::KERNEL.raw()), operation as u64, [argument, 0, 0, 0])
    };
    assert_eq!(kernel(KernelOperation::Fact, 2), Ok([102, 0, 0, 0]));
    assert_eq!(kernel(KernelOperation::Fact, 4), bad(3));
    assert_eq!(kernel(KernelOperation::CrashRecord, 1), Ok([3, 12, 0, 0]));
    assert_eq!(kernel(KernelOperation::CrashRecord, 2), bad(3));
    assert_eq!(kernel(KernelOperation::Audit, FRAMES), bad(3));
    assert_eq!(kernel(KernelOperation::Reset, 0), Ok([0; 4]));
    assert_eq!(machine.resets.get(), 1);
}

/// Something that must not happen.
type Damage = fn(&TestMachine, Made);

#[test]
fn the_audit_sees_every_kind_of_damage() {
    let damage: [(Damage, u64, Option<u64>); 8] = [
        (
            |machine, _| machine.corrupt(602, |word| word & ((1 << 36) - 1) | 601 << 36),
            1,
            Some(602),
        ),
        (|machine, made| machine.corrupt(made.root, |word| word | 1 << 4), 2, None),
        (|machine, _| machine.corrupt(700, |word| word | 1 << 4), 2, Some(700)),
        (
            |machine, made| {
                machine.word(made.partition_frame, 1).fetch_add(1, Relaxed);
            },
            3,
            Some(64),
        ),
        (|machine, _| machine.corrupt(600, |word| word | 3 << 4), 3, None),
        (|machine, _| machine.word(SPARE + 2, 5).store(41 << 12 | 5, Relaxed), 4, Some(SPARE + 2)),
        (|machine, _| machine.word(SPARE + 2, 0).store(600 << 12 | 7, Relaxed), 4, Some(SPARE + 2)),
        (|machine, made| machine.word(made.slots, 8).store(600 << 16 | 0xf03, Relaxed), 5, None),
    ];
    for (number, (change, violation, frame)) in damage.into_iter().enumerate() {
        let (machine, made) = one();
        machine.memory(MemoryOperation::Assign, [600, 4, made.partition, 0]).unwrap();
        machine.partition(made.partition, PartitionOperation::Map, [TEXT, 600, 1, 0]).unwrap();
        assert_eq!(machine.audit(), None);
        change(&machine, made);
        let (found, what) =
            machine.audit().unwrap_or_else(|| panic!("damage {number} is not seen"));
        assert_eq!(what, violation, "damage {number}");
        assert!(frame.is_none_or(|frame| frame == found), "damage {number} is blamed on {found}");
    }
}

#[test]
fn a_thousand_partitions_come_and_go_and_no_frame_is_lost() {
    let machine = TestMachine::booted(1);
    // All but the generations.
    let uses = |machine: &TestMachine| {
        machine.ledger_words().iter().map(|word| word & !(0xff_ffff << 12)).collect::<Vec<_>>()
    };
    let before = uses(&machine);
    for _ in 0..1000 {
        machine.unmake(machine.make(0, 0));
    }
    assert_eq!(uses(&machine), before);
    assert_eq!(machine.audit(), None);
}
