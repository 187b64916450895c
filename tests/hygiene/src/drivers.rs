//! What the kernel must not have: drivers beyond timer, interrupt controllers and debug port, and a heap.

use crate::{Complaint, scan};

/// Files of the kernel that reach devices by I/O ports, and which.
pub const PORTS: [(&str, &str); 5] = [
    ("kernel/src/arch/x86_64/port.rs", "the instructions themselves"),
    ("kernel/src/arch/x86_64/hardware.rs", "what a port capability allows a partition"),
    ("kernel/src/arch/x86_64/reference.rs", "the timers that others are measured by"),
    ("kernel/src/arch/x86_64/debug_port.rs", "the debug port"),
    ("kernel/src/arch/x86_64/reset.rs", "the end of a machine that crashed"),
];
/// What reaches a port.
const REACHES: [&str; 5] =
    [" port::access", " port::read", " port::write", "x86::io", "uart_16550::"];
/// What makes a heap.
const HEAP: [&str; 3] = ["extern crate alloc", "GlobalAlloc", "global_allocator"];

/// Complaints about a file of the kernel.
#[must_use]
pub fn kernel(path: &str, text: &str) -> Vec<Complaint> {
    if !path.starts_with("kernel/") {
        return Vec::new();
    }
    let code = scan::without_tests(&scan::code(text));
    let may = PORTS.iter().any(|(file, _)| *file == path);
    let lines = (1..).zip(code.lines());
    let told = lines.filter_map(|(number, line)| {
        let line = spaced(line);
        let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
        match (has(&REACHES) && !may, has(&HEAP)) {
            (true, _) => Some((number, "a device that the kernel has no business with")),
            (_, true) => Some((number, "a heap in the kernel")),
            _ => None,
        }
    });
    told.map(|(number, what)| Complaint::new(path, number, what.to_owned())).collect()
}

/// With a space before each name, so that `port` is not taken for the end of another one.
fn spaced(code: &str) -> String {
    format!(" {}", code.replace(['(', '&', '!', '{', '|', '*'], " "))
}

/// Entries of the list that no file bears out any more.
#[must_use]
pub fn idle<'t>(text: impl Fn(&str) -> &'t str) -> Vec<Complaint> {
    let reaches = |path: &str| {
        let code = spaced(&scan::code(text(path)));
        REACHES.iter().any(|word| code.contains(word))
    };
    let idle = PORTS.into_iter().filter(|(path, _)| !reaches(path));
    idle.map(|(path, _)| Complaint::new(path, 0, "listed, but reaches no port".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_and_a_heap_are_found_and_words_about_them_are_not() {
        let bad = "fn disk() {\n    port::write8(0x1f7, 0x20);\n}\nextern crate alloc;\n";
        let lines = |path| kernel(path, bad).into_iter().map(|one| one.line).collect::<Vec<_>>();
        assert_eq!(lines("kernel/src/arch/x86_64/disk.rs"), [2, 4]);
        assert_eq!(lines(PORTS[0].0), [4]);
        assert_eq!(lines("partitions/io-console/src/uart.rs"), []);
        let good = "//! Nobody calls port::write8 here.\nfn nothing() {}\n";
        assert!(kernel("kernel/src/arch/x86_64/disk.rs", good).is_empty());
    }

    #[test]
    fn what_is_listed_in_vain_is_found() {
        assert_eq!(idle(|_| "use x86::io;").len(), 0);
        assert_eq!(idle(|_| "").len(), PORTS.len());
    }
}
