//! Lines entered before.

/// Bytes of all lines kept, with their ends.
const SIZE: usize = 2048;

/// The last lines, oldest first, each ending with a line feed.
#[derive(Clone, Debug)]
pub struct History {
    bytes: [u8; SIZE],
    length: usize,
}

impl History {
    pub const fn new() -> Self {
        Self { bytes: [0; SIZE], length: 0 }
    }

    /// The line entered `back` lines ago; 0 is the newest.
    pub fn line(&self, back: usize) -> Option<&str> {
        let kept = self.bytes.get(..self.length)?;
        let line = kept.strip_suffix(b"\n")?.rsplit(|&byte| byte == b'\n').nth(back)?;
        core::str::from_utf8(line).ok()
    }

    /// Keeps a line, unless it is blank or the one before once more. The oldest make room.
    pub fn push(&mut self, line: &str) {
        if line.trim().is_empty() || self.line(0) == Some(line) {
            return;
        }
        let length = line.len().saturating_add(1);
        while SIZE.saturating_sub(self.length) < length && self.length > 0 {
            self.forget_oldest();
        }
        self.append(line.as_bytes());
        self.append(b"\n");
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn forget_oldest(&mut self) {
        let end = self.bytes.iter().position(|&byte| byte == b'\n');
        let start = end.map_or(self.length, |end| end.saturating_add(1)).min(self.length);
        self.bytes.copy_within(start..self.length, 0);
        self.length = self.length.saturating_sub(start);
    }
}
