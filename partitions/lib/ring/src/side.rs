//! What both ends have in common: memory, layout, doorbells, and the words of the two areas.

use crate::arming::Arming;
use crate::{Doorbell, Geometry, Message, SharedMemory};
use abi::channel::{CLIENT_AREA, SERVER_AREA, word};
use core::sync::atomic::Ordering;

/// One end's view of the channel; which end is known when it is compiled.
#[derive(Debug)]
pub(crate) struct Side<M, const CLIENT: bool> {
    pub memory: M,
    pub geometry: Geometry,
    pub arming: Arming,
    /// Epoch this side has set itself up for, 0 for none.
    pub epoch: u32,
    /// Entries written.
    pub produced: u32,
    /// Entries taken.
    pub consumed: u32,
    /// The peer broke the rules; nothing is taken before the next epoch.
    pub broken: bool,
}

impl<M: SharedMemory, const CLIENT: bool> Side<M, CLIENT> {
    /// Offset of the area this side writes.
    const OWN: usize = if CLIENT { CLIENT_AREA } else { SERVER_AREA };
    /// Offset of the area the peer writes.
    const PEER: usize = if CLIENT { SERVER_AREA } else { CLIENT_AREA };

    /// A side that has no peer yet.
    pub fn new(memory: M, geometry: Geometry) -> Self {
        Self {
            memory,
            geometry,
            arming: Arming::default(),
            epoch: 0,
            produced: 0,
            consumed: 0,
            broken: false,
        }
    }

    /// Offset of the ring this side writes.
    const fn out(&self) -> usize {
        if CLIENT { self.geometry.requests() } else { self.geometry.completions() }
    }

    /// Offset of the ring the peer writes.
    const fn incoming(&self) -> usize {
        if CLIENT { self.geometry.completions() } else { self.geometry.requests() }
    }

    fn load(&self, offset: usize) -> u32 {
        self.memory.load(Self::PEER.wrapping_add(offset), Ordering::Acquire)
    }

    fn store(&self, offset: usize, value: u32) {
        self.memory.store(Self::OWN.wrapping_add(offset), value, Ordering::Release);
    }

    /// The epoch the peer has set itself up for.
    pub fn peer_epoch(&self) -> u32 {
        self.load(word::EPOCH)
    }

    /// Forgets everything and sets this side up for `epoch`.
    pub fn restart(&mut self, epoch: u32) {
        (self.epoch, self.produced, self.consumed) = (epoch, 0, 0);
        self.broken = false;
        self.arming.forget_peer();
        for offset in [word::PRODUCED, word::CONSUMED, word::ARMED] {
            self.store(offset, 0);
        }
        self.store(word::EPOCH, epoch);
    }

    /// Entries the peer says it has produced and that were not taken.
    pub fn available(&self) -> u32 {
        if self.broken || self.epoch == 0 || self.peer_epoch() != self.epoch {
            return 0;
        }
        self.load(word::PRODUCED).wrapping_sub(self.consumed)
    }

    /// Marks the peer as broken, unless it has only begun another epoch in the meantime.
    pub fn accuse(&mut self) {
        self.broken = self.peer_epoch() == self.epoch;
    }

    /// The id of the next entry.
    pub fn next_id(&self) -> u64 {
        let mut id = [0];
        self.memory.read(self.geometry.entry(self.incoming(), self.consumed), &mut id);
        id[0]
    }

    /// Gives the next entry's place back.
    pub fn skip(&mut self) {
        self.consumed = self.consumed.wrapping_add(1);
        self.store(word::CONSUMED, self.consumed);
    }

    /// Copies the next entry out and gives its place back; false if the entry is impossible or its epoch is over.
    pub fn take(&mut self, message: &mut Message) -> bool {
        let offset = self.geometry.entry(self.incoming(), self.consumed);
        let sound = message.read(&self.memory, offset);
        self.skip();
        sound && self.peer_epoch() == self.epoch
    }

    /// Writes the next entry, under this id, and publishes it.
    pub fn put(&mut self, id: u64, message: &Message) {
        message.write(id, &self.memory, self.geometry.entry(self.out(), self.produced));
        self.produced = self.produced.wrapping_add(1);
        self.store(word::PRODUCED, self.produced);
    }

    /// About to sleep.
    pub fn arm(&mut self) {
        self.arming.arm(&self.memory, Self::OWN);
    }

    /// Awake.
    pub fn disarm(&mut self) {
        self.arming.disarm(&self.memory, Self::OWN);
    }

    /// Whether the peer's doorbell is due for what was published.
    pub fn notify(&mut self) -> Doorbell {
        self.arming.due(&self.memory, Self::OWN, Self::PEER)
    }

    /// Copies out of the data area; false if that is not inside.
    pub fn read_data(&self, offset: usize, to: &mut [u8]) -> bool {
        let inside = self.place_of_data(offset, to.len());
        if let Some(place) = inside {
            self.memory.read_bytes(place, to);
        }
        inside.is_some()
    }

    /// Copies into the data area; false if that is not inside.
    pub fn write_data(&self, offset: usize, from: &[u8]) -> bool {
        let inside = self.place_of_data(offset, from.len());
        if let Some(place) = inside {
            self.memory.write_bytes(place, from);
        }
        inside.is_some()
    }

    fn place_of_data(&self, offset: usize, length: usize) -> Option<usize> {
        let end = offset.checked_add(length)?;
        (end <= self.geometry.data_length()).then(|| self.geometry.data().wrapping_add(offset))
    }
}
