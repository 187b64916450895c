//! Tests on the logic of the real kernel: nothing is lost, whoever asks what and whenever the manager dies.

mod image;
#[path = "../../../../kernel/core/tests/kernel/machine.rs"]
mod machine;
mod world;

mod answers;
mod askers;
mod beside;
mod changes;
mod compare;
mod corpses;
mod deaths;
mod dog;
mod drill;
mod founding;
mod functions;
mod heaps;
mod history;
mod hostile;
mod joined;
mod kinds;
mod liar;
mod listed;
mod manifests;
mod nodes;
mod placed;
mod planned;
mod refused;
mod registers;
mod resting;
mod service;
mod snapshots;
mod told;
mod trace;
mod upgrades;
mod wards;
mod written;
mod zones;

use crate::manager::{Machine, SELF};
use crate::requests::{Asker, Reply};
use crate::run::contexts;
use abi::channel::ChannelKind;
use abi::control::{FrameUse, PartitionOperation};
use abi::information::StartReason;
use abi::message::resource::{
    AuditRecord, HardwareKind, HardwareRecord, Index, PartitionState, ResourceRequest,
    ResourceStatus, StoppedRecord,
};
use abi::rights::Kind;
use abi::types::{PartitionId, Slot};
use kernel_core::FaultRecord;
use program_loader::Calls as _;
use world::{TestManager, World, index};
use zerocopy::{FromBytes, IntoBytes};

fn id(raw: u32) -> PartitionId {
    PartitionId::new(raw)
}

fn ask(
    manager: &mut TestManager,
    (who, kind): (u32, ChannelKind),
    request: ResourceRequest,
    about: u32,
) -> Reply {
    let body = Index { index: about };
    let empty = [ResourceRequest::Stopped, ResourceRequest::Machine, ResourceRequest::Audit];
    let body = if empty.contains(&request) { &[] } else { body.as_bytes() };
    manager.answer(Asker { partition: id(who), kind }, request as u16, body)
}

const COMMAND: (u32, ChannelKind) = (index::COMMAND, ChannelKind::Command);
const BOOT: (u32, ChannelKind) = (index::BOOT, ChannelKind::Boot);
const WORKER: (u32, ChannelKind) = (index::WORKER, ChannelKind::Control);

fn status(reply: &Reply) -> ResourceStatus {
    reply.parts().0
}

#[test]
fn the_hardware_is_listed_to_its_end_for_the_command_partition_alone() {
    let (world, mut manager) = World::new();
    let mut kinds = Vec::new();
    for place in 0.. {
        let reply = ask(&mut manager, COMMAND, ResourceRequest::Hardware, place);
        if status(&reply) == ResourceStatus::NoSuch {
            break;
        }
        let record = HardwareRecord::read_from_bytes(reply.parts().1).expect("a record");
        kinds.push(HardwareKind::from_number(record.kind).expect("a kind") as u32);
    }
    assert!(kinds.is_sorted(), "{kinds:?}");
    let memory = kinds.iter().filter(|&&kind| kind == HardwareKind::Memory as u32).count();
    assert_eq!(memory as u32, manager.facts.boot.memory_count);
    assert!(kinds.starts_with(&[1, 2, 3]) && kinds.contains(&(HardwareKind::PowerOff as u32)));
    let refused = ask(&mut manager, WORKER, ResourceRequest::Hardware, 0);
    assert_eq!(status(&refused), ResourceStatus::NotAllowed);
    world.check(&manager);
}

/// covers: KRN-8
#[test]
fn everything_of_the_manifest_is_created() {
    let (world, manager) = World::new();
    let said = world.said();
    assert!(said.contains("5 partitions, 3 channels") && said.lines().count() == 1, "{said}");
    world.check(&manager);
    for (id, row) in manager.books.partitions() {
        assert_eq!(id == SELF, row.starts == 1 && row.partition_slot == 1);
        assert!(id == SELF || manager.runs(row));
    }
    // The idle partition has a context on each of both processors.
    assert_eq!(manager.row(id(index::IDLE)).unwrap().contexts, 2);
}

