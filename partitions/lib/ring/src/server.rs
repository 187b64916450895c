//! The server's end: takes requests, completes them in any order.

use crate::side::Side;
use crate::{Doorbell, Geometry, Message, Refused, SharedMemory};

/// The server's end of a channel.
#[derive(Debug)]
pub struct ServerEnd<M> {
    side: Side<M, false>,
    told: u32,
}

impl<M: SharedMemory> ServerEnd<M> {
    /// An end that has no peer yet.
    #[must_use]
    pub fn new(memory: M, geometry: Geometry) -> Self {
        Self { side: Side::new(memory, geometry), told: 0 }
    }

    /// The information pages name this epoch. It is taken over once the client has set itself up for it.
    pub fn set_epoch(&mut self, epoch: u32) {
        self.told = epoch;
    }

    /// The epoch this end was told of last, 0 for none.
    #[must_use]
    pub const fn told(&self) -> u32 {
        self.told
    }

    /// The epoch in which requests are taken now, 0 for none. Requests of earlier ones need no answer.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.side.epoch
    }

    /// Whether the client broke the rules in this epoch.
    #[must_use]
    pub const fn broken(&self) -> bool {
        self.side.broken
    }

    /// Requests taken and not completed.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.side.consumed.wrapping_sub(self.side.produced)
    }

    fn due_for_new_epoch(&self) -> bool {
        self.told != self.side.epoch && self.side.peer_epoch() == self.told
    }

    /// Takes the next request into `message`; returns the epoch it belongs to.
    pub fn take(&mut self, message: &mut Message) -> Option<u32> {
        if self.due_for_new_epoch() {
            self.side.restart(self.told);
        }
        let available = self.side.available();
        // An honest client never has more open than a ring holds, completions it did not take included.
        if available > self.side.geometry.entries().saturating_sub(self.open()) {
            self.side.accuse();
            return None;
        }
        if available == 0 {
            return None;
        }
        if !self.side.take(message) {
            self.side.accuse();
            return None;
        }
        Some(self.side.epoch)
    }

    /// Publishes the completion of a request taken in `epoch`; [`ServerEnd::notify`] must follow, once for any number.
    ///
    /// # Errors
    /// [`Refused::Epoch`] if the client was restarted since, [`Refused::NothingOpen`] for one completion too many.
    pub fn complete(&mut self, epoch: u32, message: &Message) -> Result<(), Refused> {
        if epoch != self.side.epoch || epoch == 0 || self.due_for_new_epoch() {
            return Err(Refused::Epoch);
        }
        if self.open() == 0 {
            return Err(Refused::NothingOpen);
        }
        self.side.put(message.id, message);
        Ok(())
    }

    /// Whether the client's doorbell is due for what was completed.
    pub fn notify(&mut self) -> Doorbell {
        self.side.notify()
    }

    /// About to sleep. True if there is something to take after all.
    pub fn arm(&mut self) -> bool {
        self.side.arm();
        self.ready()
    }

    /// Whether there is something to take, or a new epoch to take over.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.due_for_new_epoch() || self.side.available() != 0
    }

    /// Whether this end was armed and not disarmed since.
    #[must_use]
    pub const fn armed(&self) -> bool {
        self.side.arming.armed()
    }

    /// Awake.
    pub fn disarm(&mut self) {
        self.side.disarm();
    }

    /// Copies out of the data area, from `offset` in it; false if that is not inside.
    pub fn read_data(&self, offset: usize, to: &mut [u8]) -> bool {
        self.side.read_data(offset, to)
    }

    /// Copies into the data area; false if that is not inside.
    pub fn write_data(&self, offset: usize, from: &[u8]) -> bool {
        self.side.write_data(offset, from)
    }

    /// Bytes of the data area.
    #[must_use]
    pub const fn data_length(&self) -> usize {
        self.side.geometry.data_length()
    }
}
