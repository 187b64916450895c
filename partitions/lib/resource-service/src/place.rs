//! The policy: which processor, which memory.

use crate::memory::{Run, room_for};
use crate::refusal::Refusal;
use abi::control::PLAN_SLOTS;
use abi::manifest::{EVERY_PROCESSOR, PartitionRole};
use abi::message::database::{DefinitionRecord, Placement, ProcessorRecord};
use core::cmp::Reverse;

/// Pages that one page table maps.
const TABLE: u64 = 512;

/// What is free, and where.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The processors.
    pub processors: &'a [ProcessorRecord],
    /// Free memory in the order of addresses.
    pub free: &'a [Run],
    /// Memory by nodes: what is near to the processors of each. Where none is given all memory is near to all.
    pub nodes: &'a [(u32, Run)],
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

/// Decides where a partition goes.
///
/// # Errors
/// Why it cannot be had.
pub fn place(view: View<'_>, wish: &Wish) -> Result<Placement, Refusal> {
    check(wish)?;
    let processor = processor(view, wish)?;
    let pages = wish.pages().ok_or(Refusal::TooLarge)?;
    let start = memory(view, processor, pages, wish.heap().into())?;
    Ok(Placement {
        definition: wish.definition.index,
        heap: wish.heap(),
        processor,
        share: wish.share(),
        reserved: 0,
        start,
        count: pages,
        generation: view.generation,
    })
}

/// What can be said without looking at what is free.
fn check(wish: &Wish) -> Result<(), Refusal> {
    let role = usize::from(wish.definition.role);
    let ordinary = matches!(PartitionRole::ALL.get(role), Some((PartitionRole::Ordinary, _)));
    match wish.share() {
        _ if !ordinary => Err(Refusal::HasRole),
        _ if wish.definition.pages == 0 => Err(Refusal::NoProgram),
        share if usize::from(share) > PLAN_SLOTS => Err(Refusal::TooManySlots { share }),
        _ => Ok(()),
    }
}

/// The processor of the first context: the one that was named, else where most slots stay free, else with
/// the fewest who take what others leave; of equals the one the definition names, then the lowest.
fn processor(view: View<'_>, wish: &Wish) -> Result<u16, Refusal> {
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
    let all = (0..count).filter_map(|processor| u16::try_from(processor).ok());
    let loads = all.filter_map(|processor| {
        let (left, takers) = load(view, wish, processor).ok()?;
        let other = processor != wish.definition.processor;
        Some((Reverse(left), takers, other, processor))
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

/// Free memory near the processor, else anywhere.
fn memory(view: View<'_>, processor: u16, pages: u64, heap: u64) -> Result<u64, Refusal> {
    let node = view.processors.get(usize::from(processor)).map_or(0, |one| u32::from(one.node));
    let all = view.free.iter().copied();
    let near = view.nodes.iter().filter(|(number, _)| *number == node);
    let near = near.flat_map(|(_, range)| view.free.iter().map(|run| run.within(*range)));
    let place = room_for(near, pages, heap).or_else(|| room_for(all.clone(), pages, heap));
    place.ok_or_else(|| Refusal::NoMemory {
        needed: pages,
        largest: all.clone().map(|run| run.count).max().unwrap_or(0),
        free: all.fold(0, |sum, run| sum.saturating_add(run.count)),
    })
}
