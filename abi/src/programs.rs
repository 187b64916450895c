//! Which program the resource manager runs: what it tells the boot partition, which brings it back, and what that tells it.
//!
//! Images by their numbers: 0 the boot image, those to upgrade from behind it.

/// In the boot partition's record of `manager-context`, as a word: which image's program the resource manager is to be brought back with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Programs {
    /// The image whose program runs.
    pub runs: u8,
    /// The image whose program its next start goes over to.
    pub next: Option<u8>,
    /// The image whose program it goes back to unless the one that runs proves itself.
    pub before: Option<u8>,
}

impl Programs {
    /// As the record has it.
    #[must_use]
    pub fn word(self) -> u64 {
        u64::from_le_bytes([maybe(self.before), maybe(self.next), self.runs, 0, 0, 0, 0, 0])
    }

    /// From the record, in which half of a change may stand.
    #[must_use]
    pub fn from_word(word: u64) -> Self {
        let [before, next, runs, ..] = word.to_le_bytes();
        Self { runs, next: next.checked_sub(1), before: before.checked_sub(1) }
    }
}

/// The argument with which the resource manager is started when it takes up the books; 0 is the machine's first start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Return {
    /// The image whose program this is.
    pub image: u8,
    /// The image whose program was tried before and did not come up.
    pub failed: Option<u8>,
}

impl Return {
    /// As the start has it, never 0.
    #[must_use]
    pub fn argument(self) -> u64 {
        u64::from_le_bytes([1, self.image, maybe(self.failed), 0, 0, 0, 0, 0])
    }

    /// From the argument of a start; `None` for the machine's first.
    #[must_use]
    pub fn from_argument(argument: u64) -> Option<Self> {
        let [again, image, failed, ..] = argument.to_le_bytes();
        (again == 1).then_some(Self { image, failed: failed.checked_sub(1) })
    }
}

/// A number or none in a byte; there are four images.
fn maybe(image: Option<u8>) -> u8 {
    image.map_or(0, |image| image.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_what_was_said() {
        let all = [None, Some(0), Some(3)];
        for (next, before) in all.into_iter().flat_map(|next| all.map(|before| (next, before))) {
            let programs = Programs { runs: 2, next, before };
            assert_eq!(Programs::from_word(programs.word()), programs);
            let again = Return { image: 3, failed: next };
            assert_eq!(Return::from_argument(again.argument()), Some(again));
        }
        assert_eq!(Programs::from_word(0), Programs::default());
        assert_eq!((Return::from_argument(0), Return::default().argument()), (None, 1));
    }
}
