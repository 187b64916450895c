//! Other programs for the manager and for boot: whenever who dies, one of both programs is there whole, and is what is started.

use super::deaths::{came_through, dies_in};
use super::image::{elf_at, image_with, index, manifest};
use super::wards::pass;
use super::world::{TestManager, World};
use super::{COMMAND, ask, id, status};
use crate::copies::extent_of;
use crate::manager::SELF;
use abi::control::{PartitionOperation, first_slot};
use abi::image::name_text;
use abi::information::{INFORMATION_HEADER, Report, Resource, StartReason};
use abi::layout::{PROGRAM_BASE, PROGRAM_BESIDE};
use abi::manifest::{ManifestHeader, ManifestPartition, PartitionRole};
use abi::message::resource::{ResourceRequest as R, ResourceStatus};
use abi::message::upgrade::{Obstacle, UpgradeRecord};
use abi::programs::{Programs, Return};
use abi::types::{PAGE_SIZE, Slot, VirtualAddress};
use boot::choice::Found;
use program_loader::{Calls, Kernel, Target};
use resource_db::Owner;
use std::sync::atomic::Ordering;
use zerocopy::FromBytes;

const MILLISECOND: u64 = 1_000_000;
const MANAGER: u32 = 0;

/// The usual image in which a partition has this version, its program at another place.
fn later(partition: u32, version: u32, place: u64) -> Vec<u8> {
    let mut bytes = manifest();
    let (header, rest) = ManifestHeader::mut_from_prefix(&mut bytes).expect("a header");
    let count = header.partitions as usize;
    let (partitions, _) =
        <[ManifestPartition]>::mut_from_prefix_with_elems(rest, count).expect("partitions");
    partitions[partition as usize].version = version;
    image_with(bytes, elf_at(place, 0x70 + version as u8, 3))
}

/// A world in which the manager has a program, and a second version of a partition lies beside its first.
pub fn world(partition: u32) -> (World, TestManager) {
    let (mut world, mut manager) = World::new();
    give_program(&mut manager);
    world.add_later(&mut manager, later(partition, 2, PROGRAM_BESIDE));
    // The manager's own tables grow once.
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    upgrade(&mut manager, partition);
    let back = ask(&mut manager, COMMAND, R::Rollback, partition);
    assert_eq!(status(&back), ResourceStatus::Ok);
    (world, manager)
}

/// Maps the manager's first program, as the loader does on the machine.
fn give_program(manager: &mut TestManager) {
    let program = manager.program(&manager.manifest.partitions[0]).unwrap();
    manager.books.begin();
    let frames = manager.books.allocate(program.pages(), Owner::Partition(SELF)).unwrap();
    manager.books.commit();
    let target = Target { partition: first_slot::PARTITION, frames: frames.start };
    manager.loader().load(&program, target).unwrap();
}

pub fn upgrade(manager: &mut TestManager, partition: u32) {
    let asked = ask(manager, COMMAND, R::Upgrade, partition);
    let record = UpgradeRecord::read_from_bytes(asked.parts().1).unwrap();
    assert_eq!(status(&asked), ResourceStatus::Ok, "{record:?}");
}

fn obstacle(manager: &mut TestManager, partition: u32) -> (Option<Obstacle>, u32) {
    let asked = ask(manager, COMMAND, R::Upgrade, partition);
    let record = UpgradeRecord::read_from_bytes(asked.parts().1).unwrap();
    (Obstacle::from_code(record.obstacle as u16), record.about)
}

/// A record of a partition's information pages as they are, half written or not.
fn told(world: &World, manager: &TestManager, partition: u32, name: &str) -> Resource {
    let start = manager.row(id(partition)).unwrap().information.start.raw() + 1;
    let machine = &world.shared.machine;
    let record = |place: usize| {
        let words = (0..8).map(|word| {
            let at = INFORMATION_HEADER + place * 64 + word * 8;
            let (page, word) = (at as u64 / PAGE_SIZE, at % PAGE_SIZE as usize / 8);
            machine.word(start + page, word).load(Ordering::Relaxed)
        });
        let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        Resource::read_from_bytes(&bytes).unwrap()
    };
    (0..12).map(record).find(|one| name_text(&one.name) == name).expect("told")
}

