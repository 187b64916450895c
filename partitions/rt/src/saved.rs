//! Copies of idempotent requests, kept until they are answered: the ring is the server's to overwrite.

use crate::end::End;
use crate::signal::Source;
use arrayvec::ArrayVec;
use ring::Message;

/// Most idempotent requests open at a time, over all channels.
pub const SAVED: usize = 16;

/// The copies.
#[derive(Default)]
pub(crate) struct Saved(ArrayVec<(Source, u64, Message), SAVED>);

impl Saved {
    /// Whether there is no room for one more.
    pub fn full(&self) -> bool {
        self.0.is_full()
    }

    /// Keeps a copy; there must be room.
    pub fn keep(&mut self, source: Source, id: u64, message: &Message) {
        // The caller asked for room before it sent.
        let _ = self.0.try_push((source, id, *message));
    }

    /// The request was answered or given up.
    pub fn drop(&mut self, source: Source, id: u64) {
        self.0.retain(|(from, one, _)| (*from, *one) != (source, id));
    }

    /// The server was restarted: sends what it never answered once more.
    pub fn repeat(&mut self, source: Source, end: &mut End) {
        self.0.retain(|(from, id, message)| *from != source || end.send_again(*id, message));
    }
}
