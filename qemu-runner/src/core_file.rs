//! Core files of partitions: written from memory, or found in what a console printed.

use abi::image::NAME_LENGTH;
pub use core_file::Registers;
use core_file::{Begin, Checksum, Corpse, End, Segment, decode};

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

/// The core file of a partition.
#[must_use]
pub fn core_file(name: &str, contexts: &[Registers], areas: &[Area]) -> Vec<u8> {
    let segment = |area: &Area| {
        let length = area.bytes.len() as u64;
        Segment { address: area.address, flags: area.flags, filled: length, length }
    };
    let segments: Vec<_> = areas.iter().map(segment).collect();
    let corpse = Corpse { name, signal: 0, contexts, segments: &segments };
    let mut file = Vec::new();
    core_file::head(&corpse, &mut |bytes| file.extend_from_slice(bytes));
    areas.iter().for_each(|area| file.extend(&area.bytes));
    file
}

/// A core file that a console printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Printed {
    /// The partition.
    pub name: String,
    /// The file, or what is wrong with what came.
    pub file: Result<Vec<u8>, String>,
}

/// Takes core files out of what a console prints, however it is cut.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    line: Vec<u8>,
    under_way: Option<UnderWay>,
}

#[derive(Clone, Debug)]
struct UnderWay {
    name: String,
    bytes: u64,
    file: Vec<u8>,
}

impl Sieve {
    /// What of `bytes` a person wants to see, and the files that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<Printed>) {
        let (mut shown, mut printed) = (Vec::new(), Vec::new());
        for &byte in bytes {
            self.line.push(byte);
            if self.under_way.is_none() {
                shown.push(byte);
            }
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                let (rest, done) = self.end_of_line(&line);
                shown.extend(rest);
                printed.extend(done);
            }
        }
        (shown, printed)
    }

    /// Per cent of the file under way.
    #[must_use]
    pub fn per_cent(&self) -> Option<u64> {
        let UnderWay { bytes, file, .. } = self.under_way.as_ref()?;
        Some(file.len() as u64 * 100 / bytes.max(&1))
    }

    /// What is to be said of a file that never ended.
    #[must_use]
    pub fn end(self) -> Option<Printed> {
        self.under_way.map(|UnderWay { name, .. }| Printed {
            name,
            file: Err("its end is missing".to_owned()),
        })
    }

    /// Takes a line; what of it is shown, and the file that it completes.
    fn end_of_line(&mut self, line: &[u8]) -> (Vec<u8>, Option<Printed>) {
        let text = String::from_utf8_lossy(line);
        if let Some(Begin { name, bytes }) = begin(&text) {
            let torn = std::mem::take(self).end();
            let name = name.to_owned();
            self.under_way = Some(UnderWay { name, bytes, file: Vec::new() });
            return (Vec::new(), torn);
        }
        let Some(under_way) = &mut self.under_way else { return (Vec::new(), None) };
        if let Some(End { checksum, .. }) = End::parse(&text) {
            let UnderWay { name, bytes, file } = under_way.clone();
            self.under_way = None;
            let file = check(file, bytes, checksum);
            return (line.to_vec(), Some(Printed { name, file }));
        }
        match decode(text.trim_end().as_bytes()) {
            Some(bytes) => {
                under_way.file.extend(bytes.get());
                (Vec::new(), None)
            }
            // Somebody else's words.
            None => (line.to_vec(), None),
        }
    }
}

/// The line that begins a file, whatever stands before it. Anybody may print one; the name becomes that of a file, so it must be one that
/// partitions have.
fn begin(text: &str) -> Option<Begin<'_>> {
    let at = text.find("-----BEGIN CORE ")?;
    let begin = Begin::parse(text.get(at..)?)?;
    let letter =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let plain = !begin.name.is_empty() && begin.name.bytes().all(letter);
    (plain && begin.name.len() <= NAME_LENGTH).then_some(begin)
}

