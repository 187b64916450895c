//! Copies of idempotent requests, kept until they are answered: the ring is the server's to overwrite.

use crate::end::End;
use crate::signal::Source;
use arrayvec::ArrayVec;
use ring::Message;

/// Most idempotent requests open at a time, over all channels.
pub const SAVED: usize = 16;

/// The copies.
#[derive(Default)]
pub(crate) struct Saved(ArrayVec<(Source, Message), SAVED>);

impl Saved {
    /// Makes room for one more, if it can: those that were answered meanwhile, or given up, need no copy any more.
    pub fn make_room(&mut self, mut is_open: impl FnMut(Source, u64) -> bool) -> bool {
        if self.0.is_full() {
            self.0.retain(|(source, message)| is_open(*source, message.id));
        }
        !self.0.is_full()
    }

    /// Keeps a copy; there must be room.
    pub fn keep(&mut self, source: Source, message: Message) {
        // The caller made room before it sent.
        let _ = self.0.try_push((source, message));
    }

    /// The server was restarted: sends what it never answered once more.
    pub fn repeat(&mut self, source: Source, end: &mut End) {
        self.0.retain(|(from, message)| *from != source || end.send_again(message));
    }
}