#[test]
fn the_audit_compares_ledger_and_books() {
    let (world, mut manager) = World::new();
    let audit = |manager: &mut TestManager| {
        let reply = ask(manager, COMMAND, ResourceRequest::Audit, 0);
        AuditRecord::read_from_bytes(reply.parts().1).expect("a record")
    };
    let record = audit(&mut manager);
    assert_eq!((record.frame, record.violation), (0, 0));
    assert_eq!((record.free, record.books_free), (world.free(), world.free()));
    // A frame that the books believe free and the kernel does not.
    let free = (0..1024).find(|frame| world.shared.machine.ledger_words()[*frame] & 0xf == 1);
    let use_of = |word| word & !0xf | FrameUse::Kernel as u64;
    world.shared.machine.corrupt(free.expect("free") as u64, use_of);
    let record = audit(&mut manager);
    assert_eq!(record.free + 1, record.books_free);
}

#[test]
fn restarts_lose_nothing() {
    let (world, mut manager) = World::new();
    let before = world.free();
    for round in 1..4 {
        for partition in 1..5 {
            manager.restart(id(partition), StartReason::Restarted).unwrap();
            assert_eq!(manager.row(id(partition)).unwrap().starts, 1 + round);
        }
        world.check(&manager);
    }
    assert_eq!(world.free(), before);
    let epochs: Vec<_> = manager.books.channels().map(|(_, row)| row.epoch).collect();
    assert_eq!(epochs, [4, 4, 7], "both ends of the last were restarted");
}

