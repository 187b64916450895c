//! Puts checked programs into memory.

use crate::map::{MemoryMap, Use};
use crate::offer::PhysicalMemory;
use crate::refusal::Refusal;
use abi::boot::{SEGMENTS, Segment};
use abi::control::Access;
use abi::types::{Frame, PhysicalAddress, VirtualAddress};
use arrayvec::ArrayVec;
use boot_image::{Program, ProgramSegment};

/// Segments that were loaded.
pub(crate) type Segments = ArrayVec<Segment, SEGMENTS>;

/// Memory and the map that says what of it is free.
pub(crate) struct Loader<'m, M> {
    /// Physical memory.
    pub memory: &'m mut M,
    /// What is free.
    pub map: &'m mut MemoryMap,
    /// First frame out of reach.
    pub reach: Frame,
}

impl<M: PhysicalMemory> Loader<'_, M> {
    /// Takes zeroed frames in one piece.
    ///
    /// # Errors
    /// [`Refusal::Memory`] for `purpose`.
    pub(crate) fn frames(
        &mut self,
        count: u64,
        usage: Use,
        purpose: &'static str,
    ) -> Result<Frame, Refusal> {
        let start =
            self.map.allocate(count, 1, self.reach, usage).ok_or(Refusal::Memory(purpose))?;
        self.memory.clear(start, count);
        Ok(start)
    }

    /// Loads every segment of a program.
    ///
    /// # Errors
    /// [`Refusal::Memory`] for `purpose`.
    pub(crate) fn load(
        &mut self,
        program: &Program<'_>,
        usage: Use,
        purpose: &'static str,
    ) -> Result<Segments, Refusal> {
        let mut segments = Segments::new();
        for segment in program.segments() {
            let frame = self.frames(segment.pages(), usage, purpose)?;
            self.fill(frame, segment);
            let (address, access) = (segment.address(), segment.access());
            push(&mut segments, address, frame, segment.pages(), access)?;
        }
        Ok(segments)
    }

    /// Adds zeroed pages at `address`.
    ///
    /// # Errors
    /// [`Refusal::Memory`] for `purpose`.
    pub(crate) fn add_pages(
        &mut self,
        segments: &mut Segments,
        address: u64,
        count: u64,
        purpose: &'static str,
    ) -> Result<(), Refusal> {
        let frame = self.frames(count, Use::FirstProgram, purpose)?;
        push(segments, VirtualAddress::new(address), frame, count, Access::WRITE)
    }

    fn fill(&mut self, frame: Frame, segment: &ProgramSegment<'_>) {
        let lead = u64::try_from(segment.lead()).unwrap_or(0);
        let start = frame.address().raw().saturating_add(lead);
        self.memory.write(PhysicalAddress::new(start), segment.bytes());
    }
}

fn push(
    segments: &mut Segments,
    address: VirtualAddress,
    frame: Frame,
    count: u64,
    access: Access,
) -> Result<(), Refusal> {
    let segment = Segment { address, frame, count, access: access.bits() };
    segments
        .try_push(segment)
        .map_err(|_| Refusal::Manifest("the first partition has too many segments"))
}
