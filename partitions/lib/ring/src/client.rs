//! The client's end: sends requests, takes completions in whatever order they come.

use crate::end::{End, Role};
use crate::{Doorbell, Head, Message, Refused, Ring, SharedMemory};
use abi::channel::{CLIENT_AREA, INLINE, SERVER_AREA};
use core::num::NonZeroU64;

/// Most requests of one client that can be open at a time, whatever the size of its rings.
pub const OUTSTANDING: usize = 64;
/// The same as ids have it: what is below it in an id is the request's place.
const MOST: u64 = 1 << OUTSTANDING.trailing_zeros();
// A place is a bit of a word.
const _: () = assert!(OUTSTANDING.is_power_of_two() && MOST == 64);

/// How a request came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The server completed it; the message is its completion.
    Completed,
    /// The epoch changed first; only the message's id means something.
    Lost,
}

/// The client's end of a channel.
pub type ClientEnd<M> = End<M, Asking>;

/// What only a client keeps: the places of its requests, as sets of bits.
#[derive(Debug)]
pub struct Asking {
    /// Nothing is there.
    free: u64,
    /// Not answered in the epoch before. What is neither free nor lost is open.
    lost: u64,
    /// Of those open, the ones nobody waits for.
    forgotten: u64,
    /// Every place: as many as a ring has entries, none while there is no peer.
    all: u64,
    /// The id of what was last in each place: itself while it is open and somebody waits for it, else its complement, so
    /// that one comparison tells. No complement names the place it is in.
    ids: [u64; OUTSTANDING],
}

impl Role for Asking {
    const OWN: usize = CLIENT_AREA;
    const PEER: usize = SERVER_AREA;
    const OUT: Ring = Ring::Requests;
    const INCOMING: Ring = Ring::Completions;

    fn new() -> Self {
        let mut ids = [u64::MAX; OUTSTANDING];
        ids.iter_mut().zip(0..).for_each(|(id, place)| *id ^= place);
        Self { free: 0, lost: 0, forgotten: 0, all: 0, ids }
    }

    fn give_up(&mut self) {
        self.lose(0);
    }
}

impl Asking {
    /// Open requests that somebody waits for.
    const fn awaited(&self) -> u64 {
        self.all & !(self.free | self.lost | self.forgotten)
    }

    /// Opens a request, the one with this number; its id, or `None` where there is no room.
    #[inline(always)]
    fn open(&mut self, serial: u64) -> Option<u64> {
        let place = NonZeroU64::new(self.free)?.trailing_zeros();
        self.free &= self.free.wrapping_sub(1);
        let id = serial.wrapping_mul(MOST) | u64::from(place);
        *self.ids.get_mut(usize::try_from(place).ok()?)? = id;
        Some(id)
    }

    /// Whether somebody waits for this open request.
    #[inline]
    fn awaits(&self, id: u64) -> bool {
        self.ids[index(id)] == id
    }

    /// Whether this request, which is none of those, is in a set.
    fn is_in(&self, set: u64, id: u64) -> bool {
        self.ids[index(id)] == !id && set & bit(id) != 0
    }

    /// Ends an open request that somebody waits for.
    #[inline(always)]
    fn close(&mut self, id: u64) {
        self.ids[index(id)] = !id;
        self.free |= bit(id);
    }

    /// Ends an open request that nobody waits for. If it is not open the server invented it.
    fn close_forgotten(&mut self, id: u64) {
        if self.is_in(self.forgotten, id) {
            self.forgotten &= !bit(id);
            self.free |= bit(id);
        }
    }

    /// Nobody waits for this request any more.
    fn forget(&mut self, id: u64) {
        if self.awaits(id) {
            self.ids[index(id)] = !id;
            self.forgotten |= bit(id);
        } else if self.is_in(self.lost, id) {
            self.lost &= !bit(id);
            self.free |= bit(id) & self.all;
        }
    }

    /// What is open and awaited is lost; there are `count` places now.
    fn lose(&mut self, count: u32) {
        let lost = self.awaited();
        for (id, place) in self.ids.iter_mut().zip(0..) {
            if lost & bit(place) != 0 {
                *id = !*id;
            }
        }
        self.lost |= lost;
        self.all = match count {
            0 => 0,
            _ => u64::MAX.wrapping_shr(u64::BITS.saturating_sub(count)),
        };
        self.free = self.all & !self.lost;
        self.forgotten = 0;
    }

    /// Opens a lost request again; false if it is not lost.
    fn reopen(&mut self, id: u64) -> bool {
        let lost = self.is_in(self.lost & self.all, id);
        if lost {
            self.lost &= !bit(id);
            self.ids[index(id)] = id;
        }
        lost
    }