#[test]
fn copies_come_and_go_without_a_trace() {
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    for round in 0..40 {
        let Reply::Now(ResourceStatus::Ok, body, 4) =
            ask(&mut manager, COMMAND, ResourceRequest::Create, index::WORKER)
        else {
            panic!("not created")
        };
        let (new, _) = Index::read_from_prefix(&body).unwrap();
        if round % 2 == 0 {
            // As a partition that holds itself may do: a capability where the manager puts none.
            let row = manager.row(id(new.index)).unwrap();
            let put = [200, row.context_slot.into(), 2, (Kind::Doorbell as u64) << 32];
            let partition = Slot::new(row.partition_slot);
            manager.machine.partition(partition, PartitionOperation::Put, put).unwrap();
            manager.start(id(new.index), StartReason::Started).unwrap();
            while manager.replan() {
                let next = manager.machine.now() + 1_000_000;
                manager.machine.sleep_until(next);
            }
        }
        world.check(&manager);
        let reply = ask(&mut manager, COMMAND, ResourceRequest::Destroy, new.index);
        assert!(matches!(reply, Reply::WhenGone(_)), "{reply:?} {}", world.said());
        world.let_go(&mut manager);
        assert!(manager.row(id(new.index)).is_err());
    }
    world.check(&manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
}

#[test]
fn who_gets_some_of_its_slots_leaves_none_taken() {
    let (world, mut manager) = World::new();
    let there = manager.own_slots().unwrap();
    let all: Vec<Slot> = std::iter::from_fn(|| manager.books.take_slots(1).ok()).collect();
    // Two of the three that it takes.
    all.iter().rev().filter(|slot| slot.raw() < there).take(2).for_each(|slot| {
        manager.books.give_slots(*slot, 1);
    });
    let before = manager.books.slots_taken();
    for _ in 0..3 {
        assert!(manager.create_again(id(index::WORKER)).is_err());
        assert_eq!(manager.books.slots_taken(), before);
    }
    all.iter().for_each(|slot| manager.books.give_slots(*slot, 1));
    manager.create_again(id(index::WORKER)).unwrap();
    world.check(&manager);
}

/// covers: REC-2
#[test]
fn the_manager_ends_when_command_asks_but_answers_first() {
    for request in [ResourceRequest::Kill, ResourceRequest::Restart] {
        let (mut world, mut manager) = World::new();
        assert_eq!(status(&ask(&mut manager, COMMAND, request, 0)), ResourceStatus::Ok);
        let due = manager.watch();
        assert!(!manager.is_to_leave() && due <= manager.machine.now() + 20_000_000);
        manager.machine.sleep_until(due);
        assert!(manager.is_to_leave());
        let before: Vec<_> = manager.books.channels().map(|(_, row)| row.epoch).collect();
        let manager = world.recovered();
        assert!(!manager.is_to_leave());
        let after: Vec<_> = manager.books.channels().map(|(_, row)| row.epoch).collect();
        assert_eq!((before, after), (vec![1, 1, 1], vec![2, 2, 1]), "its own channels are anew");
        world.check(&manager);
    }
}

#[test]
fn a_rescuer_that_forgot_is_told_again() {
    let (mut world, mut manager) = World::new();
    let told = |manager: &mut TestManager| {
        let reply = ask(manager, BOOT, ResourceRequest::Stopped, 0);
        StoppedRecord::read_from_bytes(reply.parts().1).map(|record| record.id).ok()
    };
    let context = contexts(&manager.row(id(index::IDLE)).unwrap()).nth(1).unwrap();
    manager.machine_stop(context);
    worker_faults(&world);
    manager.wait_for_own_turn();
    assert_eq!((told(&mut manager), told(&mut manager)), (Some(index::WORKER), None));
    manager.restart(id(index::BOOT), StartReason::Recovered).unwrap();
    assert_eq!((told(&mut manager), told(&mut manager)), (Some(index::WORKER), None));
    // The answer may have died with the manager.
    let mut manager = world.recovered();
    assert_eq!((told(&mut manager), told(&mut manager)), (Some(index::WORKER), None));
    // Who runs again is not told of.
    manager.restart(id(index::WORKER), StartReason::Recovered).unwrap();
    manager.restart(id(index::BOOT), StartReason::Recovered).unwrap();
    assert_eq!(told(&mut manager), None);
}

#[test]
fn memory_that_is_out_is_told_and_nothing_is_lost() {
    let (world, mut manager) = World::new();
    let before = world.free();
    let mut copies = Vec::new();
    let full = loop {
        match manager.create_again(id(index::WORKER)) {
            Ok(copy) => copies.push(copy),
            Err(trouble) => break trouble,
        }
    };
    assert_eq!(full.status(), ResourceStatus::NoMemory);
    assert!(copies.len() > 5);
    world.check(&manager);
    copies.into_iter().for_each(|copy| world.destroy(&mut manager, copy));
    world.check(&manager);
    assert!(before - world.free() < 4, "only the own capability table may have grown");
}

/// covers: RES-9
#[test]
fn only_who_may_ask_is_answered() {
    use ResourceRequest as R;
    let (world, mut manager) = World::new();
    let open = [R::Stopped, R::Machine, R::Maker];
    world.said();
    for request in R::ALL.iter().copied().filter(|request| !open.contains(request)) {
        let reply = ask(&mut manager, WORKER, request, 0);
        assert_eq!(status(&reply), ResourceStatus::NotAllowed, "{request:?}");
    }
    let said = world.said();
    assert_eq!(
        said, "resource-manager: worker may not ask for Partition\n",
        "a flood is told once"
    );
    for request in [R::Stop, R::Kill, R::Plan, R::Shutdown, R::Create, R::Audit, R::Trace] {
        let reply = ask(&mut manager, BOOT, request, index::COMMAND);
        assert_eq!(status(&reply), ResourceStatus::NotAllowed, "{request:?}");
    }
    // Not even command destroys what the manifest names; the manager ends for nobody else.
    for request in [R::Stop, R::Destroy] {
        assert_eq!(status(&ask(&mut manager, COMMAND, request, 0)), ResourceStatus::NotAllowed);
    }
    for who in [BOOT, WORKER, (index::COMMAND, ChannelKind::Control)] {
        for request in [R::Kill, R::Restart] {
            assert_eq!(status(&ask(&mut manager, who, request, 0)), ResourceStatus::NotAllowed);
        }
    }
    assert_eq!(manager.leave_at, 0);
    assert_eq!(
        status(&ask(&mut manager, COMMAND, R::Create, index::BOOT)),
        ResourceStatus::NotAllowed
    );
}

#[test]
fn nonsense_is_malformed() {
    let (_world, mut manager) = World::new();
    let asker = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
    for code in [0, 500, 999, u16::MAX] {
        assert_eq!(status(&manager.answer(asker, code, &[0; 4])), ResourceStatus::Malformed);
    }
    for &request in ResourceRequest::ALL {
        use ResourceRequest as R;
        let reply = manager.answer(asker, request as u16, &[0xff; 3]);
        let body = !matches!(request, R::Machine | R::Stopped | R::Audit | R::Maker | R::HandOver);
        let expected = if body { ResourceStatus::Malformed } else { status(&reply) };
        assert_eq!(status(&reply), expected, "{request:?}");
        if body && !matches!(request, R::Shutdown) {
            let reply = status(&manager.answer(asker, request as u16, &[0xff; 4]));
            let refused = [ResourceStatus::NoSuch, ResourceStatus::Malformed];
            assert!(refused.contains(&reply), "{request:?} {reply:?}");
        }
    }
}

/// Lets the worker, which runs on processor 1, divide by zero.
fn worker_faults(world: &World) {
    let machine = &world.shared.machine;
    for _ in 0..100 {
        machine.run_until(machine.time() + 1_000_000);
        let worker = machine.running(1);
        if worker.is_some() {
            let record = FaultRecord { reason: 0, code: 0, address: 0 };
            machine.fault_on(1, record);
            machine.settle();
            return;
        }
    }
    panic!("the worker never runs");
}

#[test]
fn a_rescuer_learns_and_restarts_until_the_budget_is_used_up() {
    let (world, mut manager) = World::new();
    let context = contexts(&manager.row(id(index::IDLE)).unwrap()).nth(1).unwrap();
    manager.machine_stop(context);
    for left in (0..=3_u32).rev() {
        worker_faults(&world);
        manager.wait_for_own_turn();
        let reply = ask(&mut manager, BOOT, ResourceRequest::Stopped, 0);
        let (state, body) = reply.parts();
        assert_eq!(state, ResourceStatus::Ok, "{left}");
        let record = StoppedRecord::read_from_bytes(body).unwrap();
        assert_eq!((record.id, record.restarts_left), (index::WORKER, left));
        assert_eq!(record.backoff, 10 << (3 - left));
        let again = ask(&mut manager, BOOT, ResourceRequest::Stopped, 0);
        assert_eq!(status(&again), ResourceStatus::NoSuch, "it is told once");
        // Nobody else restarts it.
        let other = ask(&mut manager, WORKER, ResourceRequest::Restart, index::WORKER);
        assert_eq!(status(&other), ResourceStatus::NotAllowed);
        let restarted = ask(&mut manager, BOOT, ResourceRequest::Restart, index::WORKER);
        let expected = if left > 0 { ResourceStatus::Ok } else { ResourceStatus::Limit };
        assert_eq!(status(&restarted), expected);
        world.check(&manager);
    }
    let row = manager.row(id(index::WORKER)).unwrap();
    assert_eq!((row.state, row.restarts), (PartitionState::Failed as u32, 3));
    // By hand it starts again, with a full budget.
    let started = ask(&mut manager, COMMAND, ResourceRequest::Start, index::WORKER);
    assert_eq!(status(&started), ResourceStatus::Ok);
    assert_eq!(manager.row(id(index::WORKER)).unwrap().budget, 3);
}

impl TestManager {
    /// Stops a context behind the books' back.
    fn machine_stop(&mut self, context: Slot) {
        use program_loader::Calls;
        let stop = abi::control::ContextOperation::Stop as u64;
        self.machine.patient(context, stop, [0; 4]).unwrap();
    }

    /// Lets time pass until the manager runs again.
    fn wait_for_own_turn(&mut self) {
        let machine = &self.machine.0.machine;
        for _ in 0..200 {
            if machine.running(0) == Some(self.machine.0.own_context()) {
                return;
            }
            machine.run_until(machine.time() + 500_000);
        }
        panic!("the manager never runs");
    }
}
