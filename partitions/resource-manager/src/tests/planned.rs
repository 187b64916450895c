//! Plans and devices in the books: the kernel has what they say, whatever happens to the manager, and whatever is otherwise is told.

use super::compare::{compare, equal};
use super::deaths::{came_through, dies_in, frames, look_after_all};
use super::world::{TestManager, World, index};
use super::{COMMAND, id, status};
use crate::manager::Machine as _;
use crate::owned::granted;
use crate::plans::processor_slot;
use crate::requests::Asker;
use crate::run::INTERRUPT;
use abi::control::{InterruptOperation, ProcessorOperation, first_slot};
use abi::message::database::Difference;
use abi::message::resource::{Change, ResourceRequest, ResourceStatus};
use abi::rights::{Kind, Rights};
use abi::types::ProcessorId;
use program_loader::Calls;
use resource_db::{Owner, ProcessorRow, Step};
use zerocopy::IntoBytes;

const SECOND: ProcessorId = ProcessorId::new(1);

/// Lets every plan that is due take over.
fn settle(manager: &mut TestManager) {
    for _ in 0..4 {
        look_after_all(manager);
        frames(manager, 2);
    }
}

fn share(manager: &mut TestManager, before: u32, after: u32) -> ResourceStatus {
    let change = Change { partition: index::WORKER, before, after };
    let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
    let reply = manager.answer(asker, ResourceRequest::SetShare as u16, change.as_bytes());
    status(&reply)
}

/// Books and kernel of the second processor, on which the worker is.
fn slots_of_worker(manager: &TestManager) -> usize {
    let slot = manager.row(id(index::WORKER)).unwrap().context_slot;
    let row = manager.books.processor(SECOND).unwrap();
    row.places[..16].iter().filter(|&&place| place == slot).count()
}

/// covers: RES-1
#[test]
fn a_change_of_share_is_one_transaction_with_its_plan() {
    let (_world, mut manager) = World::new();
    let before = manager.books.generation();
    let had = slots_of_worker(&manager);
    assert_eq!(share(&mut manager, had as u32, 7), ResourceStatus::Ok);
    assert_eq!(slots_of_worker(&manager), 7);
    assert_eq!(manager.books.generation(), before + 1);
    let found = manager.books.transaction(before + 1).unwrap();
    let places = |step: &Step| matches!(step, Step::Place(SECOND, ..));
    assert!(manager.books.steps(&found).filter(places).count() >= 7 - had);
    assert_eq!(found.cause.what, ResourceRequest::SetShare as u32);
    settle(&mut manager);
    equal(&mut manager);
}

/// The one that was interrupted is in the books or not, and the kernel runs what they say.
///
/// covers: RES-2
#[test]
fn the_kernel_runs_the_plan_of_the_books_wherever_the_manager_died() {
    let (mut world, mut manager) = World::new();
    let had = slots_of_worker(&manager) as u32;
    for calls in 0.. {
        let died = dies_in(&world, calls, || {
            let _ = share(&mut manager, had, 9);
            while manager.replan() {
                let next = manager.machine.now() + 1_000_000;
                manager.machine.sleep_until(next);
            }
        });
        world.shared.dies_after.set(None);
        manager = world.recovered();
        let row = manager.row(id(index::WORKER)).unwrap();
        assert_eq!(slots_of_worker(&manager), usize::from(row.share), "death at call {calls}");
        settle(&mut manager);
        equal(&mut manager);
        assert_eq!(share(&mut manager, row.share.into(), had), ResourceStatus::Ok);
        settle(&mut manager);
        if came_through(died, calls, 1) {
            return;
        }
    }
}

