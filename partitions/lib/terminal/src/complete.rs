//! Completion of the word before the cursor.

/// Says what could stand where the last word of the text does: calls back with every candidate.
pub type Complete<'a> = dyn Fn(&str, &mut dyn FnMut(&str)) + 'a;

/// Longest candidate that is completed, in bytes.
const LONGEST: usize = 64;

/// What all candidates begin with.
#[derive(Clone, Debug)]
pub struct Common {
    bytes: [u8; LONGEST],
    length: usize,
    count: usize,
}

impl Common {
    /// Asks for the candidates for the last word of `before`.
    pub fn of(before: &str, complete: &Complete<'_>) -> Self {
        let mut common = Self { bytes: [0; LONGEST], length: 0, count: 0 };
        each(before, complete, &mut |candidate| common.meet(candidate));
        common
    }

    /// How many candidates there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// What can be added to `word`, with which all candidates begin.
    pub fn rest(&self, word: &str) -> &str {
        let rest = self.bytes.get(word.len()..self.length).unwrap_or_default();
        match core::str::from_utf8(rest) {
            Ok(text) => text,
            // Two candidates part within a character: it is none of both.
            Err(error) => rest
                .get(..error.valid_up_to())
                .and_then(|bytes| core::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
        }
    }

    fn meet(&mut self, candidate: &str) {
        if self.count == 0 {
            for (to, &from) in self.bytes.iter_mut().zip(candidate.as_bytes()) {
                *to = from;
            }
            self.length = candidate.len().min(LONGEST);
        }
        let kept = self.bytes.iter().take(self.length).zip(candidate.as_bytes());
        self.length = kept.take_while(|(left, right)| left == right).count();
        self.count = self.count.saturating_add(1);
    }
}

/// Calls `found` with the candidates that do begin with the last word of `before`.
pub fn each(before: &str, complete: &Complete<'_>, found: &mut dyn FnMut(&str)) {
    let word = last_word(before);
    complete(before, &mut |candidate| {
        if candidate.starts_with(word) {
            found(candidate);
        }
    });
}

/// The word that is being typed.
pub fn last_word(before: &str) -> &str {
    before
        .rsplit(|character: char| character.is_whitespace() || character == ';')
        .next()
        .unwrap_or_default()
}
