//! The client's end: sends requests, takes completions in whatever order they come.

use crate::side::Side;
use crate::{Doorbell, Geometry, Message, Refused, SharedMemory};

/// Most requests of one client that can be open at a time, whatever the size of its rings.
pub const OUTSTANDING: usize = 64;
/// Bits of an id that say which of the open requests it is.
const PLACE: u64 = 63;
/// [`OUTSTANDING`] as the count of entries has it.
const MOST: u32 = u64::BITS;
const _: () =
    assert!(OUTSTANDING.count_ones() == 1 && OUTSTANDING.trailing_zeros() == MOST.trailing_zeros());

/// How a request came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The server completed it; the message is its completion.
    Completed,
    /// The epoch changed first; only the message's id means something.
    Lost,
}

/// The client's end of a channel.
#[derive(Debug)]
pub struct ClientEnd<M> {
    side: Side<M, true>,
    serial: u64,
    /// Requests in `open` or `lost`.
    count: u32,
    open: u64,
    lost: u64,
    forgotten: u64,
    ids: [u64; OUTSTANDING],
}

impl<M: SharedMemory> ClientEnd<M> {
    /// An end that has no peer yet.
    #[must_use]
    pub fn new(memory: M, geometry: Geometry) -> Self {
        Self {
            side: Side::new(memory, geometry),
            serial: 0,
            count: 0,
            open: 0,
            lost: 0,
            forgotten: 0,
            ids: [0; OUTSTANDING],
        }
    }

    /// Takes over a new epoch: what is open is lost (and taken as such), the server may be waiting for this.
    pub fn set_epoch(&mut self, epoch: u32) -> Doorbell {
        if epoch == self.side.epoch {
            return Doorbell::Quiet;
        }
        self.lost |= self.open & !self.forgotten;
        self.count = self.lost.count_ones();
        self.open = 0;
        self.forgotten = 0;
        self.side.restart(epoch);
        self.side.notify()
    }

    /// The epoch this end has set itself up for, 0 for none.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.side.epoch
    }

    /// Whether the server broke the rules in this epoch.
    #[must_use]
    pub const fn broken(&self) -> bool {
        self.side.broken
    }

    /// Requests that somebody still waits for, completed or lost.
    #[must_use]
    pub const fn awaited(&self) -> bool {
        (self.open & !self.forgotten) | self.lost != 0
    }

    /// How many more requests can be sent now.
    #[must_use]
    pub fn room(&self) -> u32 {
        let most = self.side.geometry.entries().min(MOST);
        if self.side.epoch == 0 { 0 } else { most.saturating_sub(self.count) }
    }

    /// Publishes a request; [`ClientEnd::notify`] must follow, once for any number of them. Returns its id.
    ///
    /// # Errors
    /// [`Refused::Full`] or [`Refused::Epoch`].
    pub fn send(&mut self, message: &Message) -> Result<u64, Refused> {
        if self.side.epoch == 0 {
            return Err(Refused::Epoch);
        }
        if self.room() == 0 {
            return Err(Refused::Full);
        }
        let place = (self.open | self.lost).trailing_ones();
        self.serial = self.serial.wrapping_add(1);
        self.count = self.count.wrapping_add(1);
        let id = self.serial.wrapping_mul(64) | u64::from(place);
        self.publish(id, message);
        Ok(id)
    }

    fn publish(&mut self, id: u64, message: &Message) {
        self.open |= bit(id);
        if let Some(slot) = self.ids.get_mut(place(id)) {
            *slot = id;
        }
        self.side.put(id, message);
    }

    /// Sends a lost request again under its old id; false if it is not lost.
    pub fn send_again(&mut self, id: u64, message: &Message) -> bool {
        let lost = self.side.epoch != 0 && self.lost & bit(id) != 0 && self.is(id);
        if lost {
            self.lost &= !bit(id);
            self.publish(id, message);
        }
        lost
    }

    /// Nobody waits for this request any more: its completion will be dropped.
    pub fn forget(&mut self, id: u64) {
        if self.is(id) {
            self.unlose(id);
            self.forgotten |= bit(id) & self.open;
        }
    }

    /// A lost request was told of, or nobody asks for it.
    fn unlose(&mut self, id: u64) {
        if self.lost & bit(id) != 0 {
            self.lost &= !bit(id);
            self.count = self.count.wrapping_sub(1);
        }
    }

    /// The id of a lost request, which stays lost.
    fn first_lost(&self) -> Option<u64> {
        let place = usize::try_from(self.lost.trailing_zeros()).ok()?;
        self.ids.get(place).copied()
    }

    /// Whether the server's doorbell is due for what was sent.
    pub fn notify(&mut self) -> Doorbell {
        self.side.notify()
    }

    /// Takes the next completion or lost request into `message`.
    pub fn take(&mut self, message: &mut Message) -> Option<Taken> {
        if let Some(id) = self.first_lost() {
            self.unlose(id);
            message.id = id;
            return Some(Taken::Lost);
        }
        let available = self.side.available();
        if available > self.side.geometry.entries() {
            self.side.accuse();
            return None;
        }
        // Those that nobody waits for are passed over, but no more than are there now.
        for _ in 0..available {
            if !self.side.take(message) {
                self.side.accuse();
                return None;
            }
            if self.close(message.id) {
                return Some(Taken::Completed);
            }
        }
        None
    }

    /// Ends an open request; true if somebody waited for it. An id that is not open was invented by the server.
    fn close(&mut self, id: u64) -> bool {
        if self.open & bit(id) == 0 || !self.is(id) {
            return false;
        }
        let awaited = self.forgotten & bit(id) == 0;
        self.open &= !bit(id);
        self.forgotten &= !bit(id);
        self.count = self.count.wrapping_sub(1);
        awaited
    }

    fn is(&self, id: u64) -> bool {
        self.ids.get(place(id)) == Some(&id)
    }

    /// About to sleep. True if there is something to take after all.
    pub fn arm(&mut self) -> bool {
        self.side.arm();
        self.ready()
    }

    /// Whether there is something to take. Completions that nobody waits for are passed over here, which makes room.
    #[must_use]
    pub fn ready(&mut self) -> bool {
        let most = self.side.geometry.entries();
        for _ in 0..self.side.available().min(most) {
            let id = self.side.next_id();
            if self.awaits(id) {
                break;
            }
            self.side.skip();
            self.close(id);
        }
        self.lost != 0 || self.side.available() != 0
    }

    fn awaits(&self, id: u64) -> bool {
        self.open & !self.forgotten & bit(id) != 0 && self.is(id)
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

/// The place of a request among the open ones.
fn place(id: u64) -> usize {
    usize::try_from(id & PLACE).unwrap_or(0)
}

/// That place as a bit.
fn bit(id: u64) -> u64 {
    1_u64.rotate_left(u32::try_from(id & PLACE).unwrap_or(0))
}
