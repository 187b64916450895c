//! The policy: which processor, which memory.

use crate::memory::Run;
use crate::near::{Room, node_of};
use crate::refusal::Refusal;
use crate::zones::in_zones;
use abi::control::PLAN_SLOTS;
use abi::image::Name;
use abi::layout;
use abi::manifest::{EVERY_PROCESSOR, ManifestZone, PartitionRole};
use abi::message::database::{DefinitionRecord, NodeRecord, Placement, ProcessorRecord};
use abi::types::PAGE_SIZE;
use core::cmp::Reverse;

/// Pages that one page table maps.
const TABLE: u64 = 512;
/// Pages of the largest heap.
pub(crate) const LARGEST_HEAP: u64 = (layout::HEAP_END - layout::HEAP) / PAGE_SIZE;

/// What is free, and where.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The processors.
    pub processors: &'a [ProcessorRecord],
    /// Free memory in the order of addresses.
    pub free: &'a [Run],
    /// Memory by nodes. Where none is given all memory is near to all processors.
    pub nodes: &'a [NodeRecord],
    /// What the machine offers by name, and what definitions ask for.
    pub zones: &'a [ManifestZone],
    /// The transaction after which this was so.
    pub generation: u64,
}

/// What is wanted: one more like a definition, which gives what is not said.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The definition.
    pub definition: DefinitionRecord,
    /// Slots of 16 for each context.
    pub share: Option<u16>,
    /// Pages of heap.
    pub heap: Option<u32>,
    /// Processor of the first context.
    pub processor: Option<u16>,
}

impl Wish {
    fn share(&self) -> u16 {
        self.share.unwrap_or(self.definition.share)
    }

    fn heap(&self) -> u32 {
        self.heap.unwrap_or(self.definition.heap)
    }

    /// Pages in all. Another heap takes other page tables; how many exactly the manager knows.
    fn pages(&self) -> Option<u64> {
        let (usual, heap) = (u64::from(self.definition.heap), u64::from(self.heap()));
        let others = u64::from(self.definition.pages).checked_sub(usual)?;
        let tables = heap.saturating_sub(usual).div_ceil(TABLE);
        others.checked_add(heap)?.checked_add(tables)
    }
}

/// Where a partition goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// What the manager is asked for.
    pub placement: Placement,
    /// The node of its memory; `None` where that is of several.
    pub node: Option<u32>,
    /// Why its memory is not near to its processor, where it is not and nobody asked for that.
    pub far: Option<Far>,
    /// The zone of memory that it is in, where it asked for one.
    pub zone: Option<Name>,
}

/// Why memory is on another node than the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Far {
    /// The processor's node.
    pub node: u32,
    /// The longest free piece there, in pages.
    pub largest: u64,
}

/// Decides where a partition goes: in the zones that it wants most and that have room for it.
///
/// # Errors
/// Why it cannot be had.
pub fn place(view: View<'_>, wish: &Wish) -> Result<Placed, Refusal> {
    check(wish)?;
    in_zones(view, wish)
}

/// Decides where a partition goes in all that a view shows.
pub(crate) fn place_in(view: View<'_>, wish: &Wish) -> Result<Placed, Refusal> {
    let room = Room {
        free: view.free,
        nodes: view.nodes,
        pages: wish.pages().ok_or(Refusal::TooLarge)?,
        heap: wish.heap().into(),
    };
    let processor = processor(view, wish, &room)?;
    let home = view.processors.get(usize::from(processor)).map(|one| u32::from(one.node));
    let (start, far) = memory(&room, home)?;
    let placement = Placement {
        definition: wish.definition.index,
        heap: wish.heap(),
        processor,
        share: wish.share(),
        reserved: 0,
        start,
        count: room.pages,
        generation: view.generation,
    };
    let node = node_of(view.nodes, Run { start, count: room.pages });
    Ok(Placed { placement, node, far, zone: None })
}

/// What can be said without looking at what is free.
fn check(wish: &Wish) -> Result<(), Refusal> {
    let role = usize::from(wish.definition.role);
    let ordinary = matches!(PartitionRole::ALL.get(role), Some((PartitionRole::Ordinary, _)));
    match wish.share() {
        _ if !ordinary => Err(Refusal::HasRole),
        _ if wish.definition.pages == 0 => Err(Refusal::NoProgram),
        _ if u64::from(wish.heap()) > LARGEST_HEAP => Err(Refusal::HeapTooLarge),
        share if usize::from(share) > PLAN_SLOTS => Err(Refusal::TooManySlots { share }),
        _ => Ok(()),
    }
}