fn check(file: Vec<u8>, bytes: u64, checksum: Option<u32>) -> Result<Vec<u8>, String> {
    let Some(checksum) = checksum else {
        return Err("the console ended it before it was whole".to_owned());
    };
    let mut found = Checksum::new();
    found.add(&file);
    match (file.len() as u64, found.value()) {
        (length, _) if length != bytes => {
            Err(format!("{length} of {bytes} bytes arrived: something else was printed in between"))
        }
        (_, value) if value != checksum => Err("bytes of it were changed on the way".to_owned()),
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::types::PAGE_SIZE;
    use core_file::{Bytes, TEXT, encode};
    use object::{Object as _, ObjectKind, ObjectSegment as _};

    fn example() -> (Vec<u8>, [Area; 2]) {
        let registers = core::array::from_fn(|index| index as u64);
        let areas = [(0x40_0000, 5, 1), (0x80_0000, 6, 2)].map(|(address, flags, pages)| Area {
            address,
            flags,
            bytes: vec![flags as u8; pages * PAGE_SIZE as usize],
        });
        (core_file("mine", &[registers, registers], &areas), areas)
    }

    #[test]
    fn what_goes_in_can_be_read() {
        let (bytes, areas) = example();
        let file = object::File::parse(&*bytes).unwrap();
        assert_eq!(file.kind(), ObjectKind::Core);
        let found: Vec<_> = file
            .segments()
            .map(|segment| (segment.address(), segment.data().unwrap().to_vec()))
            .collect();
        assert_eq!(found, areas.map(|area| (area.address, area.bytes)));
    }

    /// As a console prints it, with words before and behind.
    fn printed(file: &[u8]) -> Vec<String> {
        let begin = Begin { name: "mine", bytes: file.len() as u64 };
        let mut lines = vec!["> dump mine".to_owned(), begin.to_string()];
        for piece in file.chunks(core_file::LINE) {
            let (mut line, mut text) = (Bytes::new(), [0; TEXT]);
            line.fill(piece);
            let length = encode(&line, &mut text);
            lines.push(String::from_utf8_lossy(&text[..length]).into_owned());
        }
        let mut checksum = Checksum::new();
        checksum.add(file);
        lines.push(End { name: "mine", checksum: Some(checksum.value()) }.to_string());
        lines.push("behind".to_owned());
        lines
    }

    fn sieved(lines: &[String], size: usize) -> (String, Vec<Printed>) {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let (mut sieve, mut shown, mut all) = (Sieve::default(), Vec::new(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            let (some, printed) = sieve.feed(piece);
            shown.extend(some);
            all.extend(printed);
        }
        all.extend(sieve.end());
        (String::from_utf8(shown).unwrap(), all)
    }

    #[test]
    fn a_printed_file_is_taken_out_wherever_the_text_is_cut() {
        let (file, _) = example();
        let lines = printed(&file);
        for size in [1, 7, 4096, usize::MAX] {
            let (shown, all) = sieved(&lines, size);
            assert_eq!(all, [Printed { name: "mine".to_owned(), file: Ok(file.clone()) }]);
            let begin = &lines[1];
            let end = &lines[lines.len() - 2];
            assert_eq!(shown, format!("> dump mine\r\n{begin}\r\n{end}\r\nbehind\r\n"));
        }
    }

    #[test]
    fn what_is_no_name_of_a_partition_is_no_name_of_a_file() {
        let long = "x".repeat(25);
        for name in ["../mine", "a/b", "MINE", "a.b", "", "\u{1b}[31m", &long] {
            let line = format!("-----BEGIN CORE {name} 12 bytes-----");
            let (shown, all) = sieved(&[line.clone(), "behind".to_owned()], 100);
            assert_eq!((shown, all.len()), (format!("{line}\r\nbehind\r\n"), 0), "{name}");
        }
    }

    #[test]
    fn words_in_between_do_no_harm_and_whatever_tears_a_line_is_found() {
        let (file, _) = example();
        let lines = printed(&file);
        let mut with = lines.clone();
        with.insert(9, "kernel: a word in between".to_owned());
        let (shown, all) = sieved(&with, 100);
        assert!(shown.contains("a word in between") && all[0].file.is_ok());
        for at in [2, 40, lines.len() - 3] {
            let mut torn = lines.clone();
            torn[at].replace_range(10..13, "kernel: !");
            assert!(sieved(&torn, 100).1[0].file.is_err(), "torn in {at}");
            let mut gone = lines.clone();
            gone.remove(at);
            assert!(sieved(&gone, 100).1[0].file.is_err(), "without {at}");
            let mut other = lines.clone();
            let letter = if other[at].starts_with('Q') { "R" } else { "Q" };
            other[at].replace_range(0..1, letter);
            assert!(sieved(&other, 100).1[0].file.is_err(), "changed in {at}");
        }
        let endless = &lines[..lines.len() - 2];
        assert!(sieved(endless, 100).1[0].file.is_err(), "without an end");
        let twice = [endless, &lines].concat();
        let (_, all) = sieved(&twice, 100);
        assert!(all[0].file.is_err() && all[1].file.is_ok(), "begun anew");
        let ended = End { name: "mine", checksum: None }.to_string();
        let ended = [endless, &[ended]].concat();
        assert!(sieved(&ended, 100).1[0].file.is_err(), "given up");
    }
}
