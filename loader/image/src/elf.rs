//! Checks an ELF file before a byte of it is loaded.
//!
//! Everything is refused that the loaders above do not support, so what they get needs no further check:
//! segments are page ranges within a window, disjoint, never writable and executable, with an entry in
//! one of those that execute.

use crate::elf_error::{ElfError, SegmentProblem};
use abi::boot::SEGMENTS;
use abi::control::Access;
use abi::layout;
use abi::types::{PAGE_SIZE, VirtualAddress};
use arrayvec::ArrayVec;
use goblin::elf64::header::{self, Header};
use goblin::elf64::program_header::{self, ProgramHeader};
use plain::Plain;

/// Addresses that the segments of a program may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// First address.
    start: u64,
    /// One past the last.
    end: u64,
}

impl Window {
    /// Where programs of partitions lie.
    pub const PARTITION: Self = Self { start: layout::PROGRAM_BASE, end: layout::PROGRAM_END };
    /// Where the kernel lies.
    pub const KERNEL: Self = Self { start: layout::KERNEL_BASE, end: layout::KERNEL_DEVICES };

    /// Whether all of `start..end` lies within.
    const fn holds(self, start: u64, end: u64) -> bool {
        self.start <= start && end <= self.end
    }
}

/// A program that may be loaded.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    entry: VirtualAddress,
    segments: ArrayVec<ProgramSegment<'a>, SEGMENTS>,
}

/// A segment: whole pages, some of them with bytes of the file, the rest zero.
#[derive(Clone, Copy, Debug)]
pub struct ProgramSegment<'a> {
    /// First page.
    address: u64,
    /// Number of pages, at least one.
    pages: u64,
    /// How it is mapped.
    access: Access,
    /// Zero bytes before `bytes` in the first page.
    lead: usize,
    /// Bytes of the file.
    bytes: &'a [u8],
    /// Number of its program header.
    index: u16,
}

/// What a page of a segment holds: `bytes` at `offset`, zero around them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageContent<'a> {
    /// Offset into the page, below [`PAGE_SIZE`].
    pub offset: usize,
    /// At most the rest of the page; may be empty.
    pub bytes: &'a [u8],
}

impl<'a> Program<'a> {
    /// Checks all headers of an ELF file whose segments must lie within `window`.
    ///
    /// # Errors
    /// The first rule that the file breaks.
    pub fn parse(file: &'a [u8], window: Window) -> Result<Self, ElfError> {
        let header = checked_header(file)?;
        let mut segments = ArrayVec::new();
        for index in 0..header.e_phnum {
            let program_header = program_header(file, &header, index)?;
            if is_segment(&program_header)? {
                let segment = ProgramSegment::parse(file, &program_header, index, window)?;
                segments.try_push(segment).map_err(|_| ElfError::TooManySegments)?;
            }
        }
        let program = Self { entry: VirtualAddress::new(header.e_entry), segments };
        program.check_overlap()?;
        program.check_entry()?;
        Ok(program)
    }

    /// Address of the first instruction.
    #[must_use]
    pub const fn entry(&self) -> VirtualAddress {
        self.entry
    }

    /// The segments in the order of their program headers.
    #[must_use]
    pub fn segments(&self) -> &[ProgramSegment<'a>] {
        &self.segments
    }

    /// Pages of all segments.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.segments.iter().map(|segment| segment.pages).fold(0, u64::saturating_add)
    }

    fn check_overlap(&self) -> Result<(), ElfError> {
        for (position, second) in self.segments.iter().enumerate() {
            for first in self.segments.iter().take(position) {
                if first.address < second.end() && second.address < first.end() {
                    return Err(ElfError::Overlap(first.index, second.index));
                }
            }
        }
        Ok(())
    }

    fn check_entry(&self) -> Result<(), ElfError> {
        if self.segments.is_empty() {
            return Err(ElfError::NoSegment);
        }
        let entry = self.entry.raw();
        let inside = |segment: &ProgramSegment<'_>| {
            segment.access.contains(Access::EXECUTE)
                && (segment.address..segment.end()).contains(&entry)
        };
        if self.segments.iter().any(inside) { Ok(()) } else { Err(ElfError::Entry(entry)) }
    }
}

impl<'a> ProgramSegment<'a> {
    /// First page.
    #[must_use]
    pub const fn address(&self) -> VirtualAddress {
        VirtualAddress::new(self.address)
    }

