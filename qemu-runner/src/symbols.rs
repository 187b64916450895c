//! Adds function, file and line to the addresses that programs tell when they panic: lines that end in
//! `at PROGRAM@ADDRESS` (`partitions/rt/src/backtrace.rs`).

use crate::paths;
use addr2line::{Loader, demangle_auto};
use std::fs;
use std::path::PathBuf;

/// Bytes of a line that are kept; a longer one tells no address.
const LONGEST: usize = 256;

/// A reader of what a machine prints, who knows the symbols of its programs.
#[derive(Debug)]
pub struct Symbols {
    /// Folder of the programs with their symbols.
    folder: PathBuf,
    /// The line that is being printed, as far as it came.
    line: Vec<u8>,
}

impl Symbols {
    /// Knows the programs in `folder`.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder, line: Vec::new() }
    }

    /// The text as it came, with places after the addresses in it. Nothing is held back.
    pub fn annotate(&mut self, text: &[u8]) -> Vec<u8> {
        let mut annotated = Vec::with_capacity(text.len());
        for &byte in text {
            if matches!(byte, b'\r' | b'\n') {
                annotated.extend(self.places().into_bytes());
                self.line.clear();
            } else if self.line.len() < LONGEST {
                self.line.push(byte);
            }
            annotated.push(byte);
        }
        annotated
    }

    /// Where the address of the line is, if it tells one; functions that were inlined there have lines of their own.
    fn places(&self) -> String {
        let line = String::from_utf8_lossy(&self.line);
        let Some((program, address)) = told(&line) else { return String::new() };
        let places = self.look_up(program, address).unwrap_or_default();
        places.iter().map(|place| format!("  {place}")).collect::<Vec<_>>().join("\r\n    in")
    }

    /// The functions at addresses of a program, with their whole paths; where one was inlined, that into which it was.
    #[must_use]
    pub fn functions(&self, program: &str, addresses: &[u64]) -> Vec<Option<String>> {
        let Ok(loader) = Loader::new(self.folder.join(program)) else { return Vec::new() };
        let name = |address: &u64| {
            let symbol = loader.find_symbol(*address)?;
            Some(demangle_auto(symbol.into(), None).into_owned())
        };
        addresses.iter().map(name).collect()
    }

    /// The functions at the place that returns to `address`, the innermost first.
    fn look_up(&self, program: &str, address: u64) -> Option<Vec<String>> {
        let loader = Loader::new(self.folder.join(program)).ok()?;
        // The call lies before the address to which it returns.
        let call = address.checked_sub(1)?;
        let mut frames = loader.find_frames(call).ok()?;
        let mut functions = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().and_then(|function| function.demangle().ok());
            let place = frame.location.and_then(|place| Some((place.file?, place.line?)));
            functions.push((name.map(|name| name.into_owned()), place));
        }
        // The symbol is that of the outermost, with its whole path.
        let symbol = loader.find_symbol(call).map(|name| demangle_auto(name.into(), None));
        match (functions.last_mut(), symbol) {
            (Some((name, _)), Some(symbol)) => *name = Some(symbol.into_owned()),
            (None, Some(symbol)) => functions.push((Some(symbol.into_owned()), None)),
            (_, None) => {}
        }
        Some(functions.into_iter().map(shown).collect())
    }
}

/// A function and its place as people read it.
fn shown((name, place): (Option<String>, Option<(&str, u32)>)) -> String {
    let name = name.unwrap_or_else(|| "?".to_owned());
    match place {
        Some((file, line)) => format!("{name} ({}:{line})", short(file)),
        None => name,
    }
}

/// Program and address that a line ends in.
fn told(line: &str) -> Option<(&str, u64)> {
    let (before, digits) = line.trim_end().rsplit_once("@0x")?;
    let (_, program) = before.rsplit_once("at ")?;
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if program.is_empty() || !program.bytes().all(known) {
        return None;
    }
    Some((program, u64::from_str_radix(digits, 16).ok()?))
}

/// A file as people know it: seen from the checkout, or from the sources of Rust.
fn short(file: &str) -> &str {
    let root = paths::root();
    let root = fs::canonicalize(&root).unwrap_or(root);
    let own = root.to_str().and_then(|root| file.strip_prefix(root)?.strip_prefix('/'));
    let library = || file.strip_prefix("/rustc/")?.split_once('/').map(|(_, path)| path);
    own.or_else(library).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_tell_an_address_are_read() {
        assert_eq!(told("  at mine@0x401000"), Some(("mine", 0x40_1000)));
        assert_eq!(told("log mine:   at io-console2@0xa "), Some(("io-console2", 10)));
        for other in [
            "",
            "mine@0x401000",
            "at @0x1",
            "at a/../b@0x1",
            "at mine@0x",
            "at mine@0x1 x",
            "at mine@0x1ffffffffffffffff",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }

    /// A function to be found in this very program.
    #[inline(never)]
    fn somewhere() -> u32 {
        std::hint::black_box(line!())
    }

    /// Where this program was loaded: the first range of its address space.
    fn base() -> u64 {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap()
    }

    #[test]
    fn an_address_gets_its_place_wherever_the_text_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(std::env::current_exe().unwrap(), folder.path().join("mine")).unwrap();
        let mut symbols = Symbols::new(folder.path().to_path_buf());
        let start = somewhere as fn() -> u32 as usize as u64 - base();
        let text = format!("boom\r\n  at mine@{:#x}\r\nand on\n", start + 1);
        let line = somewhere() - 1;
        let place =
            format!("symbols::tests::somewhere (qemu-runner/src/symbols.rs:{line})\r\nand on\n");
        for size in [1, 7, text.len()] {
            let pieces = text.as_bytes().chunks(size);
            let out: Vec<u8> = pieces.flat_map(|piece| symbols.annotate(piece)).collect();
            let out = String::from_utf8(out).unwrap();
            assert!(out.starts_with("boom\r\n  at mine@0x") && out.ends_with(&place), "{out}");
        }
    }

    #[test]
    fn addresses_are_told_by_their_functions() {
        let own = std::env::current_exe().unwrap();
        let symbols = Symbols::new(own.parent().unwrap().to_path_buf());
        let start = somewhere as fn() -> u32 as usize as u64 - base();
        let name = own.file_name().unwrap().to_str().unwrap();
        let found = symbols.functions(name, &[start + 1, 0]);
        assert!(found[0].as_ref().unwrap().ends_with("symbols::tests::somewhere"), "{found:?}");
        assert_eq!((found.len(), &found[1]), (2, &None));
        assert!(symbols.functions("nobody", &[1]).is_empty());
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("garbage"), "no program").unwrap();
        let mut symbols = Symbols::new(folder.path().to_path_buf());
        let long = "at ".repeat(LONGEST);
        let text = format!("at nobody@0x12\r\nat garbage@0x12\nat garbage@0x0\n{long}@0x1\n");
        assert_eq!(symbols.annotate(text.as_bytes()), text.as_bytes());
    }

    #[test]
    fn files_are_named_from_the_checkout() {
        let file = paths::root().join("partitions/mine/src/main.rs");
        assert_eq!(short(file.to_str().unwrap()), "partitions/mine/src/main.rs");
        assert_eq!(short("/rustc/0123/library/core/src/option.rs"), "library/core/src/option.rs");
        assert_eq!(short("/elsewhere/x.rs"), "/elsewhere/x.rs");
    }
}
