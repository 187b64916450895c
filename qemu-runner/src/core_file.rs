//! Core files: what debuggers read of a program that has ended (System V ABI, chapter 5; the notes as Linux writes them for x86-64).

use abi::types::PAGE_SIZE;

/// Registers of a context, in the kernel's order: rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 rip rflags.
pub type Registers = [u64; 18];

/// A piece of memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Area {
    /// Where it lay; a multiple of a page.
    pub address: u64,
    /// `PF_X`, `PF_W`, `PF_R`.
    pub flags: u32,
    /// What it held, in whole pages.
    pub bytes: Vec<u8>,
}

const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const LOAD: u32 = 1;
const NOTE: u32 = 4;
const STATUS: u32 = 1;
const INFORMATION: u32 = 3;
/// Selectors of code and data of programs, as a debugger expects them.
const SELECTORS: [u64; 2] = [0x33, 0x2b];

/// The core file of a partition.
#[must_use]
pub fn core_file(name: &str, contexts: &[Registers], areas: &[Area]) -> Vec<u8> {
    let mut notes = Vec::new();
    for (index, registers) in (1..).zip(contexts) {
        notes.extend(note(STATUS, &status(index, registers)));
    }
    notes.extend(note(INFORMATION, &information(name)));
    let count = areas.len() as u64 + 1;
    let start = HEADER + PROGRAM_HEADER * count;
    let mut file = header(count);
    file.extend(program_header(NOTE, 0, start, 0, notes.len() as u64, 0));
    let mut offset = (start + notes.len() as u64).next_multiple_of(PAGE_SIZE);
    let first = offset;
    for area in areas {
        let length = area.bytes.len() as u64;
        file.extend(program_header(LOAD, area.flags, offset, area.address, length, PAGE_SIZE));
        offset += length;
    }
    file.extend(notes);
    file.resize(first as usize, 0);
    areas.iter().for_each(|area| file.extend(&area.bytes));
    file
}

fn header(segments: u64) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // A core, of x86-64, of version 1.
    bytes.extend([4, 0, 62, 0, 1, 0, 0, 0]);
    for word in [0, HEADER, 0] {
        bytes.extend(u64::to_le_bytes(word));
    }
    bytes.extend([0; 4]);
    for half in [HEADER, PROGRAM_HEADER, segments, 0, 0, 0] {
        bytes.extend(&half.to_le_bytes()[..2]);
    }
    bytes
}

fn program_header(
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    length: u64,
    align: u64,
) -> Vec<u8> {
    let memory = if kind == LOAD { length } else { 0 };
    let mut bytes = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
    for word in [offset, address, 0, length, memory, align] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

fn note(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [5, content.len() as u32, kind] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(b"CORE\0\0\0\0");
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `elf_prstatus`: a thread, of which nothing but number and registers matters here.
fn status(thread: u32, registers: &Registers) -> Vec<u8> {
    let mut bytes = vec![0; 112];
    bytes[32..36].copy_from_slice(&thread.to_le_bytes());
    let [rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, flags] =
        *registers;
    let [code, data] = SELECTORS;
    let general = [r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi];
    let rest = [u64::MAX, rip, code, flags, rsp, data, 0, 0, 0, 0, 0, 0];
    for word in general.into_iter().chain(rest) {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0; 8]);
    bytes
}

/// `elf_prpsinfo`: a process, of which nothing but the name matters here.
fn information(name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 136];
    for (start, room) in [(40, 16), (56, 80)] {
        let length = name.len().min(room - 1);
        bytes[start..start + length].copy_from_slice(&name.as_bytes()[..length]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object as _, ObjectKind, ObjectSegment as _};

    #[test]
    fn what_goes_in_can_be_read() {
        let registers = core::array::from_fn(|index| index as u64);
        let areas = [(0x40_0000, 5, 1), (0x80_0000, 6, 2)].map(|(address, flags, pages)| Area {
            address,
            flags,
            bytes: vec![flags as u8; pages * PAGE_SIZE as usize],
        });
        let bytes = core_file("mine", &[registers, registers], &areas);
        let file = object::File::parse(&*bytes).unwrap();
        assert_eq!(file.kind(), ObjectKind::Core);
        let found: Vec<_> = file
            .segments()
            .map(|segment| (segment.address(), segment.data().unwrap().to_vec()))
            .collect();
        assert_eq!(found, areas.map(|area| (area.address, area.bytes)));
        // Two threads of 336 bytes and the process of 136, each with a head of 20.
        let notes = (0..bytes.len() - 8).filter(|at| bytes[*at..].starts_with(b"CORE\0\0\0\0"));
        assert_eq!(notes.count(), 3);
        let first = HEADER as usize + 3 * PROGRAM_HEADER as usize + 20;
        let rip = first + 112 + 16 * 8;
        assert_eq!(bytes[rip..rip + 8], 16_u64.to_le_bytes());
        assert_eq!(bytes[first + 32], 1);
        assert_eq!(bytes[first + 356 + 32], 2, "threads are numbered");
    }
}
