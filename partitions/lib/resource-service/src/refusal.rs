//! Why nothing can be had, in sentences that end with what there is.

use crate::place::LARGEST_HEAP;
use crate::size::Size;
use abi::channel::ChannelKind;
use abi::image::{Name, name_text};
use core::fmt;

/// Why a partition cannot be made as wished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The machine is run by partitions with roles; there is one of each.
    HasRole,
    /// Its program is not in the image, or does not fit.
    NoProgram,
    /// A frame has 16 slots.
    TooManySlots {
        /// Slots wanted.
        share: u16,
    },
    /// It has a context on every processor.
    OnEvery,
    /// There is no such processor, or it failed.
    NoProcessor {
        /// Its number.
        processor: u16,
        /// How many there are.
        processors: u32,
    },
    /// That processor has not so many slots free.
    NoSlotsThere {
        /// Slots wanted there.
        share: u32,
        /// The processor.
        processor: u32,
        /// Slots that are free there.
        free: u32,
    },
    /// No processor has so many slots free.
    NoSlots {
        /// Slots wanted on one processor.
        share: u32,
        /// The most that are free on one.
        most: u32,
        /// Which that is.
        processor: u32,
        /// Contexts that want as much each.
        contexts: u32,
    },
    /// No free memory in a row is so long.
    NoMemory {
        /// Pages wanted in one piece.
        needed: u64,
        /// The longest piece.
        largest: u64,
        /// All that is free.
        free: u64,
    },
    /// The machine has none of the zones that it names.
    NoZone {
        /// Of what.
        kind: ZoneKind,
        /// The one that it names first.
        zone: Name,
    },
    /// No free memory in a row of its zone is so long.
    ZoneFull {
        /// The zone that it names first of those that there are.
        zone: Name,
        /// Pages wanted in one piece.
        needed: u64,
        /// The longest piece there.
        largest: u64,
    },
    /// No processor of its zone has so many slots free.
    ZoneBusy {
        /// The zone that it names first of those that there are.
        zone: Name,
        /// Slots wanted on one processor.
        share: u32,
        /// The most that are free on one.
        most: u32,
    },
    /// That processor does not run in its zone.
    OtherZone {
        /// The zone that it names first of those that there are.
        zone: Name,
        /// The processor.
        processor: u16,
    },
    /// More than any machine has.
    TooLarge,
    /// More heap than there is room for in an address space.
    HeapTooLarge,
    /// Others took what was chosen, again and again.
    Contended {
        /// How often.
        times: u32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HasRole => f.write_str("it has a role in the machine, and there is one of each"),
            Self::NoProgram => {
                f.write_str("its program is not in the image or is bad: build the image anew")
            }
            Self::TooManySlots { share } => {
                write!(f, "it wants {share} slots of a frame of 16: type share 0 to 16")
            }
            Self::OnEvery => {
                f.write_str("it has a context on every processor: leave processor out")
            }
            Self::NoProcessor { processor, processors: 1 } => {
                write!(f, "there is no processor {processor}: the only one is 0")
            }
            Self::NoProcessor { processor, processors } => {
                let last = processors.saturating_sub(1);
                write!(f, "there is no processor {processor} that runs: they are 0 to {last}")
            }
            Self::NoSlotsThere { share, processor, free } => {
                write!(
                    f,
                    "it needs {} on processor {processor}; {free} of 16 are free",
                    Slots(share)
                )
            }
            Self::NoSlots { share, most, processor, contexts: 1 } => {
                write!(
                    f,
                    "it needs {} on one processor; the most free is {most}, on processor {processor}",
                    Slots(share)
                )
            }
            Self::NoSlots { share, most, processor, contexts } => write!(
                f,
                "it needs {} on each of {contexts} processors in a row; the most free is {most}, on processor {processor}",
                Slots(share)
            ),
            Self::NoMemory { needed, largest, free } => write!(
                f,
                "it needs {} in one piece; the largest is {} of {} free",
                Size(needed),
                Size(largest),
                Size(free)
            ),
            Self::NoZone { .. }
            | Self::ZoneFull { .. }
            | Self::ZoneBusy { .. }
            | Self::OtherZone { .. } => self.of_zone(f),
            Self::TooLarge => f.write_str("it needs more memory than any machine has"),
            Self::HeapTooLarge => write!(f, "no heap is larger than {}", Size(LARGEST_HEAP)),
            Self::Contended { times } => {
                write!(f, "others took what was chosen for it, {times} times: type it again")
            }
        }
    }
}

impl Refusal {
    /// What a zone has not; nothing of all else.
    fn of_zone(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoZone { kind, zone } => write!(
                f,
                "it goes to zones of {}, '{}' first, and this machine has none of them",
                kind.word(),
                name_text(&zone)
            ),
            Self::ZoneFull { zone, needed, largest } => write!(
                f,
                "it needs {} in one piece of zone '{}'; the largest free there is {}",
                Size(needed),
                name_text(&zone),
                Size(largest)
            ),
            Self::ZoneBusy { zone, share, most } => write!(
                f,
                "it needs {} on one processor of zone '{}'; the most free there is {most}",
                Slots(share),
                name_text(&zone)
            ),
            Self::OtherZone { zone, processor } => {
                write!(
                    f,
                    "processor {processor} is not one that runs in its zone, '{}'",
                    name_text(&zone)
                )
            }
            _ => Ok(()),
        }
    }
}

/// What zones there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZoneKind {
    /// Power.
    Power,
    /// Memory.
    Memory,
    /// Processors.
    Processor,
}

impl ZoneKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Power, Self::Memory, Self::Processor];

    /// The kind of channels that it is.
    #[must_use]
    pub const fn channel(self) -> ChannelKind {
        match self {
            Self::Power => ChannelKind::Power,
            Self::Memory => ChannelKind::Memory,
            Self::Processor => ChannelKind::Processor,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Memory => "memory",
            Self::Processor => "processors",
        }
    }
}

/// A number of slots.
struct Slots(u32);

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} slot{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
