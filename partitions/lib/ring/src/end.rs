//! An end of a channel: what both ends have in common, memory, layout, doorbells and the words of the two areas.

use crate::arming::Arming;
use crate::message::{self, ID, low32};
use crate::{Doorbell, Entry, Head, Message, Ring, SharedMemory};
use abi::channel::{NO_VERSION, word};
use core::sync::atomic::Ordering;

/// The last number of an epoch.
const EPOCH_END: u64 = 0xffff_ffff;

/// Which end it is, known when it is compiled, with the books that only this end keeps.
pub trait Role {
    /// Offset of the area this end writes.
    const OWN: usize;
    /// Offset of the area the peer writes.
    const PEER: usize;

    /// The ring this end writes.
    const OUT: Ring;
    /// The ring the peer writes.
    const INCOMING: Ring;

    /// The books of an end without a peer.
    fn new() -> Self;

    /// The peer speaks another version: nothing comes of what is open.
    fn give_up(&mut self) {}
}

/// An end of a channel, [`ClientEnd`](crate::ClientEnd) or [`ServerEnd`](crate::ServerEnd).
#[derive(Debug)]
pub struct End<M, R> {
    memory: M,
    arming: Arming,
    epoch: u32,
    /// Entries written in this epoch, in its low half; the high half counts epochs.
    produced: u64,
    /// Entries taken.
    consumed: u32,
    /// Entries the peer had written when its word was read last; it is read again when they are used up.
    seen: u32,
    broken: bool,
    /// Nothing is taken: the peer broke the rules, or it was not seen yet that it speaks the same version.
    shut: bool,
    /// The version of the messages in this epoch, and in the next one.
    version: u32,
    /// The peer speaks another one in this epoch.
    discord: bool,
    pub(crate) books: R,
}

