//! Control operations on channels, and the end of objects.

use crate::build::{FIRST, Made, TEXT};
use crate::machine::TestMachine;
use abi::call::Error;
use abi::control::{
    Access, ChannelOperation, ContextOperation, FrameUse, MemoryOperation, PartitionOperation,
};
use abi::rights::{Kind, Rights};
use std::sync::atomic::Ordering::Relaxed;

const WRITE: u64 = Access::WRITE.bits();

use crate::control::{SPARE, bad, one, tables};

/// A channel of 24 pages between partitions 0 (client, with tables) and 1; its capability is in slot 220.
fn joined() -> (TestMachine, Made, Made) {
    let (machine, client) = one();
    let server = machine.make(1, 0);
    tables(&machine, server, 510);
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 599, 220, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [600, 16, client.partition, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [616, 9, client.partition, 0]).unwrap();
    let join = |client, server, frame, count| {
        machine.control(220, ChannelOperation::Join as u64, [client, server, frame, count])
    };
    assert_eq!(join(client.partition, client.partition, 600, 24), bad(4));
    assert_eq!(join(server.partition, client.partition, 600, 24), Err((Error::WrongFrame, 600)));
    assert_eq!(join(client.partition, server.partition, 600, 0), bad(6));
    assert_eq!(join(client.partition, server.partition, 600, 24), Ok([16, 0, 0, 0]));
    assert_eq!(join(client.partition, server.partition, 617, 8), bad(5));
    assert_eq!(join(server.partition, client.partition, 616, 8), bad(4));
    assert_eq!(join(client.partition, FIRST, 616, 8), bad(4));
    assert_eq!(join(FIRST, server.partition, 616, 8), bad(3));
    assert_eq!(join(client.partition, server.partition, 616, 8), Ok([8, 0, 0, 0]));
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
    assert_eq!(map(server, 624, 1), Err((Error::Occupied, 600)));
    assert_eq!(
        machine.memory(MemoryOperation::Release, [600, 1, 0, 0]),
        Err((Error::WrongFrame, 600))
    );
    let transfer = [600, 1, client.partition, server.partition];
    assert_eq!(machine.memory(MemoryOperation::Transfer, transfer), Err((Error::WrongFrame, 600)));
    machine.word(600, 3).store(4711, Relaxed);
    let peek = |offset| machine.control(220, ChannelOperation::Peek as u64, [offset, 0, 0, 0]);
    assert_eq!(peek(24), Ok([4711, 0, 0, 0]));
    machine.word(623, 511).store(815, Relaxed);
    let end = 24 * 4096;
    assert_eq!(peek(end - 8), Ok([815, 0, 0, 0]), "of any page");
    assert_eq!((peek(4), peek(end), peek(u64::MAX - 7)), (bad(3), bad(3), bad(3)));
    let poke =
        |offset, word| machine.control(220, ChannelOperation::Poke as u64, [offset, word, 0, 0]);
    assert_eq!((poke(end - 4096, 1), peek(end - 4096)), (Ok([0; 4]), Ok([1, 0, 0, 0])));
    assert_eq!((poke(end + 1, 2), poke(end, 2)), (bad(3), bad(3)));
    assert_eq!(machine.word(624, 0).load(Relaxed), 0, "what lies behind is not the channel's");
    let look = [221, 220, Rights::INSPECT.bits().into(), (Kind::Channel as u64) << 32];
    machine.partition(1, PartitionOperation::Put, look).unwrap();
    let looks = |operation| machine.control(221, operation as u64, [0, 815, 0, 0]);
    let no_right = Err((Error::NoRight, 0));
    assert_eq!(
        (looks(ChannelOperation::Poke), looks(ChannelOperation::Peek)),
        (no_right, Ok([0; 4]))
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn a_channel_is_parted_from_its_end_when_nobody_maps_it() {
    let (machine, client, server) = joined();
    let part = || machine.control(220, ChannelOperation::Part as u64, [0; 4]);
    let map = [TEXT, 620, 1, WRITE];
    machine.partition(server.partition, PartitionOperation::Map, map).unwrap();
    assert_eq!(part(), Err((Error::InUse, 1)), "pages 8 to 23 go first");
    machine.partition(server.partition, PartitionOperation::Unmap, [TEXT, 1, 0, 0]).unwrap();
    assert_eq!(
        machine.control(220, ChannelOperation::Destroy as u64, [0; 4]),
        Err((Error::InUse, 24))
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
    for operation in [ChannelOperation::Peek, ChannelOperation::Poke] {
        let refused = machine.control(220, operation as u64, [0; 4]);
        assert_eq!(refused, Err((Error::WrongState, 0)), "{operation:?}");
    }
    assert_eq!(machine.control(220, ChannelOperation::Destroy as u64, [0; 4]), Ok([0; 4]));
    assert_eq!(
        machine.control(220, ChannelOperation::State as u64, [0; 4]),
        Err((Error::NoCapability, 0))
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
    assert_eq!(destroy(), Err((Error::NoCapability, 0)), "its slot is empty");
    assert!(generation > 1);
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
    machine.corrupt(made.partition_frame, |word| word & !(last << 32) | (last - 2) << 32);
    machine.partition(FIRST, PartitionOperation::Clear, [made.partition, 0, 0, 0]).unwrap();
    let stale = machine.partition(made.partition, PartitionOperation::Renew, [0; 4]);
    assert_eq!(stale, Err((Error::NoCapability, 0)));
    machine.corrupt(700, |word| word | (last - 2) << 32);
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 700, 201, 0]), Err((Error::Limit, 0)));
    machine.corrupt(701, |word| word | (last - 3) << 32);
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 701, 201, 0]), Ok([last - 2, 0, 0, 0]));
    assert_eq!(machine.partition(201, PartitionOperation::Renew, [0; 4]), Err((Error::Limit, 0)));
    assert_eq!(
        machine.partition(201, PartitionOperation::Destroy, [0; 4]),
        Ok([0; 4]),
        "it can still be destroyed"
    );
    assert_eq!(
        machine.partition(201, PartitionOperation::Destroy, [0; 4]),
        Err((Error::NoCapability, 0))
    );
    assert_eq!(machine.memory(MemoryOperation::Create, [2, 701, 202, 0]), Err((Error::Limit, 0)));
}
