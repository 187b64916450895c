//! The file: header, program headers, notes, then the memory.

use abi::fault::Reason;
use abi::types::PAGE_SIZE;

/// Registers of a context, in the kernel's order: rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 rip rflags.
pub type Registers = [u64; 18];

/// A piece of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Where it lay; a multiple of a page.
    pub address: u64,
    /// `PF_X`, `PF_W`, `PF_R`.
    pub flags: u32,
    /// Bytes of it that are in the file, a multiple of a page.
    pub filled: u64,
    /// Bytes of it in all; those that are not in the file were zero.
    pub length: u64,
}

/// What a core file is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corpse<'a> {
    /// The partition.
    pub name: &'a str,
    /// The signal that stands for why it stopped, see [`signal`]; 0 where it did not stop by itself.
    pub signal: u32,
    /// Registers of its contexts.
    pub contexts: &'a [Registers],
    /// Its memory.
    pub segments: &'a [Segment],
}

const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const LOAD: u32 = 1;
const NOTE: u32 = 4;
const STATUS: u32 = 1;
const INFORMATION: u32 = 3;
/// Bytes of the notes' contents: `elf_prstatus` and `elf_prpsinfo`.
const STATUS_BYTES: u32 = 336;
const INFORMATION_BYTES: u32 = 136;
/// Bytes before the content of a note: three words and the owner's name.
const NOTE_HEAD: u64 = 20;
/// Selectors of code and data of programs, as a debugger expects them.
const CODE: u64 = 0x33;
const DATA: u64 = 0x2b;

/// The signal by which debuggers say why a program stopped, for a fault record's reason.
#[must_use]
pub const fn signal(reason: u64) -> u32 {
    const ILLEGAL: u32 = 4;
    const TRAP: u32 = 5;
    const ABORT: u32 = 6;
    const BUS: u32 = 7;
    const ARITHMETIC: u32 = 8;
    const KILLED: u32 = 9;
    const SEGMENT: u32 = 11;
    match reason {
        0 | 16 | 19 => ARITHMETIC,
        1 | 3 => TRAP,
        6 => ILLEGAL,
        17 => BUS,
        0..=31 => SEGMENT,
        _ => match Reason::from_number(reason) {
            Some(Reason::Exit) => 0,
            Some(Reason::Panic | Reason::OutOfMemory) => ABORT,
            _ => KILLED,
        },
    }
}

/// Bytes of the whole file.
#[must_use]
pub fn length(corpse: &Corpse<'_>) -> u64 {
    let filled = corpse.segments.iter().map(|segment| segment.filled);
    filled.fold(first(corpse), u64::saturating_add)
}

/// Where the memory begins in the file.
fn first(corpse: &Corpse<'_>) -> u64 {
    let end = notes_start(corpse).saturating_add(notes(corpse));
    end.checked_next_multiple_of(PAGE_SIZE).unwrap_or(end)
}

fn notes_start(corpse: &Corpse<'_>) -> u64 {
    HEADER.saturating_add(PROGRAM_HEADER.saturating_mul(program_headers(corpse)))
}

/// One for the notes, one for each segment.
fn program_headers(corpse: &Corpse<'_>) -> u64 {
    count(corpse.segments).saturating_add(1)
}

/// Bytes of all notes.
fn notes(corpse: &Corpse<'_>) -> u64 {
    let status = NOTE_HEAD.saturating_add(STATUS_BYTES.into());
    let information = NOTE_HEAD.saturating_add(INFORMATION_BYTES.into());
    count(corpse.contexts).saturating_mul(status).saturating_add(information)
}

fn count<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}

/// Gives all that comes before the memory to `put`; then follow the filled bytes of each segment, one after the other.
pub fn head(corpse: &Corpse<'_>, put: &mut impl FnMut(&[u8])) {
    let segments = program_headers(corpse);
    header(u16::try_from(segments).unwrap_or(u16::MAX), put);
    program_header(put, [NOTE, 0], [notes_start(corpse), 0, 0, notes(corpse), 0, 0]);
    let mut offset = first(corpse);
    for Segment { address, flags, filled, length } in corpse.segments {
        let words = [offset, *address, 0, *filled, *length, PAGE_SIZE];
        program_header(put, [LOAD, *flags], words);
        offset = offset.saturating_add(*filled);
    }
    for (thread, registers) in (1_u32..).zip(corpse.contexts) {
        note_head(STATUS, STATUS_BYTES, put);
        status(thread, corpse.signal, registers, put);
    }
    note_head(INFORMATION, INFORMATION_BYTES, put);
    information(corpse.name, put);
    let end = notes_start(corpse).saturating_add(notes(corpse));
    zeros(first(corpse).saturating_sub(end), put);
}

