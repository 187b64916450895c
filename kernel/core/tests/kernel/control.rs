//! Control operations on memory and address spaces, with right and with wrong arguments, the audit after them.

use crate::build::{FIRST, Made, OWN_CONTEXT, TEXT};
use crate::machine::{FRAMES, FREE, TestMachine, information};
use abi::call::{Call, Error};
use abi::control::{
    Access, ContextOperation, FrameUse, MemoryOperation, PAGES_PER_STEP, PartitionOperation,
};
use abi::layout::{BOOT_INFORMATION, TIME_PAGE, USER_END};
use abi::rights::Kind;
use std::sync::atomic::Ordering::Relaxed;

const WRITE: u64 = Access::WRITE.bits();
/// A frame far from those that [`TestMachine::make`] uses.
pub const SPARE: u64 = 500;

pub fn bad(argument: u64) -> Result<[u64; 4], (Error, u64)> {
    Err((Error::BadArgument, argument))
}

/// A booted machine with partition 0, which has page tables for the page at [`TEXT`].
pub fn one() -> (TestMachine, Made) {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    tables(&machine, made, SPARE);
    (machine, made)
}

pub fn tables(machine: &TestMachine, made: Made, frame: u64) {
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
    assert_eq!(translate(abi::layout::STACK_TOP - 0x1000), Ok([43, WRITE, 0, 0]));
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
        ledger(&machine, &information);
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
        Ok([PAGES_PER_STEP, 0, 0, 0])
    );
    let mut done = PAGES_PER_STEP;
    while done < count {
        let rest = [frame + done, count - done, made.partition, 0];
        done += machine.memory(MemoryOperation::Assign, rest).unwrap()[0];
    }
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
    assert_eq!(
        machine.memory(MemoryOperation::Release, [frame + 1, 39, 0, 0]),
        Ok([PAGES_PER_STEP, 0, 0, 0])
    );
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
        Ok([PAGES_PER_STEP, 0, 0, 0])
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
fn missing_tables_are_made_together_and_go_together() {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    let table = |operation, address, level, last| {
        machine.partition(made.partition, operation, [address, level, last, 0])
    };
    let add = |address, level, frame| table(PartitionOperation::AddTable, address, level, frame);
    let remove = |address, level, top| table(PartitionOperation::RemoveTable, address, level, top);
    let state = || machine.partition(made.partition, PartitionOperation::State, [0; 4]).unwrap()[1];
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 522, 240, 0]).unwrap();
    assert_eq!(add(TEXT, 1, 520), Err((Error::WrongFrame, 522)), "all of them or none");
    assert_eq!(add(TEXT, 1, u64::MAX - 1), Err((Error::WrongFrame, u64::MAX - 1)));
    assert_eq!((state(), machine.audit()), (1, None));
    assert_eq!(add(TEXT, 1, SPARE), Ok([3, 0, 0, 0]), "the highest first");
    let second = TEXT + 0x20_0000;
    assert_eq!(add(second, 1, SPARE + 3), Ok([1, 0, 0, 0]));
    let far = TEXT + (1 << 30);
    assert_eq!(add(far, 1, SPARE + 4), Ok([2, 0, 0, 0]), "those that are there stay");
    assert_eq!(add(far, 2, SPARE + 6), Err((Error::Occupied, SPARE + 4)));
    assert_eq!((state(), machine.audit()), (7, None));
    assert_eq!(remove(far, 1, 0), Ok([SPARE + 5, 0, 0, 0]), "none but this one");
    assert_eq!(remove(far, 2, 2), Ok([SPARE + 4, 0, 0, 0]));
    assert_eq!(remove(TEXT, 1, 3), Ok([SPARE + 2, 0, 0, 0]), "another is below those above it");
    assert_eq!((state(), machine.audit()), (4, None));
    machine.flushed.borrow_mut().clear();
    assert_eq!(remove(second, 1, 2), Ok([SPARE + 3, 0, 0, 0]));
    assert_eq!((state(), machine.audit()), (2, None), "this one too, and none above it");
    assert_eq!(remove(second, 3, u64::MAX), Ok([SPARE, 0, 0, 0]));
    assert_eq!((state(), machine.audit()), (1, None), "never the root");
    assert_eq!(*machine.flushed.borrow(), [second; 3], "none is known to a processor any more");
    assert_eq!(add(TEXT, 1, SPARE), Ok([3, 0, 0, 0]), "their frames are free");
}
