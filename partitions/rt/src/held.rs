//! A channel held for a while: what one that is kept busy costs least.
//!
//! Everything the ordinary handles do for each message is done once: finding the end, and looking whether the peer
//! sleeps. The peer is told of all that was said when nothing more is found, or the channel is let go.

use crate::channel::{CallError, Ticket};
use crate::memory::ChannelMemory;
use crate::protocol::{Code, Protocol};
use crate::received::{Answer, Owed, Request};
use crate::sys;
use abi::types::Slot;
use core::marker::PhantomData;
use ring::{Asking, Doorbell, End, Head, Refused, Role, Serving, Taken};

/// An end that is held: by [`Client::hold`](crate::Client::hold) or [`Server::hold`](crate::Server::hold).
#[derive(Debug)]
pub struct Held<'a, P, R: Role> {
    end: &'a mut End<ChannelMemory, R>,
    doorbell: Slot,
    protocol: PhantomData<P>,
}

impl<'a, P, R: Role> Held<'a, P, R> {
    /// Who holds a channel is awake.
    pub(crate) fn new(end: &'a mut End<ChannelMemory, R>, doorbell: Slot) -> Self {
        end.disarm();
        Self { end, doorbell, protocol: PhantomData }
    }

    /// How often the peer was rung, from the start; a statistic.
    #[must_use]
    pub const fn rung(&self) -> u32 {
        self.end.rung()
    }

    /// Rings the peer if it sleeps, for what was said until now.
    #[inline(never)]
    pub fn tell(&mut self) {
        if self.end.notify() == Doorbell::Ring {
            // Stale: the peer is being restarted; it looks at the ring before it sleeps.
            let _ = sys::ring(self.doorbell);
        }
    }
}

impl<P, R: Role> Drop for Held<'_, P, R> {
    fn drop(&mut self) {
        self.tell();
    }
}

impl<P: Protocol> Held<'_, P, Asking> {
    /// Sends a request.
    ///
    /// # Errors
    /// As [`Client::send`](crate::Client::send).
    #[inline(always)]
    pub fn send(&mut self, code: P::Request, payload: &[u8]) -> Result<Ticket, CallError> {
        let head = Head::new(code.code());
        match self.end.send(head, payload) {
            Ok(id) => Ok(Ticket(id)),
            Err(refused) => self.send_late(refused, head, payload),
        }
    }

    /// Answers that nobody waits for may be in the way: looking passes them over.
    #[cold]
    #[inline(never)]
    fn send_late(&mut self, why: Refused, head: Head, payload: &[u8]) -> Result<Ticket, CallError> {
        if why != Refused::Full {
            return Err(why.into());
        }
        self.tell();
        let _ = self.end.ready();
        Ok(Ticket(self.end.send(head, payload)?))
    }

    /// Takes the next answer into one there is room for already; false if none has come.
    #[inline(always)]
    pub fn take(&mut self, answer: &mut Answer<P>) -> bool {
        if self.end.at_hand() == 0 {
            self.tell();
        }
        let taken = self.end.take(&mut answer.message);
        answer.lost = taken == Some(Taken::Lost);
        taken.is_some()
    }
}

impl<P: Protocol> Held<'_, P, Serving> {
    /// Takes the next request into one there is room for already; false if there is none.
    #[inline(always)]
    pub fn take(&mut self, request: &mut Request<P>) -> bool {
        if self.end.at_hand() == 0 {
            self.tell();
        }
        let epoch = self.end.take(&mut request.message);
        request.epoch = epoch.unwrap_or(0);
        epoch.is_some()
    }

    /// Answers a request. If the client was restarted since, or the answer is too long, nothing happens.
    #[inline(always)]
    pub fn answer(&mut self, request: &Request<P>, status: P::Status, payload: &[u8]) {
        let Owed { id, epoch } = request.owed();
        // A client that is gone, or broke the rules, loses its answer.
        let _ = self.end.complete(epoch, id, status.code(), payload);
    }
}