    /// Number of pages, at least one.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.pages
    }

    /// How it is to be mapped.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Whether the program may change it, so that a restart must fill it again.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.access.contains(Access::WRITE)
    }

    /// Bytes of the file, of which the first lies [`lead`](Self::lead) bytes into the first page.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset of [`bytes`](Self::bytes) into the first page, below [`PAGE_SIZE`].
    #[must_use]
    pub const fn lead(&self) -> usize {
        self.lead
    }

    /// What page `index` of the segment holds; nothing for one beyond its end.
    #[must_use]
    pub fn page(&self, index: u64) -> PageContent<'a> {
        let start = usize::try_from(index.saturating_mul(PAGE_SIZE)).unwrap_or(usize::MAX);
        let end = start.saturating_add(PAGE_BYTES);
        // Positions in `bytes` of the page's first and last byte; the first page starts `lead` before.
        let from = start.saturating_sub(self.lead).min(self.bytes.len());
        let to = end.saturating_sub(self.lead).min(self.bytes.len());
        PageContent {
            offset: self.lead.saturating_sub(start),
            bytes: self.bytes.get(from..to).unwrap_or_default(),
        }
    }

    /// One past the last page's last byte.
    fn end(&self) -> u64 {
        self.address.saturating_add(self.pages.saturating_mul(PAGE_SIZE))
    }

    fn parse(
        file: &'a [u8],
        header: &ProgramHeader,
        index: u16,
        window: Window,
    ) -> Result<Self, ElfError> {
        let wrong = |problem| ElfError::Segment(index, problem);
        let access = access(header.p_flags).ok_or(wrong(SegmentProblem::WritableAndExecutable))?;
        let bytes = file_bytes(file, header).map_err(wrong)?;
        let (address, pages) =
            page_range(header, window).ok_or(wrong(SegmentProblem::OutsideWindow))?;
        let lead = usize::try_from(header.p_vaddr % PAGE_SIZE)
            .map_err(|_| wrong(SegmentProblem::OutsideWindow))?;
        Ok(Self { address, pages, access, lead, bytes, index })
    }
}

/// [`PAGE_SIZE`] as an offset.
const PAGE_BYTES: usize = 4096;
const _: () = assert!(PAGE_BYTES.ilog2() == abi::types::PAGE_SHIFT);

fn checked_header(file: &[u8]) -> Result<Header, ElfError> {
    let mut header = Header::default();
    header.copy_from_bytes(file).map_err(|_| ElfError::Truncated)?;
    let [m0, m1, m2, m3, class, order, version, ..] = header.e_ident;
    if [m0, m1, m2, m3] != *header::ELFMAG {
        return Err(ElfError::NotElf);
    }
    if [class, order, version] != [header::ELFCLASS64, header::ELFDATA2LSB, header::EV_CURRENT] {
        return Err(ElfError::Class);
    }
    if header.e_machine != header::EM_X86_64 {
        return Err(ElfError::Machine(header.e_machine));
    }
    if header.e_type != header::ET_EXEC {
        return Err(ElfError::Type(header.e_type));
    }
    if usize::from(header.e_phentsize) != program_header::SIZEOF_PHDR {
        return Err(ElfError::Headers);
    }
    Ok(header)
}

fn program_header(file: &[u8], header: &Header, index: u16) -> Result<ProgramHeader, ElfError> {
    let bytes = u64::from(index)
        .checked_mul(u64::from(header.e_phentsize))
        .and_then(|offset| offset.checked_add(header.e_phoff))
        .and_then(|offset| file.get(usize::try_from(offset).ok()?..))
        .ok_or(ElfError::Headers)?;
    let mut result = ProgramHeader::default();
    result.copy_from_bytes(bytes).map_err(|_| ElfError::Headers)?;
    Ok(result)
}

/// Whether the header describes memory to load; an error where ignoring it would be wrong.
fn is_segment(header: &ProgramHeader) -> Result<bool, ElfError> {
    match header.p_type {
        program_header::PT_LOAD => Ok(header.p_memsz != 0),
        program_header::PT_INTERP | program_header::PT_DYNAMIC | program_header::PT_TLS => {
            Err(ElfError::Unsupported(header.p_type))
        }
        program_header::PT_GNU_STACK if header.p_flags & program_header::PF_X != 0 => {
            Err(ElfError::ExecutableStack)
        }
        _ => Ok(false),
    }
}

/// Access for these flags, or `None` where they ask for writable and executable.
fn access(flags: u32) -> Option<Access> {
    let mut access = Access::empty();
    access.set(Access::WRITE, flags & program_header::PF_W != 0);
    access.set(Access::EXECUTE, flags & program_header::PF_X != 0);
    (!access.contains(Access::WRITE | Access::EXECUTE)).then_some(access)
}

fn file_bytes<'a>(file: &'a [u8], header: &ProgramHeader) -> Result<&'a [u8], SegmentProblem> {
    if header.p_filesz > header.p_memsz {
        return Err(SegmentProblem::LargerInFile);
    }
    if header.p_offset % PAGE_SIZE != header.p_vaddr % PAGE_SIZE {
        return Err(SegmentProblem::Misaligned);
    }
    let start = usize::try_from(header.p_offset).ok();
    let end =
        header.p_offset.checked_add(header.p_filesz).and_then(|end| usize::try_from(end).ok());
    start.zip(end).and_then(|(start, end)| file.get(start..end)).ok_or(SegmentProblem::OutsideFile)
}

/// First page and number of pages, or `None` where they leave the window.
fn page_range(header: &ProgramHeader, window: Window) -> Option<(u64, u64)> {
    let end = header.p_vaddr.checked_add(header.p_memsz)?.checked_next_multiple_of(PAGE_SIZE)?;
    let start = header.p_vaddr.checked_sub(header.p_vaddr % PAGE_SIZE)?;
    let pages = end.checked_sub(start)?.checked_div(PAGE_SIZE)?;
    window.holds(start, end).then_some((start, pages))
}
