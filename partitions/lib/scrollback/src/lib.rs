//! The last bytes of a console: a ring in memory of a fixed size that forgets whole lines first.
//!
//! Where the ring would overflow it drops what is oldest up to the end of a line, so that what is kept begins
//! with a line; only a single line longer than the ring is cut. Places in it are byte offsets from the oldest
//! byte kept, as in [`abi::message::console::ScrollbackRequest`].

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

/// A ring of bytes in the storage `S`, which is a box, an array or borrowed memory.
#[derive(Clone, Debug)]
pub struct Scrollback<S> {
    storage: S,
    start: usize,
    length: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Scrollback<S> {
    /// An empty ring that keeps at most as many bytes as `storage` has.
    pub const fn new(storage: S) -> Self {
        Self { storage, start: 0, length: 0 }
    }

    /// Bytes kept now.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Most bytes it can keep.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// Appends `bytes`; of more than fit the last.
    pub fn push(&mut self, bytes: &[u8]) {
        let excess = bytes.len().saturating_sub(self.capacity());
        let bytes = bytes.get(excess..).unwrap_or_default();
        self.make_room(bytes.len());
        let end = self.place(self.length);
        self.write_at(end, bytes);
        self.length = self.length.saturating_add(bytes.len()).min(self.capacity());
        if excess > 0 {
            self.begin_with_a_line();
        }
    }

    /// Forgets everything.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// Copies what stands at `offset` from the oldest byte kept; returns how many bytes, 0 past the end.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let (first, second) = self.halves();
        let rest = offset.saturating_sub(first.len());
        let first = first.get(offset..).unwrap_or_default();
        let second = second.get(rest..).unwrap_or_default();
        let bytes = first.iter().chain(second);
        into.iter_mut().zip(bytes).map(|(to, from)| *to = *from).count()
    }

    /// What is kept, oldest first, in two pieces.
    #[must_use]
    pub fn halves(&self) -> (&[u8], &[u8]) {
        let storage = self.storage.as_ref();
        let first = storage.len().saturating_sub(self.start).min(self.length);
        let end = self.start.saturating_add(first);
        let rest = self.length.saturating_sub(first);
        (storage.get(self.start..end).unwrap_or_default(), storage.get(..rest).unwrap_or_default())
    }

    /// Drops old bytes until `wanted` more fit.
    fn make_room(&mut self, wanted: usize) {
        let room = self.capacity().saturating_sub(self.length);
        let least = wanted.saturating_sub(room);
        if least > 0 {
            self.forget(self.line_end_from(least.saturating_sub(1)).unwrap_or(least));
        }
    }

    /// After a push longer than the ring: what is left of the line cut in two goes as well.
    fn begin_with_a_line(&mut self) {
        if let Some(end) = self.line_end_from(0).filter(|&end| end < self.length) {
            self.forget(end);
        }
    }

    /// Offset just behind the first line end at or after `offset`.
    fn line_end_from(&self, offset: usize) -> Option<usize> {
        let (first, second) = self.halves();
        let mut bytes = first.iter().chain(second).skip(offset);
        let distance = bytes.position(|&byte| byte == b'\n')?;
        offset.checked_add(distance)?.checked_add(1)
    }

    fn forget(&mut self, count: usize) {
        self.start = self.place(count.min(self.length));
        self.length = self.length.saturating_sub(count);
    }

    /// Where in the storage the byte at `offset` lies.
    fn place(&self, offset: usize) -> usize {
        self.start.saturating_add(offset).checked_rem(self.capacity()).unwrap_or(0)
    }

    /// Writes at a place of the storage and goes on at its start.
    fn write_at(&mut self, place: usize, bytes: &[u8]) {
        let storage = self.storage.as_mut();
        let (front, back) = storage.split_at_mut(place.min(storage.len()));
        let (now, later) = bytes.split_at(bytes.len().min(back.len()));
        for (to, from) in [(back, now), (front, later)] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

#[cfg(test)]
mod tests;