    /// The id of a lost request, which is forgotten by that.
    fn take_lost(&mut self) -> u64 {
        let id = !self.ids[index(self.lost.trailing_zeros().into())];
        self.forget(id);
        id
    }
}

impl<M: SharedMemory> ClientEnd<M> {
    /// Takes over a new epoch: what is open is lost (and taken as such), the server may be waiting for this.
    pub fn set_epoch(&mut self, epoch: u32) -> Doorbell {
        if epoch == self.epoch() {
            return Doorbell::Quiet;
        }
        self.books.lose(if epoch == 0 { 0 } else { self.entries() });
        self.restart(epoch);
        self.notify()
    }

    /// Requests that somebody still waits for, completed or lost.
    #[must_use]
    pub const fn awaited(&self) -> bool {
        self.books.awaited() | self.books.lost != 0
    }

    /// Whether somebody waits for this request, completed or lost.
    #[must_use]
    pub fn awaits(&self, id: u64) -> bool {
        self.books.awaits(id) || self.books.is_in(self.books.lost, id)
    }

    /// How many more requests can be sent now.
    #[must_use]
    #[inline]
    pub const fn room(&self) -> u32 {
        self.books.free.count_ones()
    }

    /// Publishes a request; [`End::notify`] must follow, once for any number of them. Returns its id.
    ///
    /// # Errors
    /// [`Refused::TooLong`], [`Refused::Full`] or [`Refused::Epoch`].
    #[inline(always)]
    pub fn send(&mut self, head: Head, payload: &[u8]) -> Result<u64, Refused> {
        if payload.len() > INLINE {
            return Err(Refused::TooLong);
        }
        let Some(id) = self.books.open(self.serial()) else {
            return Err(if self.epoch() == 0 { Refused::Epoch } else { Refused::Full });
        };
        self.put(id, head, payload);
        Ok(id)
    }

    /// Sends a lost request again, under the id it had; false if it is not lost.
    pub fn send_again(&mut self, message: &Message) -> bool {
        let lost = self.books.reopen(message.id);
        if lost {
            self.put(message.id, message.head, message.bytes());
        }
        lost
    }

    /// Nobody waits for this request any more: its completion will be dropped.
    pub fn forget(&mut self, id: u64) {
        self.books.forget(id);
    }

    /// Completions that can be taken.
    fn waiting(&mut self) -> u32 {
        self.available(self.entries())
    }

    /// Takes the next completion or lost request into `message`.
    #[inline(always)]
    pub fn take(&mut self, message: &mut Message) -> Option<Taken> {
        // Nothing is at hand while there are lost ones.
        if self.at_hand() == 0 {
            return self.look_and_take(message);
        }
        let sound = self.take_next(message);
        if !sound || !self.books.awaits(message.id) {
            return self.take_after(sound, message);
        }
        self.books.close(message.id);
        Some(Taken::Completed)
    }

    #[inline(never)]
    fn look_and_take(&mut self, message: &mut Message) -> Option<Taken> {
        // Looking may find that all is lost, as the server speaks another version.
        let nothing = self.books.lost != 0 || self.waiting() == 0;
        if self.books.lost != 0 {
            message.id = self.books.take_lost();
            return Some(Taken::Lost);
        }
        if nothing {
            return None;
        }
        let sound = self.take_next(message);
        self.take_after(sound, message)
    }

    /// What an entry that was taken comes to. One that nobody waits for is dropped, and the next one taken.
    #[inline(never)]
    fn take_after(&mut self, mut sound: bool, message: &mut Message) -> Option<Taken> {
        loop {
            if !sound {
                return self.accuse();
            }
            if self.books.awaits(message.id) {
                self.books.close(message.id);
                return Some(Taken::Completed);
            }
            self.books.close_forgotten(message.id);
            if self.at_hand() == 0 {
                return None;
            }
            sound = self.take_next(message);
        }
    }

    /// About to sleep. True if there is something to take after all.
    pub fn arm(&mut self) -> bool {
        self.set_armed();
        self.ready()
    }

    /// Whether there is something to take. Completions that nobody waits for are passed over here, which makes room,
    /// once everything lost was taken.
    #[must_use]
    pub fn ready(&mut self) -> bool {
        if self.books.lost != 0 {
            return true;
        }
        for _ in 0..self.waiting() {
            let id = self.next_id();
            if self.books.awaits(id) {
                return true;
            }
            self.skip();
            self.books.close_forgotten(id);
        }
        self.waiting() != 0
    }
}

/// The place of a request among all.
#[inline]
#[expect(clippy::as_conversions, reason = "six bits of it")]
const fn index(id: u64) -> usize {
    (id % MOST) as usize
}

/// That place as a bit.
#[inline]
#[expect(clippy::as_conversions, reason = "six bits of it")]
const fn bit(id: u64) -> u64 {
    1_u64.wrapping_shl((id % MOST) as u32)
}