/// Whether the program of an image is in a partition: its text, and pages for the rest.
fn whole(manager: &mut TestManager, world: &World, partition: u32, image: u16) -> bool {
    let row = manager.row(id(partition)).unwrap();
    let definition = manager.definition(&row).unwrap();
    let Ok(program) = manager.program_in(image, definition) else { return false };
    let there = manager.is_there(Slot::new(row.partition_slot), &program, |_| true);
    let text = program.segments()[0].address().raw();
    let translate = PartitionOperation::Translate as u64;
    let slot = Slot::new(row.partition_slot);
    let frame = manager.machine.control(slot, translate, [text, 0, 0, 0]);
    let Ok([frame, ..]) = frame else { return false };
    let word = world.shared.machine.word(frame, 0).load(Ordering::Relaxed);
    let wanted = program.segments()[0].page(0).bytes[0];
    there && word.to_le_bytes() == [wanted; 8]
}

/// The boot partition, which brings the manager back; what it must not forget.
#[derive(Default)]
struct Boot {
    started: Option<Return>,
}

impl Boot {
    /// The manager after one that died, in the version whose turn it is. One that must not run dies again.
    fn brings_back(&mut self, world: &mut World) -> TestManager {
        for _ in 0..4 {
            world.shared.dies_after.set(None);
            let mut dead = world.successor();
            let word = told(world, &dead, index::BOOT, "manager-context").address;
            let found = Found {
                told: Programs::from_word(word),
                plan: None,
                started: self.started,
                ended: true,
            };
            let choice = found.choose(false);
            let others = [choice.image, found.told.runs, 0, 1].map(u16::from);
            let image = others.into_iter().find(|one| whole(&mut dead, world, MANAGER, *one));
            let image = image.expect("a program is there whole") as u8;
            let choice =
                if image == choice.image { choice } else { Return { image, failed: None } };
            (self.started, world.own) = (Some(choice), choice);
            let mut manager = world.successor();
            if manager.recover().is_ok() {
                return manager;
            }
        }
        panic!("none of the programs may run: {}", world.said());
    }
}

/// covers: REC-4
#[test]
fn the_manager_goes_over_proves_itself_and_goes_back() {
    let (mut world, mut manager) = world(MANAGER);
    let mut boot = Boot::default();
    let before = world.free();
    upgrade(&mut manager, MANAGER);
    assert!(whole(&mut manager, &world, MANAGER, 0) && whole(&mut manager, &world, MANAGER, 1));
    assert_eq!(manager.row(SELF).unwrap().image, 0, "until it is started next");
    manager = boot.brings_back(&mut world);
    let row = manager.row(SELF).unwrap();
    assert_eq!((row.image, row.before, row.waiting), (1, 1, 0));
    assert!(whole(&mut manager, &world, MANAGER, 0), "it may have to come back");
    pass(&mut manager, 900 * MILLISECOND);
    assert_eq!(manager.row(SELF).unwrap().before, 1, "on trial");
    pass(&mut manager, 200 * MILLISECOND);
    assert_eq!(manager.row(SELF).unwrap().before, 0);
    assert!(!whole(&mut manager, &world, MANAGER, 0));
    assert_eq!(world.free(), before - 1, "it has a page more than the first");
    world.check(&manager);
    // A death costs nothing now.
    manager = boot.brings_back(&mut world);
    assert_eq!(manager.row(SELF).unwrap().image, 1);
    // By hand.
    let back = ask(&mut manager, COMMAND, R::Rollback, MANAGER);
    assert_eq!(status(&back), ResourceStatus::Ok);
    manager = boot.brings_back(&mut world);
    assert_eq!(manager.row(SELF).unwrap().image, 0);
    pass(&mut manager, 1100 * MILLISECOND);
    assert_eq!((manager.row(SELF).unwrap().before, world.free()), (0, before));
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn a_manager_that_ends_on_trial_goes_back() {
    for up in [false, true] {
        let (mut world, mut manager) = world(MANAGER);
        let (mut boot, before) = (Boot::default(), world.free());
        upgrade(&mut manager, MANAGER);
        if up {
            manager = boot.brings_back(&mut world);
            assert_eq!(manager.row(SELF).unwrap().image, 1);
        } else {
            // It was started and came to nothing.
            boot.started = Some(Return { image: 1, failed: None });
        }
        manager = boot.brings_back(&mut world);
        let row = manager.row(SELF).unwrap();
        assert_eq!((row.image, row.before, row.waiting, row.refused), (0, 0, 0, 0b10));
        assert!(world.said().contains("went back from version 2 to version 1"));
        assert_eq!(obstacle(&mut manager, MANAGER).0, Some(Obstacle::Refused));
        assert_eq!(world.free(), before);
        world.check(&manager);
    }
}

/// Whatever the manager was doing when it died, boot finds a program that is whole and that the books allow.
///
/// covers: REC-4, RES-2
#[test]
fn the_manager_may_die_at_every_step_of_its_own_upgrade() {
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 11 };
    for calls in (0..).step_by(step) {
        let (mut world, mut manager) = world(MANAGER);
        let (mut boot, before) = (Boot::default(), world.free());
        let mut died = dies_in(&world, calls, || upgrade(&mut manager, MANAGER));
        if !died {
            let left = world.shared.dies_after.take();
            // As one that boot starts does all over again, but dies in the middle.
            let word = told(&world, &manager, index::BOOT, "manager-context").address;
            assert_eq!(Programs::from_word(word).next, Some(1));
            boot.started = Some(Return { image: 1, failed: None });
            world.own = Return { image: 1, failed: None };
            let mut next = world.successor();
            died = dies_in(&world, left.unwrap_or(0), || {
                next.recover().expect("recovered");
                pass(&mut next, 1100 * MILLISECOND);
            });
        }
        manager = boot.brings_back(&mut world);
        let row = manager.row(SELF).unwrap();
        assert_eq!(row.image, u16::from(world.own.image), "death at call {calls}");
        assert!(whole(&mut manager, &world, MANAGER, row.image), "death at call {calls}");
        world.check(&manager);
        pass(&mut manager, 1100 * MILLISECOND);
        manager = boot.brings_back(&mut world);
        pass(&mut manager, 1100 * MILLISECOND);
        // What a person would do, until it is the first version again.
        for _ in 0..2 {
            let row = manager.row(SELF).unwrap();
            if row.image != 0 || row.waiting != 0 {
                let _ = ask(&mut manager, COMMAND, R::Rollback, MANAGER);
                manager = boot.brings_back(&mut world);
                pass(&mut manager, 1100 * MILLISECOND);
            }
        }
        let row = manager.row(SELF).unwrap();
        assert_eq!((row.image, row.before, row.waiting), (0, 0, 0), "death at call {calls}");
        assert_eq!(world.free(), before, "death at call {calls}");
        world.check(&manager);
        if came_through(died, calls, 60) {
            return;
        }
    }
}