/// One call tells a plan of few contexts; of more of them, and of takers behind the first, it is told piece by piece.
///
/// covers: RES-1
#[test]
fn the_kernel_runs_the_plan_of_the_books_however_many_are_in_it() {
    let (_world, mut manager) = World::new();
    let [mut few, mut long] = [[0; 2]; 2];
    for _ in 0..26 {
        let copy = manager.create_again(id(index::WORKER)).unwrap();
        manager.start(copy, abi::information::StartReason::Started).unwrap();
        settle(&mut manager);
        equal(&mut manager);
        let row = manager.books.processor(SECOND).unwrap();
        few[usize::from(abi::stage::few(row.places.first_chunk().unwrap()).is_some())] += 1;
        long[usize::from(row.plan().len() > abi::stage::FEW_LENGTH)] += 1;
    }
    assert!(few[0] > 1 && few[1] > 1 && long[0] > 1 && long[1] > 1, "{few:?} {long:?}");
}

#[test]
fn a_plan_that_is_not_the_books_is_told() {
    let (_world, mut manager) = World::new();
    settle(&mut manager);
    equal(&mut manager);
    // The kernel is told another plan: nobody anywhere.
    let slot = processor_slot(SECOND);
    let stage = ProcessorOperation::Stage as u64;
    for first in 0..4 {
        manager.machine.patient(slot, stage, [first, 0, 0, 0]).unwrap();
    }
    manager.machine.patient(slot, ProcessorOperation::Commit as u64, [16, 0, 0, 0]).unwrap();
    frames(&mut manager, 3);
    let told = compare(&mut manager, 16_384).0;
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|(kind, which, _)| (*kind, *which) == (Difference::Runs, 1)),
        "{told:?}"
    );
    manager.outdate_plans();
    settle(&mut manager);
    equal(&mut manager);
    // The books have another plan than follows from shares.
    manager.books.begin();
    manager.books.set_processor(SECOND, &ProcessorRow::online()).unwrap();
    manager.books.commit();
    manager.outdate_plans();
    settle(&mut manager);
    let told = compare(&mut manager, 16_384).0;
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|(kind, which, _)| (*kind, *which) == (Difference::Planned, 1)),
        "{told:?}"
    );
    manager.plan_anew();
    settle(&mut manager);
    equal(&mut manager);
}

/// covers: RES-1
#[test]
fn devices_belong_to_whom_they_were_granted() {
    let (mut world, mut manager) = World::new();
    let all =
        granted(&manager.manifest, index::WORKER).map(|(device, _)| device).collect::<Vec<_>>();
    assert!(!all.is_empty());
    let owner = |manager: &TestManager, device| {
        let row = manager.books.device(device).unwrap();
        (manager.books.device_owner(row), row.bound)
    };
    let worker = Owner::Partition(id(index::WORKER));
    assert_eq!(owner(&manager, all[0]), (worker, 2), "its line rings it on the second processor");
    // The line rings nobody: told, and mended by the next start.
    let own = first_slot::PARTITION;
    let line = manager.books.device(all[0]).unwrap().first as u32;
    manager
        .machine
        .put(own, INTERRUPT, first_slot::INTERRUPT, Rights::all(), Kind::Interrupt, line)
        .unwrap();
    manager.machine.patient(INTERRUPT, InterruptOperation::Unbind as u64, [0; 4]).unwrap();
    assert_eq!(compare(&mut manager, 16_384).0, [(Difference::Line, index::WORKER, all[0])]);
    manager.restart(id(index::WORKER), abi::information::StartReason::Restarted).unwrap();
    equal(&mut manager);
    // Somebody else has it.
    manager.books.begin();
    let boot = Owner::Partition(id(index::BOOT));
    manager.books.give_device(all[0], worker, boot).unwrap();
    manager.books.commit();
    let told = compare(&mut manager, 16_384).0;
    assert!(told.contains(&(Difference::DeviceOwner, index::WORKER, all[0])), "{told:?}");
    manager.hand_hardware(id(index::WORKER), index::WORKER).unwrap();
    manager.restart(id(index::WORKER), abi::information::StartReason::Restarted).unwrap();
    let mut manager = world.recovered();
    settle(&mut manager);
    equal(&mut manager);
    assert_eq!(owner(&manager, all[0]), (worker, 2));
}
