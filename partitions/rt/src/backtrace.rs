//! Who called whom, for the last words of a program.
//!
//! Every function keeps a frame pointer: a frame starts with the caller's, and the address to return to lies above it.
//! What is said is `PROGRAM@ADDRESS`; `./bulkhead` reads it and adds function, file and line.

use core::fmt;

/// Most callers that are told.
const DEEPEST: usize = 24;
/// Bytes of a word of the stack.
const WORD: u64 = 8;

/// The addresses that a chain of frames returns to, the innermost first.
pub(crate) struct Walk<R> {
    /// Reads a word of the stack; `None` where it has none.
    read: R,
    frame: u64,
}

impl<R: Fn(u64) -> Option<u64>> Walk<R> {
    /// The chain that starts with the frame at `frame`.
    pub const fn new(frame: u64, read: R) -> Self {
        Self { read, frame }
    }
}

impl<R: Fn(u64) -> Option<u64>> Iterator for Walk<R> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let caller = (self.read)(self.frame)?;
        let address = (self.read)(self.frame.checked_add(WORD)?)?;
        // Callers lie further up; anything else is not a chain, and might never end.
        self.frame = if caller > self.frame { caller } else { 0 };
        (address != 0).then_some(address)
    }
}

/// Says each address of a chain in a line of its own.
pub(crate) fn tell<R: Fn(u64) -> Option<u64>>(
    to: &mut impl fmt::Write,
    program: &str,
    walk: Walk<R>,
) -> fmt::Result {
    walk.take(DEEPEST).try_for_each(|address| writeln!(to, "  at {program}@{address:#x}"))
}

/// The callers of this point of the program, to be said.
#[cfg(target_os = "none")]
pub(crate) struct Here(u64);

#[cfg(target_os = "none")]
impl Here {
    /// The callers of the function that asks.
    #[inline(always)]
    pub fn new() -> Self {
        Self(crate::machine::frame_pointer())
    }
}

#[cfg(target_os = "none")]
impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tell(f, crate::machine::program(), Walk::new(self.0, crate::machine::stack_word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// A stack at 0x1000.
    fn walk(words: &'static [u64], frame: u64) -> Walk<impl Fn(u64) -> Option<u64>> {
        let read = move |address: u64| {
            let index = usize::try_from(address.checked_sub(0x1000)? / WORD).ok()?;
            words.get(index).copied().filter(|_| address.is_multiple_of(WORD))
        };
        Walk::new(frame, read)
    }

    #[test]
    fn frames_are_followed_to_the_outermost() {
        let words = &[0x1018, 0x40_0001, 7, 0x1030, 0x40_0002, 9, 0, 0x40_0003];
        let found: Vec<u64> = walk(words, 0x1000).collect();
        assert_eq!(found, [0x40_0001, 0x40_0002, 0x40_0003]);
        let mut text = String::new();
        tell(&mut text, "mine", walk(words, 0x1018)).unwrap();
        assert_eq!(text, "  at mine@0x400002\n  at mine@0x400003\n");
    }

    #[test]
    fn a_broken_chain_ends() {
        assert_eq!(walk(&[0x1000, 1], 0x1000).count(), 1, "a frame that names itself");
        assert_eq!(walk(&[0x1010, 1, 0x1000, 2], 0x1000).count(), 2, "a circle");
        assert_eq!(walk(&[0x1009, 1, 2, 3], 0x1000).count(), 1, "a frame between two words");
        assert_eq!(walk(&[u64::MAX, 1], 0x1000).count(), 1, "outside of the stack");
        assert_eq!(walk(&[0x1010, 0], 0x1000).count(), 0, "no address");
        assert_eq!(walk(&[], u64::MAX).count(), 0);
    }

    #[test]
    fn endless_recursion_is_told_in_part() {
        let read = |address: u64| {
            Some(if address.is_multiple_of(16) { address.wrapping_add(16) } else { 5 })
        };
        let mut text = String::new();
        tell(&mut text, "p", Walk::new(16, read)).unwrap();
        assert_eq!(text.lines().count(), DEEPEST);
    }
}