/// A program that the books do not know tells boot what they say, and ends.
///
/// covers: REC-4
#[test]
fn a_program_that_is_not_in_the_books_must_not_run() {
    let (mut world, mut manager) = world(MANAGER);
    upgrade(&mut manager, MANAGER);
    let back = ask(&mut manager, COMMAND, R::Rollback, MANAGER);
    assert_eq!(status(&back), ResourceStatus::Ok);
    world.own = Return { image: 1, failed: None };
    let mut wrong = world.successor();
    assert!(wrong.recover().is_err());
    let manager = Boot::default().brings_back(&mut world);
    assert_eq!(manager.row(SELF).unwrap().image, 0);
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn who_brings_the_other_back_has_proved_itself_and_lies_beside() {
    for partition in [MANAGER, index::BOOT] {
        let (mut world, mut manager) = World::new();
        give_program(&mut manager);
        world.add_later(&mut manager, later(partition, 2, PROGRAM_BASE));
        assert_eq!(obstacle(&mut manager, partition).0, Some(Obstacle::Place));
        let other = index::BOOT - partition;
        world.add_later(&mut manager, later(other, 2, PROGRAM_BESIDE));
        upgrade(&mut manager, other);
        world.later[0] = None;
        manager.later = world.later;
        world.add_later(&mut manager, later(partition, 2, PROGRAM_BESIDE));
        assert_eq!(obstacle(&mut manager, partition), (Some(Obstacle::Trial), other));
        let back = ask(&mut manager, COMMAND, R::Rollback, other);
        assert_eq!(status(&back), ResourceStatus::Ok);
        upgrade(&mut manager, partition);
    }
    let (mut world, mut manager) = World::with(|index, definition| {
        definition.lasting = if index == index::BOOT { 0 } else { definition.lasting };
    });
    world.add_later(&mut manager, later(MANAGER, 2, PROGRAM_BESIDE));
    assert_eq!(obstacle(&mut manager, MANAGER).0, Some(Obstacle::Fixed));
}

/// Idle starts boot where both are down: whenever the manager died, what it starts is whole, and has proved itself.
fn idle_finds_boot_whole(world: &World, manager: &mut TestManager, when: &str) {
    let entry = told(world, manager, index::IDLE, "boot-context").address;
    let row = manager.row(id(index::BOOT)).unwrap();
    let definition = manager.definition(&row).unwrap();
    let found = (0..2_u16).find(|image| {
        let program = manager.program_in(*image, definition);
        program.is_ok_and(|program| program.entry().raw() == entry)
    });
    let image = found.unwrap_or_else(|| panic!("{when}: {entry:#x} is no entry"));
    let program = manager.program_in(image, definition).unwrap();
    let slot = Slot::new(row.partition_slot);
    assert!(manager.is_there(slot, &program, |one| !one.is_writable()), "{when}: {image}");
    assert!(extent_of(&program).is_some());
    let text = program.segments()[0].address();
    let address = VirtualAddress::new(text.raw());
    let translated =
        manager.machine.partition(slot, PartitionOperation::Translate, [address.raw(), 0, 0, 0]);
    let [frame, ..] = translated.unwrap();
    let word = world.shared.machine.word(frame, 0).load(Ordering::Relaxed);
    assert_eq!(word.to_le_bytes(), [program.segments()[0].page(0).bytes[0]; 8], "{when}");
    assert!(row.before == 0 || row.image != image, "{when}: one on trial");
}

/// A boot partition's event loop turns, or not, until no trial can be open any more; a manager that ends is brought back.
pub fn lives_on(world: &mut World, mut manager: TestManager, turns: bool) -> TestManager {
    for _ in 0..300 {
        if turns {
            turn(world, &manager);
        }
        pass(&mut manager, 10 * MILLISECOND);
        if manager.is_to_leave() {
            manager = world.recovered();
        }
    }
    manager
}

/// The boot partition's event loop turns.
pub fn turn(world: &World, manager: &TestManager) {
    let report = manager.row(id(index::BOOT)).unwrap().information.start;
    let word = std::mem::offset_of!(Report, alive) / 8;
    world.shared.machine.word(report.raw(), word).fetch_add(1, Ordering::Relaxed);
}

/// covers: REC-4, RES-2
#[test]
fn boot_is_whole_whenever_the_manager_dies() {
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 17 };
    let mut versions = [0; 2];
    for calls in (0..).step_by(step) {
        let (mut world, mut manager) = world(index::BOOT);
        let before = world.free();
        let proves = calls / step % 2 == 0;
        let died = dies_in(&world, calls as u32, || {
            upgrade(&mut manager, index::BOOT);
            let restarted = ask(&mut manager, COMMAND, R::Restart, index::BOOT);
            assert_eq!(status(&restarted), ResourceStatus::Ok);
            if proves {
                let report = manager.row(id(index::BOOT)).unwrap().information.start;
                let word = std::mem::offset_of!(Report, alive) / 8;
                world.shared.machine.word(report.raw(), word).store(1, Ordering::Relaxed);
            }
            pass(&mut manager, 1200 * MILLISECOND);
        });
        world.shared.dies_after.set(None);
        let when = format!("death at call {calls}");
        let mut dead = world.successor();
        idle_finds_boot_whole(&world, &mut dead, &when);
        manager = world.recovered();
        idle_finds_boot_whole(&world, &mut manager, &when);
        manager = lives_on(&mut world, manager, proves);
        let row = manager.row(id(index::BOOT)).unwrap();
        versions[usize::from(row.image)] += 1;
        assert_eq!((row.before, row.loaded), (0, row.image), "{when}");
        assert!(whole(&mut manager, &world, index::BOOT, row.image), "{when}");
        idle_finds_boot_whole(&world, &mut manager, &when);
        world.check(&manager);
        if row.image == 0 && row.waiting == 0 {
            assert_eq!(world.free(), before, "{when}");
        }
        if !died {
            assert!(calls > 60 && versions.iter().all(|count| *count > 0), "{versions:?}");
            return;
        }
    }
}

#[test]
fn only_two_keep_both_programs() {
    let (_world, manager) = World::new();
    let keeps = |one: &ManifestPartition| crate::beside::keeps_both(one);
    let roles = manager.manifest.partitions.iter().filter(|one| keeps(one));
    let roles: Vec<_> = roles.map(|one| one.role).collect();
    assert_eq!(roles, [PartitionRole::ResourceManager as u16, PartitionRole::Boot as u16]);
}
