//! Computes each processor's plan: who runs in which of its 16 slots, and who takes the slack.
//!
//! Pure, so that the image builder refuses on the host exactly what the resource manager could not do on the machine.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod spread;
#[cfg(test)]
mod tests;

use abi::control::{PLAN_PLACES, PLAN_SLOTS};
use abi::types::{PartitionId, ProcessorId};
use arrayvec::ArrayVec;
use core::fmt;

/// Most takers of slack on one processor.
pub const TAKERS: usize = PLAN_PLACES - PLAN_SLOTS;

/// What a partition wants of the processors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// Who.
    pub partition: PartitionId,
    /// Preferred processor of its first context, the others on those that follow; `None`: one context on every processor.
    pub processor: Option<ProcessorId>,
    /// Its contexts, where it is not on every processor.
    pub contexts: u16,
    /// Slots of 16 for each context.
    pub share: u16,
    /// Takes slots that others leave.
    pub slack: bool,
    /// Processors that failed, one bit each.
    pub failed: u64,
    /// How deep its first 16 contexts wait, see `abi::information::Report`: at 2 with one slot, at 3 in no plan.
    pub depths: u64,
    /// What whoever plans calls its first context, the others follow: a slot of its own. 0 where nobody is told the plan.
    pub context_slot: u16,
}

impl Want {
    /// Contexts it has on a machine with so many processors.
    #[must_use]
    pub fn contexts_on(&self, processors: u16) -> u16 {
        if self.processor.is_some() { self.contexts } else { processors }
    }

    /// Where its context `context` runs on a machine with `processors` processors (at least 1): a processor that
    /// does not exist is folded onto one that does. The work of one that failed is spread over those that are left, and stays
    /// where it is when another one fails.
    #[must_use]
    pub fn processor_of(&self, context: u16, processors: u16) -> ProcessorId {
        let folded = self.wanted_processor(context, processors);
        if !self.has_failed(folded) {
            return ProcessorId::new(folded);
        }
        let others = processors.saturating_sub(1);
        let start = u16::try_from(self.partition.raw() & 0xff).unwrap_or(0);
        let next = |turn: u16| {
            let step = start.wrapping_add(turn).checked_rem(others)?.wrapping_add(1);
            folded.wrapping_add(step).checked_rem(processors)
        };
        let lives = |processor: &u16| !self.has_failed(*processor);
        ProcessorId::new((0..others).filter_map(next).find(lives).unwrap_or(folded))
    }

    /// The contexts that have a place in the plan of a processor.
    fn places_on(
        &self,
        processor: ProcessorId,
        processors: u16,
    ) -> impl Iterator<Item = Place> + use<'_> {
        let here = move |context: &u16| {
            self.processor_of(*context, processors) == processor
                && self.has_place(*context, processors)
        };
        (0..self.contexts_on(processors)).filter(here).map(|context| Place {
            partition: self.partition,
            context,
            slot: self.context_slot.wrapping_add(context),
        })
    }

    /// How deep a context waits.
    fn depth(&self, context: u16) -> u64 {
        let shift = u32::from(context).saturating_mul(4);
        self.depths.checked_shr(shift).unwrap_or(0) & 0xf
    }

    /// Slots that a context gets of its share while it waits so deep.
    fn slots_at(&self, depth: u64) -> u16 {
        match depth {
            0 | 1 => self.share,
            2 => self.share.min(1),
            _ => 0,
        }
    }

    fn wanted_processor(&self, context: u16, processors: u16) -> u16 {
        let first = self.processor.map_or(0, ProcessorId::raw);
        let place = u32::from(first).wrapping_add(u32::from(context));
        let folded = place.checked_rem(u32::from(processors)).unwrap_or(0);
        u16::try_from(folded).unwrap_or(0)
    }

    fn has_failed(&self, processor: u16) -> bool {
        self.failed.wrapping_shr(processor.into()) & 1 != 0
    }

    /// Whether a context has a place in a plan at all: of those on every processor one is left over for each that failed.
    #[must_use]
    pub fn has_place(&self, context: u16, processors: u16) -> bool {
        self.processor.is_some() || !self.has_failed(self.wanted_processor(context, processors))
    }
}

/// A context in a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Whose.
    pub partition: PartitionId,
    /// Which of its contexts.
    pub context: u16,
    /// What whoever plans calls it.
    pub slot: u16,
}

/// How well a plan does what was wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Fit {
    /// Everyone has the slots it wants.
    Met,
    /// More slots were wanted than there are; shares are scaled down, nobody's to nothing.
    Scaled {
        /// Slots wanted together.
        wanted: u32,
    },
    /// More contexts want slots than there are slots, or more want slack than there are places: the last of them got none.
    Crowded {
        /// Contexts that got no place.
        left_out: u32,
    },
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => write!(f, "every share is met"),
            Self::Scaled { wanted } => {
                write!(f, "{wanted} of {PLAN_SLOTS} slots are wanted, shares are scaled down")
            }
            Self::Crowded { left_out } => {
                write!(
                    f,
                    "{left_out} contexts find no slot of {PLAN_SLOTS}, or no place among {TAKERS} takers of slack"
                )
            }
        }
    }
}

/// One processor's plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Who runs in each slot, `None` for nobody.
    pub slots: [Option<Place>; PLAN_SLOTS],
    /// Takers of slack in their order.
    pub takers: ArrayVec<Place, TAKERS>,
    /// How well it does what was wanted.
    pub fit: Fit,
}

/// The plan of `processor` on a machine with `processors` processors.
///
/// `wants` is gone through once. A context without a slot of its own takes slack if it may; one that wanted slots and
/// found none takes slack in any case, so that it is slow and not dead. A processor nobody else wants belongs wholly to
/// the partition that is on every one.
#[must_use]
pub fn plan(processor: ProcessorId, processors: u16, wants: impl Iterator<Item = Want>) -> Plan {
    let mut plan = Plan::empty();
    spread::fill(&mut plan, processor, processors, wants);
    plan
}

impl Plan {
    /// One that nobody is in.
    #[must_use]
    pub const fn empty() -> Self {
        Self { slots: [None; PLAN_SLOTS], takers: ArrayVec::new_const(), fit: Fit::Met }
    }

    /// Fills in what [`plan`] tells, where nobody is in it yet: it is large, and stays where it is.
    pub fn fill(
        &mut self,
        processor: ProcessorId,
        processors: u16,
        wants: impl Iterator<Item = Want>,
    ) {
        spread::fill(self, processor, processors, wants);
    }
}

/// Checks all processors of a machine for plans that meet every share.
///
/// # Errors
/// The first processor whose plan does not, and how it falls short.
pub fn check(
    processors: u16,
    wants: impl Iterator<Item = Want> + Clone,
) -> Result<(), (ProcessorId, Fit)> {
    for processor in (0..processors).map(ProcessorId::new) {
        match plan(processor, processors, wants.clone()).fit {
            Fit::Met => {}
            fit => return Err((processor, fit)),
        }
    }
    Ok(())
}
