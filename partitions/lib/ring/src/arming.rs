//! When a doorbell is due: only if the peer is about to sleep, and once for each time it is.

use crate::SharedMemory;
use abi::channel::word;
use core::sync::atomic::Ordering;

/// Whether the peer's doorbell must be rung.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doorbell {
    /// The peer sleeps or is about to.
    Ring,
    /// The peer is awake, or was rung already.
    Quiet,
}

/// What one side knows about its own arming and the peer's.
#[derive(Debug, Default)]
pub(crate) struct Arming {
    number: u32,
    armed: bool,
    /// The arming of the peer that was rung for, and the epoch the peer was in: in another it counts anew.
    rung_for: (u32, u32),
    rung: u32,
}

impl Arming {
    /// After a change of epoch: the peer counts anew, this side counts on.
    pub fn forget_peer(&mut self) {
        self.rung_for = (0, 0);
        self.armed = false;
    }

    /// How often the peer was rung for.
    pub const fn rung(&self) -> u32 {
        self.rung
    }

    /// Whether this side is armed.
    pub const fn armed(&self) -> bool {
        self.armed
    }

    /// Says "wake me" in the own area; what comes after this is seen by the peer, or its work by us.
    pub fn arm<M: SharedMemory>(&mut self, memory: &M, own: usize) {
        self.number = self.number.wrapping_add(1).max(1);
        self.armed = true;
        memory.store(own.wrapping_add(word::ARMED), self.number, Ordering::Relaxed);
        memory.fence(Ordering::SeqCst);
    }

    /// Says "awake".
    pub fn disarm<M: SharedMemory>(&mut self, memory: &M, own: usize) {
        if self.armed {
            self.armed = false;
            memory.store(own.wrapping_add(word::ARMED), 0, Ordering::Relaxed);
        }
    }

    /// Whether the peer sleeps or is about to. If not it will look once more before it does, and see what was published.
    #[inline]
    pub fn peer_sleeps<M: SharedMemory>(memory: &M, peer: usize) -> bool {
        memory.fence(Ordering::SeqCst);
        memory.load(peer.wrapping_add(word::ARMED), Ordering::Relaxed) != 0
    }

    /// Whether what was published just now calls for the peer's doorbell.
    pub fn due<M: SharedMemory>(&mut self, memory: &M, own: usize, peer: usize) -> Doorbell {
        if !Self::peer_sleeps(memory, peer) {
            return Doorbell::Quiet;
        }
        // In this order: a peer in a new epoch has wiped the arming of its former life before it says so.
        let epoch = memory.load(peer.wrapping_add(word::EPOCH), Ordering::Acquire);
        let armed = memory.load(peer.wrapping_add(word::ARMED), Ordering::Relaxed);
        if armed == 0 || (epoch, armed) == self.rung_for {
            return Doorbell::Quiet;
        }
        self.rung_for = (epoch, armed);
        self.rung = self.rung.wrapping_add(1);
        memory.store(own.wrapping_add(word::RUNG), self.rung, Ordering::Relaxed);
        Doorbell::Ring
    }
}
