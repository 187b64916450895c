//! Shares of a processor are what the plan says.

use crate::check;
use crate::outcome::Verdict;
use crate::world::World;
use abi::control::PLAN_SLOTS;
use abi::message::resource::ResourceRequest;

/// Partitions that never stop computing, and their slots of 16.
const HOGS: [(&str, u64); 3] = [("hog-eight", 8), ("hog-four", 4), ("hog-other", 4)];
/// The processor that they have to themselves, where there are that many.
const PROCESSOR: u32 = 2;
/// Over how many frames their time is compared.
const FRAMES: u64 = 1000;

/// Over a thousand frames each gets its share, to within one slot.
// covers: SCH-1
pub fn shares_are_met_within_a_slot(world: &mut World) -> Verdict {
    if world.processors()? <= PROCESSOR {
        return Ok(());
    }
    let mut ids = [0; HOGS.len()];
    for (id, (name, _)) in ids.iter_mut().zip(HOGS) {
        *id = world.id_of(name)?;
        world.command(ResourceRequest::Start, *id)?;
    }
    let verdict = measure(world, ids);
    for id in ids {
        world.command(ResourceRequest::Kill, id)?;
    }
    verdict
}

fn measure(world: &mut World, ids: [u32; HOGS.len()]) -> Verdict {
    world.sleep(100);
    let slot = world.slot()?;
    let frame = slot * PLAN_SLOTS as u64;
    let begin = world.now();
    let before = used(world, ids)?;
    world.sleep_until(begin + FRAMES * frame);
    let end = world.now();
    let after = used(world, ids)?;
    let whole = end - begin;
    check!(whole >= FRAMES * frame, "woke after {whole} ns");
    for (index, (name, share)) in HOGS.into_iter().enumerate() {
        let got = after[index] - before[index];
        let wanted = whole * share / PLAN_SLOTS as u64;
        // One slot for the shares themselves; the two readings are each up to a frame's part away from a boundary.
        let apart = got.abs_diff(wanted);
        check!(apart <= slot + frame, "{name} used {got} ns of {wanted}: {apart} ns apart");
    }
    Ok(())
}

fn used(
    world: &mut World,
    ids: [u32; HOGS.len()],
) -> Result<[u64; HOGS.len()], crate::outcome::Trouble> {
    let mut used = [0; HOGS.len()];
    for (used, id) in used.iter_mut().zip(ids) {
        *used = world.record_of(id)?.used;
    }
    Ok(used)
}