/// The processor of the first context: the one that was named, else one with room for it on its node, where most slots stay free,
/// else with the fewest who take what others leave; of equals the one the definition names, then the lowest.
fn processor(view: View<'_>, wish: &Wish, room: &Room<'_>) -> Result<u16, Refusal> {
    if wish.definition.processor == EVERY_PROCESSOR {
        return every(view, wish);
    }
    let count = view.processors.len();
    if let Some(processor) = wish.processor {
        let there = view.processors.get(usize::from(processor)).is_some_and(runs);
        let processors = u32::try_from(count).unwrap_or(u32::MAX);
        if !there {
            return Err(Refusal::NoProcessor { processor, processors });
        }
        return load(view, wish, processor).map(|_| processor).map_err(|busy| {
            let (share, processor, free) = (busy.wanted, busy.processor, busy.free);
            Refusal::NoSlotsThere { share, processor, free }
        });
    }
    let full = room.full();
    let all = view.processors.iter().zip(0..);
    let loads = all.filter_map(|(one, processor)| {
        let (left, takers) = load(view, wish, processor).ok()?;
        let other = processor != wish.definition.processor;
        let far = full.wrapping_shr(one.node.into()) & 1;
        Some((far, Reverse(left), takers, other, processor))
    });
    loads.min().map(|(.., processor)| processor).ok_or_else(|| no_slots(view, wish))
}

/// One that is on every processor needs its slots on each.
fn every(view: View<'_>, wish: &Wish) -> Result<u16, Refusal> {
    if wish.processor.is_some() {
        return Err(Refusal::OnEvery);
    }
    let share = u32::from(wish.share());
    let busy = view.processors.iter().find(|one| one.free < share);
    match busy {
        Some(one) => {
            let (processor, free) = (one.processor, one.free);
            Err(Refusal::NoSlotsThere { share, processor, free })
        }
        None => Ok(EVERY_PROCESSOR),
    }
}

/// A processor with too few free slots.
struct Busy {
    wanted: u32,
    processor: u32,
    free: u32,
}

/// Free slots left on the fullest processor, and takers of slack on all, if the first context is on `first`.
fn load(view: View<'_>, wish: &Wish, first: u16) -> Result<(u32, u32), Busy> {
    let count = view.processors.len();
    let contexts = usize::from(wish.definition.contexts.max(1));
    let (mut left, mut takers) = (u32::MAX, 0_u32);
    for step in 0..contexts.min(count) {
        // Contexts beyond the last processor go around, and some get several.
        let here = contexts.saturating_sub(step).div_ceil(count.max(1));
        let here = u32::try_from(here).unwrap_or(u32::MAX);
        let wanted = here.saturating_mul(wish.share().into());
        let place = usize::from(first).saturating_add(step).checked_rem(count).unwrap_or(0);
        let Some(one) = view.processors.get(place) else { continue };
        let free = if runs(one) { one.free } else { 0 };
        let Some(rest) = free.checked_sub(wanted).filter(|_| runs(one)) else {
            return Err(Busy { wanted, processor: one.processor, free });
        };
        (left, takers) = (left.min(rest), takers.saturating_add(one.takers));
    }
    Ok((left, takers))
}

fn runs(one: &ProcessorRecord) -> bool {
    one.online == 1
}

fn no_slots(view: View<'_>, wish: &Wish) -> Refusal {
    let running = view.processors.iter().filter(|one| runs(one));
    let best = running.max_by_key(|one| (one.free, Reverse(one.processor)));
    Refusal::NoSlots {
        share: wish.share().into(),
        most: best.map_or(0, |one| one.free),
        processor: best.map_or(0, |one| one.processor),
        contexts: wish.definition.contexts.max(1).into(),
    }
}

/// The nearest free memory to a node and, where that is not its own, why; where there is no such node, any.
fn memory(room: &Room<'_>, home: Option<u32>) -> Result<(u64, Option<Far>), Refusal> {
    if let Some(start) = home.and_then(|home| room.near(home)) {
        return Ok((start, None));
    }
    let far = home.filter(|_| room.several()).map(|node| Far { node, largest: room.largest(node) });
    let there = home.and_then(|home| room.nearest(home)).or_else(|| room.anywhere());
    there.map(|start| (start, far)).ok_or_else(|| Refusal::NoMemory {
        needed: room.pages,
        largest: room.free.iter().map(|run| run.count).max().unwrap_or(0),
        free: room.free.iter().fold(0, |sum, run| sum.saturating_add(run.count)),
    })
}