impl<M: SharedMemory, R: Role> End<M, R> {
    /// An end that has no peer yet.
    #[must_use]
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            arming: Arming::default(),
            epoch: 0,
            produced: 0,
            consumed: 0,
            seen: 0,
            broken: false,
            shut: true,
            version: 1,
            discord: false,
            books: R::new(),
        }
    }

    /// The epoch this end has set itself up for, 0 for none.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether the peer broke the rules in this epoch; nothing is taken before the next one.
    #[must_use]
    pub const fn broken(&self) -> bool {
        self.broken
    }

    /// Says which version of the messages this end speaks from the next epoch on; [`NO_VERSION`]: none that the peer does.
    pub const fn set_version(&mut self, version: u32) {
        self.version = version;
    }

    /// Whether the ends speak no version in common in this epoch: there is no peer then before the next one.
    #[must_use]
    pub const fn discord(&self) -> bool {
        self.discord
    }

    /// Whether [`End::notify`] is worth a call after what was published.
    #[must_use]
    #[inline]
    pub fn peer_sleeps(&self) -> bool {
        Arming::peer_sleeps(&self.memory, R::PEER)
    }

    /// Whether the peer's doorbell is due for what was published.
    pub fn notify(&mut self) -> Doorbell {
        self.arming.due(&self.memory, R::OWN, R::PEER)
    }

    /// How often the peer's doorbell was due in the life of this end; a statistic.
    #[must_use]
    pub const fn rung(&self) -> u32 {
        self.arming.rung()
    }

    /// Whether this end was armed and not disarmed since.
    #[must_use]
    pub const fn armed(&self) -> bool {
        self.arming.armed()
    }

    /// Awake.
    pub fn disarm(&mut self) {
        self.arming.disarm(&self.memory, R::OWN);
    }

    /// About to sleep; the caller looks once more.
    pub(crate) fn set_armed(&mut self) {
        self.arming.arm(&self.memory, R::OWN);
    }

    /// Copies out of the data area, from `offset` in it; false if that is not inside.
    pub fn read_data(&self, offset: usize, to: &mut [u8]) -> bool {
        let inside = self.place_of_data(offset, to.len());
        if let Some(place) = inside {
            self.memory.read_data(place, to);
        }
        inside.is_some()
    }

    /// Copies into the data area; false if that is not inside.
    pub fn write_data(&self, offset: usize, from: &[u8]) -> bool {
        let inside = self.place_of_data(offset, from.len());
        if let Some(place) = inside {
            self.memory.write_data(place, from);
        }
        inside.is_some()
    }

    /// Bytes of the data area.
    #[must_use]
    pub fn data_length(&self) -> usize {
        self.memory.geometry().data_length()
    }

    fn place_of_data(&self, offset: usize, length: usize) -> Option<usize> {
        let end = offset.checked_add(length)?;
        (end <= self.data_length()).then(|| self.memory.geometry().data().wrapping_add(offset))
    }

    #[inline]
    fn load(&self, offset: usize) -> u32 {
        self.memory.load(R::PEER.wrapping_add(offset), Ordering::Acquire)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32) {
        self.memory.store(R::OWN.wrapping_add(offset), value, Ordering::Release);
    }

    /// The epoch the peer has set itself up for.
    #[inline]
    pub(crate) fn peer_epoch(&self) -> u32 {
        self.load(word::EPOCH)
    }

    /// Forgets everything and sets this end up for `epoch`.
    pub(crate) fn restart(&mut self, epoch: u32) {
        (self.epoch, self.consumed, self.seen) = (epoch, 0, 0);
        self.produced = (self.produced | EPOCH_END).wrapping_add(1);
        (self.broken, self.shut, self.discord) = (false, true, false);
        self.arming.forget_peer();
        for offset in [word::PRODUCED, word::CONSUMED, word::ARMED] {
            self.store(offset, 0);
        }
        self.store(word::VERSION, self.version);
        self.store(word::EPOCH, epoch);
        if self.version == NO_VERSION {
            self.disagree();
        }
        // Whoever sees an entry of this epoch in a ring sees the epoch.
        self.memory.fence(Ordering::Release);
    }

    /// Says in place of an epoch that this end is in none any more, after everything else it did.
    pub(crate) fn leave(&mut self, word: u32) {
        self.epoch = 0;
        self.memory.fence(Ordering::SeqCst);
        self.store(word::EPOCH, word);
    }

    /// A number that the next entry has and no other of this end ever had.
    #[inline]
    pub(crate) const fn serial(&self) -> u64 {
        self.produced
    }

    /// Entries of each ring.
    #[inline]
    pub(crate) fn entries(&self) -> u32 {
        self.memory.geometry().entries()
    }

    /// By how many entries what was taken is ahead of what was written.
    #[inline]
    pub(crate) const fn ahead(&self) -> u32 {
        self.consumed.wrapping_sub(low32(self.produced))
    }

    /// Entries that can be taken without asking the peer for more.
    #[must_use]
    #[inline]
    pub const fn at_hand(&self) -> u32 {
        self.seen.wrapping_sub(self.consumed)
    }

    /// Entries that can be taken. The peer is asked only when those it had at the last time are used up; if it
    /// claims more than `most` it is broken.
    pub(crate) fn available(&mut self, most: u32) -> u32 {
        match self.at_hand() {
            0 => self.look(most),
            at_hand => at_hand,
        }
    }

    fn look(&mut self, most: u32) -> u32 {
        if self.shut && !self.admit() || self.epoch == 0 || self.peer_epoch() != self.epoch {
            return 0;
        }
        // Nobody waits for single places, so that they are given back together.
        self.store(word::CONSUMED, self.consumed);
        let produced = self.load(word::PRODUCED);
        let available = produced.wrapping_sub(self.consumed);
        if available > most {
            return self.accuse().unwrap_or(0);
        }
        self.seen = produced;
        available
    }

    /// Looks for the first time in an epoch whether the peer speaks the same version; whether anything may be taken from it.
    #[cold]
    #[inline(never)]
    fn admit(&mut self) -> bool {
        if self.broken || self.discord || self.epoch == 0 || self.peer_epoch() != self.epoch {
            return false;
        }
        let spoken = self.load(word::VERSION).max(1);
        if spoken == self.version {
            self.shut = false;
        } else {
            self.disagree();
        }
        !self.shut
    }

    #[cold]
    fn disagree(&mut self) {
        self.discord = true;
        self.books.give_up();
    }

    /// Marks the peer as broken, unless it has only begun another epoch in the meantime. What that made fail comes to nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn accuse<T>(&mut self) -> Option<T> {
        self.broken = self.peer_epoch() == self.epoch;
        self.shut |= self.broken;
        self.seen = self.consumed;
        None
    }

    /// The id of the next entry.
    pub(crate) fn next_id(&self) -> u64 {
        self.memory.entry(R::INCOMING, self.consumed).get(ID)
    }

    /// Passes over the next entry.
    #[inline]
    pub(crate) fn skip(&mut self) {
        self.consumed = self.consumed.wrapping_add(1);
    }

    /// Copies the next entry, which is at hand, out; false if the entry is impossible or its epoch is over, of which the
    /// peer is to be accused.
    #[inline(always)]
    pub(crate) fn take_next(&mut self, message: &mut Message) -> bool {
        let sound = message.read(self.memory.entry(R::INCOMING, self.consumed));
        // The copy counts only if the peer was in this epoch all the while.
        self.memory.fence(Ordering::Acquire);
        self.skip();
        sound && self.peer_epoch() == self.epoch
    }

    /// Writes the next entry and publishes it.
    #[inline(always)]
    pub(crate) fn put(&mut self, id: u64, head: Head, payload: &[u8]) {
        message::write(self.memory.entry(R::OUT, low32(self.produced)), id, head, payload);
        self.produced = self.produced.wrapping_add(1);
        self.store(word::PRODUCED, low32(self.produced));
    }
}
