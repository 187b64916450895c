//! The server's end: takes requests, completes them in any order.

use crate::end::{End, Role};
use crate::{Head, Message, Refused, Ring, SharedMemory};
use abi::channel::{CLIENT_AREA, INLINE, PARTED, SERVER_AREA};

/// The server's end of a channel.
pub type ServerEnd<M> = End<M, Serving>;

/// What only a server keeps.
#[derive(Debug)]
pub struct Serving {
    /// The epoch that the information pages named last.
    told: u32,
}

impl Role for Serving {
    const OWN: usize = SERVER_AREA;
    const PEER: usize = CLIENT_AREA;
    const OUT: Ring = Ring::Completions;
    const INCOMING: Ring = Ring::Requests;

    fn new() -> Self {
        Self { told: 0 }
    }
}

impl<M: SharedMemory> ServerEnd<M> {
    /// The information pages name this epoch. It is taken over once the client has set itself up for it; requests of
    /// earlier ones need no answer.
    pub fn set_epoch(&mut self, epoch: u32) {
        self.books.told = epoch;
    }

    /// The client is gone: this end lets go of the channel for good. Who holds the end drops it.
    pub fn part(&mut self) {
        self.set_epoch(0);
        self.leave(PARTED);
    }

    /// The epoch this end was told of last, 0 for none.
    #[must_use]
    pub const fn told(&self) -> u32 {
        self.books.told
    }

    /// Requests taken and not completed.
    #[must_use]
    #[inline]
    pub const fn open(&self) -> u32 {
        self.ahead()
    }

    #[inline]
    fn due_for_new_epoch(&self) -> bool {
        self.books.told != self.epoch() && self.peer_epoch() == self.books.told
    }

    /// Requests that can be taken. An honest client never has more open than a ring holds, completions it did not take included.
    fn waiting(&mut self) -> u32 {
        self.available(self.entries().saturating_sub(self.open()))
    }

    /// Takes the next request into `message`; returns the epoch it belongs to.
    #[inline(always)]
    pub fn take(&mut self, message: &mut Message) -> Option<u32> {
        if self.books.told == self.epoch() && self.at_hand() != 0 {
            return self.take_one(message);
        }
        self.look_and_take(message)
    }

    #[inline(never)]
    fn look_and_take(&mut self, message: &mut Message) -> Option<u32> {
        if self.due_for_new_epoch() {
            self.restart(self.books.told);
        }
        if self.waiting() == 0 { None } else { self.take_one(message) }
    }

    #[inline(always)]
    fn take_one(&mut self, message: &mut Message) -> Option<u32> {
        if self.take_next(message) { Some(self.epoch()) } else { self.accuse() }
    }

    /// Publishes the completion of the request `id` taken in `epoch`; [`End::notify`] must follow, once for any number.
    ///
    /// # Errors
    /// [`Refused::Epoch`] if the client was restarted since, [`Refused::NothingOpen`] for one completion too many,
    /// [`Refused::TooLong`].
    #[inline(always)]
    pub fn complete(
        &mut self,
        epoch: u32,
        id: u64,
        code: u16,
        payload: &[u8],
    ) -> Result<(), Refused> {
        // Before the first epoch nothing is open.
        if epoch != self.epoch() || self.due_for_new_epoch() {
            return Err(Refused::Epoch);
        }
        if self.open() == 0 {
            return Err(Refused::NothingOpen);
        }
        if payload.len() > INLINE {
            return Err(Refused::TooLong);
        }
        self.put(id, Head::new(code), payload);
        Ok(())
    }

    /// About to sleep. True if there is something to take after all.
    pub fn arm(&mut self) -> bool {
        self.set_armed();
        self.ready()
    }

    /// Whether there is something to take, or a new epoch to take over.
    #[must_use]
    pub fn ready(&mut self) -> bool {
        self.due_for_new_epoch() || self.waiting() != 0
    }
}
