//! Which memory: in one piece, near the processor, the smallest that fits, large pages on their boundaries.

/// Frames of the owner map's second scale: 4 MiB, which one entry describes and large pages map.
const LARGE: u64 = 1024;

/// Free frames in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// The first frame.
    pub start: u64,
    /// How many.
    pub count: u64,
}

impl Run {
    /// One past the last frame.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.start.saturating_add(self.count)
    }

    /// The part of it that lies in another.
    #[must_use]
    pub fn within(&self, other: Self) -> Self {
        let start = self.start.max(other.start);
        let end = self.end().min(other.end());
        Self { start, count: end.saturating_sub(start) }
    }

    /// The first place of `count` frames in it that starts on a multiple of `align`.
    fn place(&self, count: u64, align: u64) -> Option<u64> {
        let start = self.start.checked_next_multiple_of(align)?;
        let fits = start.checked_add(count)? <= self.end();
        fits.then_some(start)
    }
}

/// Where `count` frames go: in the smallest run that has room for them, the lowest of several. A `large` area, of
/// 4 MiB or more, begins on a multiple of 4 MiB if there is such room.
#[must_use]
pub fn room_for(free: impl Iterator<Item = Run> + Clone, count: u64, large: u64) -> Option<u64> {
    let aligned = if large >= LARGE { best(free.clone(), count, LARGE) } else { None };
    aligned.or_else(|| best(free, count, 1))
}

fn best(free: impl Iterator<Item = Run>, count: u64, align: u64) -> Option<u64> {
    let places = free.filter_map(|run| Some((run.count, run.place(count, align)?)));
    places.min().map(|(_, start)| start)
}
