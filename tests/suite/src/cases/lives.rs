//! Partitions are created, started, restarted and destroyed, and not one frame is lost.

use crate::check;
use crate::outcome::{Verdict, done, refused};
use crate::world::World;
use abi::call::{Call, Error};
use abi::message::resource::{PartitionState, ResourceRequest, ResourceStatus};
use abi::rights::{Kind, Rights};
use rt::sys;

/// How many partitions are created and destroyed, and how many of them are there at once at most.
const LIVES: u32 = 1000;
const AT_ONCE: u32 = 20;
/// The definition that is used once more.
const DEFINITION: &str = "hog-four";

/// The kernel's ledger and the books agree, and nothing breaks an invariant.
// covers: RES-7
pub fn the_audit_finds_nothing(world: &mut World) -> Verdict {
    let audit = world.audit()?;
    check!(audit.violation == 0, "violation {} at frame {:#x}", audit.violation, audit.frame);
    check!(audit.frames > 1000, "only {} frames were looked at", audit.frames);
    check!(
        audit.free == audit.books_free,
        "{} frames free, {} in the books",
        audit.free,
        audit.books_free
    );
    Ok(())
}

// covers: RES-7, KRN-8
pub fn a_thousand_partitions_leave_nothing_behind(world: &mut World) -> Verdict {
    the_audit_finds_nothing(world)?;
    let definition = world.id_of(DEFINITION)?;
    let before = world.audit()?;
    let mut ids = [0; AT_ONCE as usize];
    for _ in 0..LIVES / AT_ONCE {
        for id in &mut ids {
            *id = world.create(definition)?;
        }
        let during = world.audit()?.books_free;
        check!(during < before.books_free, "twenty partitions cost nothing");
        for id in ids {
            world.command(ResourceRequest::Destroy, id)?;
        }
    }
    let after = world.audit()?;
    let (kernel, books) = (before.free == after.free, before.books_free == after.books_free);
    check!(kernel, "{} frames were free, {} are", before.free, after.free);
    check!(books, "{} frames were free in the books, {} are", before.books_free, after.books_free);
    the_audit_finds_nothing(world)
}

pub fn a_created_partition_lives(world: &mut World) -> Verdict {
    let definition = world.id_of(DEFINITION)?;
    let before = world.audit()?.free;
    let id = world.create(definition)?;
    world.command(ResourceRequest::Start, id)?;
    world.sleep(20);
    let state = world.record_of(id)?.state & 0xff;
    check!(state == PartitionState::Running as u32, "state {state}");
    world.command(ResourceRequest::Kill, id)?;
    world.command(ResourceRequest::Destroy, id)?;
    let gone = world.status(ResourceRequest::Start, id)?;
    check!(gone == ResourceStatus::NoSuch, "starting what is gone: {gone:?}");
    let after = world.audit()?.free;
    check!(after == before, "{before} frames were free, {after} are");
    Ok(())
}

pub fn wrong_requests_are_refused(world: &mut World) -> Verdict {
    let nobody = 1_000_000;
    for request in [
        ResourceRequest::Start,
        ResourceRequest::Stop,
        ResourceRequest::Kill,
        ResourceRequest::Restart,
        ResourceRequest::Destroy,
        ResourceRequest::Create,
        ResourceRequest::Plan,
        ResourceRequest::Partition,
        ResourceRequest::Channel,
    ] {
        let status = world.status(request, nobody)?;
        check!(status == ResourceStatus::NoSuch, "{request:?} of nobody: {status:?}");
        let short = world.malformed(request)?;
        check!(short == ResourceStatus::Malformed, "{request:?} with 3 bytes: {short:?}");
    }
    let manifest = world.id_of("assist")?;
    let status = world.status(ResourceRequest::Destroy, manifest)?;
    check!(status != ResourceStatus::Ok, "a partition of the manifest was destroyed");
    the_audit_finds_nothing(world)
}

/// A doorbell to what was before says so, with the generation of what is now; the channel has a new epoch.
// covers: KRN-3, CHN-1
pub fn peers_see_a_new_epoch(world: &mut World) -> Verdict {
    world.poke_when_up()?;
    let doorbell = world.assist_doorbell()?;
    let copy = world.put(doorbell, Rights::all(), (Kind::Doorbell as u64) << 32)?;
    let old = done("Inspect", sys::raw(Call::Inspect as u64, [copy, 0, 0, 0, 0, 0]))?[2];
    let before = world.channel("assist")?.epoch;
    world.restart("assist")?;
    check!(world.poke_when_up()? == 1, "assist remembers");
    let after = world.channel("assist")?.epoch;
    check!(after > before, "epoch {after} after {before}");
    let ring = sys::raw(Call::Ring as u64, [copy, 0, 0, 0, 0, 0]);
    refused("a doorbell of the last life", ring, Error::Stale)?;
    check!(ring.is_err_and(|failure| failure.value > old), "{ring:?} after generation {old}");
    let fresh = world.assist_doorbell()?;
    done("the doorbell of this life", sys::raw(Call::Ring as u64, [fresh, 0, 0, 0, 0, 0]))?;
    world.clear(copy)
}

/// The resource manager ends and comes back from its books, while the others run on as if nothing had happened.
// covers: REC-2
pub fn the_resource_manager_comes_back(world: &mut World) -> Verdict {
    let manager = world.id_of("resource-manager")?;
    let assist = world.id_of("assist")?;
    let pokes = world.poke_when_up()?;
    for request in [ResourceRequest::Restart, ResourceRequest::Kill] {
        let before = (world.record_of(manager)?.restarts, world.record_of(assist)?.restarts);
        world.command(request, manager)?;
        let back = world.until(3000, |world| {
            let restarts = world.record_of(manager).ok()?.restarts;
            (restarts == before.0 + 1).then_some(())
        });
        check!(back.is_ok(), "{request:?}: it did not come back");
        check!(world.record_of(assist)?.restarts == before.1, "assist was restarted with it");
        the_audit_finds_nothing(world)?;
        world.restart("io-console")?;
    }
    let after = world.poke_when_up()?;
    check!(after == pokes + 1, "assist was poked {pokes} times, then says {after}");
    Ok(())
}

/// Every partition but suite itself, the manager and the kernel is restarted; each comes back, and suite's channels with it.
// covers: REC-1
pub fn everybody_can_be_restarted(world: &mut World) -> Verdict {
    for name in ["assist", "supervisor", "io-console", "idle", "boot"] {
        let id = world.id_of(name)?;
        world.restart(name)?;
        let back = world.until(3000, |world| {
            let record = world.record_of(id).ok()?;
            let state = record.state & 0xff;
            let up =
                state == PartitionState::Running as u32 || state == PartitionState::Waiting as u32;
            up.then_some(())
        });
        check!(back.is_ok(), "{name} did not come back: {:?}", world.record_of(id));
    }
    let count = world.poke_when_up()?;
    check!(count == 1, "assist remembers {count} pokes");
    the_audit_finds_nothing(world)
}
