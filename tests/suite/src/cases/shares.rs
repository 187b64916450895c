//! Shares of a processor are what the plan says.

use crate::check;
use crate::outcome::{Trouble, Verdict};
use crate::world::World;
use abi::control::PLAN_SLOTS;
use abi::message::resource::ResourceRequest;

/// Partitions that never stop computing, and their slots of 16.
const HOGS: [(&str, u64); 3] = [("hog-eight", 8), ("hog-four", 4), ("hog-other", 4)];
/// The processor that they have to themselves.
const PROCESSOR: u32 = 2;
/// Over how many frames their time is compared.
const FRAMES: u64 = 1000;

/// Over many frames each gets its share, to within one slot. Only where time counts instructions: an emulator's host
/// takes processors away for longer than a slot.
// covers: SCH-1
pub fn shares_are_met_over_all_frames(world: &mut World) -> Verdict {
    check!(world.processors()? > PROCESSOR, "too few processors");
    among_hogs(world)
}

/// Measures while the hogs compute.
fn among_hogs(world: &mut World) -> Verdict {
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

/// What a hog had used, and when that was read: between two points in time.
#[derive(Clone, Copy, Default)]
struct Reading {
    used: u64,
    from: u64,
    to: u64,
}

fn measure(world: &mut World, ids: [u32; HOGS.len()]) -> Verdict {
    let slot = world.slot()?;
    world.sleep(20);
    let before = readings(world, ids)?;
    world.sleep_until(world.now() + FRAMES * slot * PLAN_SLOTS as u64);
    let after = readings(world, ids)?;
    let used = |index: usize| after[index].used - before[index].used;
    let all: u64 = (0..HOGS.len()).map(used).sum();
    let whole = after[0].from - before[0].from;
    check!(all > whole / 100 * 95, "{all} ns of {whole} were used: the rest was lost");
    for (index, (name, share)) in HOGS.into_iter().enumerate() {
        let (first, last) = (before[index], after[index]);
        // What switching costs is nobody's; each slot loses the same.
        let window = u128::from(last.from - first.from) * u128::from(all) / u128::from(whole);
        let wanted = window as u64 * share / PLAN_SLOTS as u64;
        let doubt = (first.to - first.from) + (last.to - last.from);
        let apart = used(index).abs_diff(wanted);
        let all = [0, 1, 2].map(used);
        check!(
            apart <= slot + doubt,
            "{name}: {apart} ns off, {doubt} in doubt; {all:?} of {whole}"
        );
    }
    Ok(())
}

fn readings(world: &mut World, ids: [u32; HOGS.len()]) -> Result<[Reading; HOGS.len()], Trouble> {
    let mut readings = [Reading::default(); HOGS.len()];
    for (reading, id) in readings.iter_mut().zip(ids) {
        let from = world.now();
        let record = world.at_place(id)?;
        check!(record.id == id, "partition {id} is not there");
        *reading = Reading { used: record.used, from, to: world.now() };
    }
    Ok(readings)
}
