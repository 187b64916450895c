//! Tiny ELF files, good and bad, for tests of everything that reads programs.

use goblin::elf64::header::{EM_X86_64, ET_EXEC};
use goblin::elf64::program_header::{PF_R, PF_W, PF_X, PT_LOAD};
use std::vec::Vec;

/// Bytes of the ELF header and of a program header.
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

/// A program header before it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// `p_offset`.
    pub offset: u64,
    /// `p_vaddr`.
    pub address: u64,
    /// `p_filesz`.
    pub file_size: u64,
    /// `p_memsz`.
    pub memory_size: u64,
}

/// An ELF file before it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elf {
    /// `e_ident` from its fifth byte on: class, byte order, version.
    pub identity: [u8; 3],
    /// `e_type`.
    pub kind: u16,
    /// `e_machine`.
    pub machine: u16,
    /// `e_entry`.
    pub entry: u64,
    /// `e_phoff`.
    pub headers: u64,
    /// `e_phentsize`.
    pub header_size: u16,
    /// The program headers.
    pub segments: Vec<Segment>,
    /// Bytes of the whole file.
    pub length: usize,
}

impl Elf {
    /// Code, constants and data at `base`, a page each and a page of zeroes; in 16 KiB.
    #[must_use]
    pub fn good(base: u64) -> Self {
        let segment = |index: u64, flags, pages: u64| Segment {
            kind: PT_LOAD,
            flags,
            offset: index.saturating_mul(0x1000),
            address: base.saturating_add(index.saturating_mul(0x1000)),
            file_size: 0x1000,
            memory_size: pages.saturating_mul(0x1000),
        };
        Self {
            identity: [2, 1, 1],
            kind: ET_EXEC,
            machine: EM_X86_64,
            entry: base.saturating_add(0x1010),
            headers: 64,
            header_size: 56,
            segments: vec![
                segment(0, PF_R, 1),
                segment(1, PF_R | PF_X, 1),
                segment(2, PF_R | PF_W, 2),
            ],
            length: 0x4000,
        }
    }

    /// The bytes of the file: headers, and behind them bytes that tell their own offset's lowest part.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.resize(bytes.len().max(HEADER), 0);
        self.segments.iter().for_each(|segment| bytes.extend(segment.bytes()));
        let start = bytes.len();
        bytes.extend((start..self.length.max(start)).map(|offset| offset.to_le_bytes()[0]));
        bytes.truncate(self.length);
        bytes
    }

    fn header(&self) -> Vec<u8> {
        let count = u16::try_from(self.segments.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::from(*b"\x7fELF");
        bytes.extend(self.identity);
        bytes.resize(16, 0);
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.machine.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(self.entry.to_le_bytes());
        bytes.extend(self.headers.to_le_bytes());
        bytes.resize(54, 0);
        bytes.extend(self.header_size.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes
    }
}

impl Segment {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PROGRAM_HEADER);
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        let fields =
            [self.offset, self.address, self.address, self.file_size, self.memory_size, 4096];
        fields.iter().for_each(|field| bytes.extend(field.to_le_bytes()));
        bytes
    }
}
