//! Who changed what and why is told, and only to whom it may be.

use super::world::{TestManager, World, index};
use super::{COMMAND, WORKER, ask, id, status};
use crate::requests::Asker;
use abi::channel::ChannelKind;
use abi::image::{Name, name_from, name_text};
use abi::message::resource::{ResourceRequest, ResourceStatus};
use abi::message::transaction::{
    NEWEST, NameQuery, StepKind, StepRecord, TransactionEnd, TransactionQuery, TransactionRecord,
};
use abi::types::PartitionId;
use zerocopy::{FromBytes, IntoBytes};

fn tell(manager: &mut TestManager, number: u64, step: u32) -> Result<Vec<u8>, ResourceStatus> {
    let asker = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
    let query = TransactionQuery { number, step, reserved: 0 };
    let reply = manager.answer(asker, ResourceRequest::Transaction.code(), query.as_bytes());
    match reply.parts() {
        (ResourceStatus::Ok, body) => Ok(body.to_vec()),
        (status, _) => Err(status),
    }
}

fn head(manager: &mut TestManager, number: u64) -> TransactionRecord {
    TransactionRecord::read_from_bytes(&tell(manager, number, 0).unwrap()).unwrap()
}

/// covers: RES-1
#[test]
fn the_log_says_who_when_before_after_and_how_it_ended() {
    let (mut world, mut manager) = World::new();
    let before = head(&mut manager, NEWEST);
    ask(&mut manager, COMMAND, ResourceRequest::Create, index::WORKER);
    let made = head(&mut manager, NEWEST);
    assert!(made.number > before.number && made.when >= before.when);
    assert_eq!((made.who, made.what), (index::COMMAND, ResourceRequest::Create.code().into()));
    let mut kinds = Vec::new();
    for number in before.number + 1..=made.number {
        let head = head(&mut manager, number);
        assert_eq!(head.end, TransactionEnd::Committed.code());
        for step in 1..=head.steps {
            let record = tell(&mut manager, number, step).unwrap();
            let record = StepRecord::read_from_bytes(&record).unwrap();
            let kind = StepKind::from_code(record.kind).unwrap();
            assert!(kind != StepKind::Partition || record.before != record.after);
            kinds.push(kind);
        }
        assert_eq!(tell(&mut manager, number, head.steps + 1), Err(ResourceStatus::NoSuch));
    }
    assert_eq!(kinds[0], StepKind::Initialize);
    assert!(kinds.iter().filter(|kind| **kind == StepKind::ChangeOwner).count() >= 2);
    // What was told lasts over the manager's death, and what it does of itself is its own.
    let mut manager = world.recovered();
    assert_eq!(head(&mut manager, made.number), made);
    let own = head(&mut manager, NEWEST);
    assert_eq!((own.who, own.what), (0, 0));
    assert_eq!(tell(&mut manager, 0, 0), Err(ResourceStatus::NoSuch));
    assert_eq!(tell(&mut manager, own.number + 1, 1), Err(ResourceStatus::NoSuch));
    names(&mut manager, made.number);
}

/// A number that goes from one partition to another is told by the name that it had then.
fn names(manager: &mut TestManager, number: u64) {
    let named = |manager: &mut TestManager, partition, number| {
        let asker = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
        let query = NameQuery { number, partition, reserved: 0 };
        let reply = manager.answer(asker, ResourceRequest::Named.code(), query.as_bytes());
        Name::read_from_bytes(reply.parts().1).ok().map(|name| name_text(&name).to_owned())
    };
    let copy = manager.manifest.partitions.len() as u32;
    let worker = name_text(&manager.manifest.partitions[index::WORKER as usize].name).to_owned();
    assert_eq!(named(manager, copy, number), Some(worker.clone()));
    assert_eq!(named(manager, copy, number - 9), None, "nobody had it then");
    let row = resource_db::PartitionRow {
        name: name_from("other").unwrap(),
        ..manager.row(id(copy)).unwrap()
    };
    let set = |manager: &mut TestManager, row| {
        manager.books.begin();
        manager.books.set_partition(id(copy + 1), &row).unwrap();
        manager.books.commit();
        manager.books.generation()
    };
    let unused = resource_db::PartitionRow::default();
    let first = set(manager, row);
    set(manager, unused);
    assert_eq!(named(manager, copy + 1, first + 1).as_deref(), Some("other"), "gone");
    let second =
        set(manager, resource_db::PartitionRow { name: name_from("third").unwrap(), ..row });
    assert_eq!(named(manager, copy + 1, first).as_deref(), Some("other"));
    assert_eq!(named(manager, copy + 1, second).as_deref(), Some("third"));
    assert_eq!(named(manager, index::WORKER, 1), None, "before it was made");
    assert_eq!(named(manager, 9999, second), None);
}

#[test]
fn only_the_command_partition_reads_the_log() {
    let (_world, mut manager) = World::new();
    for (who, kind) in [WORKER, (index::BOOT, ChannelKind::Boot)] {
        let query = TransactionQuery { number: NEWEST, step: 0, reserved: 0 };
        let asker = Asker { partition: PartitionId::new(who), kind };
        let code = ResourceRequest::Transaction.code();
        let reply = manager.answer(asker, code, query.as_bytes());
        assert_eq!(status(&reply), ResourceStatus::NotAllowed);
    }
}
