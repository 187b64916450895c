//! Gives frames to everything that the kernel finds when it starts.

use crate::acpi::Findings;
use crate::first::First;
use crate::framebuffer;
use crate::map::{MemoryMap, Use};
use crate::offer::{Offer, PhysicalMemory};
use crate::program::{Loader, Segments};
use crate::refusal::Refusal;
use abi::boot::{BootInformation, FrameRange};
use abi::image::EntryKind;
use abi::layout::{LASTING, STACK_TOP};
use abi::types::{Frame, PAGE_SIZE, VirtualAddress};
use boot_image::{ElfError, Program, ProgramError, Window};

/// The crash record's frame is looked for from here on: 32 MiB, above what firmware and boot loaders use as they start.
const CRASH_RECORD: Frame = Frame::new(0x2000);
/// Frames of the kernel's pool: a common part, and one for each processor.
const POOL_BASE: u64 = 160;
const POOL_PER_PROCESSOR: u64 = 22;
/// Frames of the stack on which the kernel is entered.
const STACK: u64 = 4;
/// Bytes of a ledger entry.
const LEDGER_ENTRY: u64 = 8;

/// Puts a copied root pointer where those that read ACPI tables later find it.
///
/// # Errors
/// [`Refusal::Memory`].
pub(crate) fn place_root<M: PhysicalMemory>(
    findings: &mut Findings,
    memory: &mut M,
    map: &mut MemoryMap,
    reach: Frame,
) -> Result<(), Refusal> {
    let Some(copy) = findings.copy else { return Ok(()) };
    let mut loader = Loader { memory, map, reach };
    let frame = loader.frames(1, Use::AcpiReclaimable, "the root of the ACPI tables")?;
    loader.memory.write(frame.address(), &copy);
    findings.machine.rsdp = frame.address();
    Ok(())
}

/// Where everything is.
pub(crate) struct Plan {
    pub crash_record: Frame,
    pub trampoline: Frame,
    pub ledger: FrameRange,
    pub pool: FrameRange,
    pub information: FrameRange,
    pub stack: FrameRange,
    pub kernel_entry: VirtualAddress,
    pub kernel: Segments,
    pub entry: VirtualAddress,
    pub segments: Segments,
    /// One past the last frame that the ledger covers.
    pub frames: u64,
    /// Whether page tables are to be isolated, as the kernel reads it.
    pub isolation: u64,
}

/// Loads kernel and first partition and reserves the rest.
///
/// # Errors
/// [`Refusal`]: no memory, or a bad manifest.
pub(crate) fn make<M: PhysicalMemory>(
    offer: &Offer<'_>,
    findings: &Findings,
    memory: &mut M,
    map: &mut MemoryMap,
) -> Result<Plan, Refusal> {
    let reach = offer.reach;
    // Before anything else, so that its place is always the same.
    let crash_record = map
        .allocate_from(CRASH_RECORD, reach, Use::Kernel)
        .ok_or(Refusal::Memory("the crash record"))?;
    let trampoline =
        map.allocate_low(Use::Kernel).ok_or(Refusal::Memory("the trampoline below 640 KiB"))?;
    let frames = framebuffer::ledger_end(&findings.machine.framebuffer, map);
    let mut loader = Loader { memory, map, reach };
    let ledger = ledger(&mut loader, frames)?;
    let processors = u64::from(findings.machine.processor_count);
    let pool = POOL_BASE.saturating_add(processors.saturating_mul(POOL_PER_PROCESSOR));
    let (kernel_entry, kernel) = load_kernel(offer, &mut loader)?;
    let first = First::read(offer.image.manifest())?;
    let (entry, segments) = load_first(offer, &first, &mut loader)?;
    Ok(Plan {
        crash_record,
        trampoline,
        ledger,
        pool: range(&mut loader, pool, "the kernel's pool")?,
        information: range(&mut loader, information_frames(), "the boot information")?,
        stack: range(&mut loader, STACK, "the first stack")?,
        kernel_entry,
        kernel,
        entry,
        segments,
        frames,
        isolation: first.isolation,
    })
}

fn ledger<M: PhysicalMemory>(
    loader: &mut Loader<'_, M>,
    frames: u64,
) -> Result<FrameRange, Refusal> {
    let bytes = frames.saturating_mul(LEDGER_ENTRY);
    range(loader, bytes.div_ceil(PAGE_SIZE), "the ledger")
}

fn range<M: PhysicalMemory>(
    loader: &mut Loader<'_, M>,
    count: u64,
    purpose: &'static str,
) -> Result<FrameRange, Refusal> {
    Ok(FrameRange { start: loader.frames(count, Use::Kernel, purpose)?, count })
}

fn information_frames() -> u64 {
    u64::try_from(size_of::<BootInformation>()).unwrap_or(u64::MAX).div_ceil(PAGE_SIZE)
}

fn load_kernel<M: PhysicalMemory>(
    offer: &Offer<'_>,
    loader: &mut Loader<'_, M>,
) -> Result<(VirtualAddress, Segments), Refusal> {
    let file = offer.image.kernel();
    let name = *offer.image.name();
    let program = Program::parse(file, Window::KERNEL).map_err(|reason| ProgramError {
        kind: EntryKind::Kernel,
        name,
        reason,
    })?;
    Ok((program.entry(), loader.load(&program, Use::KernelImage, "the kernel")?))
}

fn load_first<M: PhysicalMemory>(
    offer: &Offer<'_>,
    first: &First,
    loader: &mut Loader<'_, M>,
) -> Result<(VirtualAddress, Segments), Refusal> {
    const PURPOSE: &str = "the first partition";
    let file = offer
        .image
        .program(&first.program)
        .ok_or(Refusal::Manifest("the program of partition 0 is not in the image"))?;
    let refuse = |reason| ProgramError { kind: EntryKind::Program, name: first.program, reason };
    let program: Result<Program<'_>, ElfError> = Program::parse(file, Window::PARTITION);
    let program = program.map_err(refuse)?;
    let mut segments = loader.load(&program, Use::FirstProgram, PURPOSE)?;
    let stack = STACK_TOP.saturating_sub(first.stack.saturating_mul(PAGE_SIZE));
    loader.add_pages(&mut segments, stack, first.stack, PURPOSE)?;
    if first.lasting > 0 {
        loader.add_pages(&mut segments, LASTING, first.lasting, PURPOSE)?;
    }
    Ok((program.entry(), segments))
}
