//! What comes by a channel: answers and requests, private copies both.

use crate::channel::{CallError, Ticket};
use crate::protocol::{Code, Protocol};
use core::marker::PhantomData;
use ring::Message;
use zerocopy::FromBytes;

/// An answer to a request, or the news that there will be none.
pub struct Answer<P> {
    pub(crate) message: Message,
    pub(crate) lost: bool,
    protocol: PhantomData<P>,
}

impl<P> Default for Answer<P> {
    /// The answer to no request at all.
    fn default() -> Self {
        Self { message: Message::empty(), lost: true, protocol: PhantomData }
    }
}

impl<P: Protocol> Answer<P> {
    /// Which request it answers.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        Ticket(self.message.id)
    }

    /// How it went.
    ///
    /// # Errors
    /// [`CallError::PeerRestarted`] or [`CallError::BadStatus`].
    pub fn status(&self) -> Result<P::Status, CallError> {
        if self.lost {
            return Err(CallError::PeerRestarted);
        }
        P::Status::from_code(self.message.head.code).ok_or(CallError::BadStatus)
    }

    /// What came with it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        if self.lost { &[] } else { self.message.bytes() }
    }

    /// What came with it, as a structure; `None` unless it has exactly its size.
    #[must_use]
    pub fn body<T: FromBytes>(&self) -> Option<T> {
        T::read_from_bytes(self.bytes()).ok()
    }
}

/// A request that a client made.
pub struct Request<P> {
    pub(crate) message: Message,
    pub(crate) epoch: u32,
    protocol: PhantomData<P>,
}

impl<P> Default for Request<P> {
    /// A request that nobody made: answering it does nothing.
    fn default() -> Self {
        Self { message: Message::empty(), epoch: 0, protocol: PhantomData }
    }
}

/// Names a request that is to be answered later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owed {
    pub(crate) id: u64,
    pub(crate) epoch: u32,
}

impl<P: Protocol> Request<P> {
    /// What is asked; `None` if the protocol has no such request.
    #[must_use]
    pub fn code(&self) -> Option<P::Request> {
        P::Request::from_code(self.message.head.code)
    }

    /// What came with it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.message.bytes()
    }

    /// What came with it, as a structure; `None` unless it has exactly its size.
    #[must_use]
    pub fn body<T: FromBytes>(&self) -> Option<T> {
        T::read_from_bytes(self.bytes()).ok()
    }

    /// Its name, for an answer that is given later.
    #[must_use]
    pub const fn owed(&self) -> Owed {
        Owed { id: self.message.id, epoch: self.epoch }
    }
}