fn header(segments: u16, put: &mut impl FnMut(&[u8])) {
    put(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // A core, of x86-64, of version 1.
    put(&[4, 0, 62, 0, 1, 0, 0, 0]);
    put_words([0, HEADER, 0], put);
    put(&[0; 4]);
    for half in [64, 56, segments, 0, 0, 0] {
        put(&half.to_le_bytes());
    }
}

fn program_header(put: &mut impl FnMut(&[u8]), kind: [u32; 2], words: [u64; 6]) {
    kind.iter().for_each(|half| put(&half.to_le_bytes()));
    put_words(words, put);
}

fn put_words<const N: usize>(words: [u64; N], put: &mut impl FnMut(&[u8])) {
    words.iter().for_each(|word| put(&word.to_le_bytes()));
}

fn zeros(mut count: u64, put: &mut impl FnMut(&[u8])) {
    const ZEROS: [u8; 64] = [0; 64];
    while count > 0 {
        let some = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
        put(ZEROS.get(..some).unwrap_or_default());
        count = count.saturating_sub(u64::try_from(some).unwrap_or(1));
    }
}

/// What stands before a note's content, which is a multiple of four bytes.
fn note_head(kind: u32, length: u32, put: &mut impl FnMut(&[u8])) {
    [5, length, kind].iter().for_each(|word| put(&u32::to_le_bytes(*word)));
    put(b"CORE\0\0\0\0");
}

/// `elf_prstatus`: a thread, of which signal, number and registers matter here.
fn status(thread: u32, signal: u32, registers: &Registers, put: &mut impl FnMut(&[u8])) {
    // `pr_info.si_signo`, its code and number, then `pr_cursig`; masks; the thread, its parent, group and session; four times.
    for word in [signal, 0, 0, signal, 0, 0, 0, 0, thread, 0, 0, 0] {
        put(&word.to_le_bytes());
    }
    put_words([0; 8], put);
    let [rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, flags] =
        *registers;
    put_words([r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi], put);
    put_words([u64::MAX, rip, CODE, flags, rsp, DATA, 0, 0, 0, 0, 0, 0], put);
    zeros(8, put);
}

/// `elf_prpsinfo`: a process, of which nothing but the name matters here: in short, and as arguments.
fn information(name: &str, put: &mut impl FnMut(&[u8])) {
    zeros(40, put);
    for room in [16_usize, 80] {
        let name = name.as_bytes();
        let length = name.len().min(room.saturating_sub(1));
        put(name.get(..length).unwrap_or_default());
        zeros(u64::try_from(room.saturating_sub(length)).unwrap_or(0), put);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: &[u8], at: u64) -> u64 {
        let at = usize::try_from(at).unwrap();
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    // The first assertion below would fail where anything written were longer or shorter than it is counted.
    fn what_is_promised_of_the_length_holds_wherever_notes_end() {
        let registers = core::array::from_fn(|index| index as u64 + 100);
        for (contexts, segments) in [(0, 0), (1, 1), (2, 3), (11, 0), (16, 70)] {
            let contexts = vec![registers; contexts];
            let segment = Segment { address: 0x40_0000, flags: 6, filled: 4096, length: 8192 };
            let segments = vec![segment; segments];
            let corpse =
                Corpse { name: "mine", signal: 11, contexts: &contexts, segments: &segments };
            let mut bytes = Vec::new();
            head(&corpse, &mut |piece| bytes.extend_from_slice(piece));
            assert_eq!(bytes.len() as u64, first(&corpse));
            assert_eq!(length(&corpse), first(&corpse) + 4096 * segments.len() as u64);
            for index in 0..segments.len() as u64 {
                let at = HEADER + PROGRAM_HEADER * (index + 1);
                assert_eq!(word(&bytes, at + 8), first(&corpse) + 4096 * index);
                assert_eq!((word(&bytes, at + 32), word(&bytes, at + 40)), (4096, 8192));
            }
            // Three heads of notes follow each other without a gap: rip of the last thread is where it belongs.
            if let Some(last) = contexts.len().checked_sub(1) {
                let note = notes_start(&corpse) + 356 * last as u64 + NOTE_HEAD;
                assert_eq!(word(&bytes, note + 112 + 16 * 8), 116, "rip");
                assert_eq!(word(&bytes, note + 32) as u32, last as u32 + 1);
                assert_eq!(word(&bytes, note) as u32, 11, "the signal");
            }
        }
    }

    #[test]
    fn reasons_are_signals_that_debuggers_know() {
        let expected = [(0, 8), (3, 5), (6, 4), (13, 11), (14, 11), (17, 7)];
        for (reason, wanted) in expected {
            assert_eq!(signal(reason), wanted, "exception {reason}");
        }
        let own = Reason::ALL.map(|reason| signal(reason.number()));
        assert_eq!(own, [0, 6, 6, 9, 9, 9, 9]);
    }
}
