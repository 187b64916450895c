//! Handles to channels, typed by role and by what is said on them.

use crate::end::End;
use crate::held::Held;
use crate::protocol::{Code, Protocol};
use crate::received::{Answer, Owed, Request};
use crate::signal::{Reports, Signal, Source};
use crate::system::System;
use abi::channel::{IDEMPOTENT, INLINE};
use abi::information::Resource;
use abi::types::Nanoseconds;
use core::marker::PhantomData;
use ring::{Asking, Head, Message, Refused, Serving, Taken};
use zerocopy::{Immutable, IntoBytes};

/// Most bytes of one request or answer.
pub const LONGEST: usize = INLINE;

/// Why a request came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallError {
    /// Too many requests are open; take answers first.
    Full,
    /// There is no server yet, or the handle leads nowhere.
    NoPeer,
    /// The server was restarted before it answered.
    PeerRestarted,
    /// No answer in time. One that comes later is dropped.
    Timeout,
    /// Answers to earlier requests on this channel are still expected: a channel is used either way at a time.
    Busy,
    /// Both ends speak no version of their messages in common.
    NoVersion,
    /// More than [`LONGEST`] bytes.
    TooLong,
    /// The server answered with a status that its protocol does not have.
    BadStatus,
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Full,
            Refused::Epoch | Refused::NothingOpen => Self::NoPeer,
            Refused::TooLong => Self::TooLong,
        }
    }
}

/// Names a request that was sent, until it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(pub(crate) u64);

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<P> {
            source: Source,
            protocol: PhantomData<P>,
        }
        impl<P> Clone for $name<P> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<P> Copy for $name<P> {}
        impl<P> Default for $name<P> {
            fn default() -> Self {
                Self { source: Source::Nowhere, protocol: PhantomData }
            }
        }
        impl<P> PartialEq for $name<P> {
            fn eq(&self, other: &Self) -> bool {
                self.source == other.source
            }
        }
        impl<P> Eq for $name<P> {}
        impl<P> core::fmt::Debug for $name<P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.source)
            }
        }
        impl<P> Reports for $name<P> {
            fn signal(&self) -> Signal {
                Signal(self.source)
            }
        }
        impl<P: Protocol> $name<P> {
            pub(crate) const fn at(source: Source) -> Self {
                Self { source, protocol: PhantomData }
            }

            /// What the information pages say about the channel: its name here, the peer, the epoch in force.
            pub fn about(self, system: &mut System) -> Option<Resource> {
                system.with_end(self.source, |end| end.resource)
            }

            /// The version of the messages that is spoken until the peer is restarted, 0 where both ends have none in common.
            pub fn version(self, system: &mut System) -> u32 {
                let version = |end: &mut End| if end.discord() { 0 } else { end.resource.version };
                system.with_end(self.source, version).unwrap_or(0)
            }

            /// Whether the peer broke the rules of the ring; nothing comes from it before it is restarted.
            pub fn broken(self, system: &mut System) -> bool {
                system.with_end(self.source, |end| end.broken()).unwrap_or(false)
            }

            /// Bytes of the data area.
            pub fn data_length(self, system: &mut System) -> usize {
                system.with_end(self.source, |end| end.data_length()).unwrap_or(0)
            }

            /// Copies out of the data area, from `offset` in it; false if that is not inside. The peer may write it at any time:
            /// look at the copy only.
            pub fn read_data(self, system: &mut System, offset: usize, to: &mut [u8]) -> bool {
                system.with_end(self.source, |end| end.read_data(offset, to)).unwrap_or(false)
            }

            /// Copies into the data area, at `offset` in it; false if that is not inside.
            pub fn write_data(self, system: &mut System, offset: usize, from: &[u8]) -> bool {
                system.with_end(self.source, |end| end.write_data(offset, from)).unwrap_or(false)
            }
        }
    };
}

handle!(
    /// The end of a channel that asks.
    Client
);
handle!(
    /// The end of a channel that answers.
    Server
);

/// The bytes of a structure, as a message carries them.
pub fn bytes<T: IntoBytes + Immutable>(structure: &T) -> &[u8] {
    structure.as_bytes()
}

impl<P: Protocol> Client<P> {
    /// Sends a request; the answer is taken with [`Client::next`] when the signal comes.
    ///
    /// # Errors
    /// [`CallError::Full`], [`CallError::NoPeer`], [`CallError::TooLong`].
    #[inline]
    pub fn send(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
    ) -> Result<Ticket, CallError> {
        system.send(self.source, Head::new(code.code()), payload).map(Ticket)
    }

    /// Sends a request that may be done twice: if the server is restarted before it answers, the runtime sends it again.
    ///
    /// # Errors
    /// As [`Client::send`]; [`CallError::Full`] also if too many such requests are open.
    pub fn send_idempotent(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
    ) -> Result<Ticket, CallError> {
        if !system.can_save() {
            return Err(CallError::Full);
        }
        let head = Head { code: code.code(), flags: IDEMPOTENT };
        let id = system.send(self.source, head, payload)?;
        let copy = Message::copy(id, head, payload).ok_or(CallError::TooLong)?;
        system.saved.keep(self.source, copy);
        Ok(Ticket(id))
    }

    /// Sends a request whose answer nobody waits for.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn post(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
    ) -> Result<(), CallError> {
        let ticket = self.send(system, code, payload)?;
        self.forget(system, ticket);
        Ok(())
    }

    /// Nobody waits for that answer any more; if it comes it is dropped.
    pub fn forget(self, system: &mut System, ticket: Ticket) {
        system.with_end(self.source, |end| end.forget(ticket.0));
    }

    /// How many more requests can be sent now.
    #[must_use]
    pub fn room(self, system: &mut System) -> u32 {
        system.with_end(self.source, |end| end.room()).unwrap_or(0)
    }

    /// The next answer that has come, in whatever order.
    pub fn next(self, system: &mut System) -> Option<Answer<P>> {
        let mut answer = Answer::default();
        self.take(system, &mut answer).then_some(answer)
    }

    /// Takes the next answer into one there is room for already; false if none has come. What [`Client::next`] does,
    /// without moving an answer, for channels that are kept busy.
    #[inline]
    pub fn take(self, system: &mut System, answer: &mut Answer<P>) -> bool {
        let taken = system.take_answer(self.source, &mut answer.message);
        answer.lost = taken == Some(Taken::Lost);
        taken.is_some()
    }

    /// Holds the channel, for many messages at a time. `None` for the console, and for a handle that leads nowhere.
    pub fn hold(self, system: &mut System) -> Option<Held<'_, P, Asking>> {
        let (end, doorbell) = system.end(self.source)?.hold_client()?;
        Some(Held::new(end, doorbell))
    }

    /// Asks and waits for the answer; where the server shares the processor it runs at once, in this partition's time.
    ///
    /// # Errors
    /// Every [`CallError`] but `BadStatus`, which is the answer's.
    pub fn call(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
        deadline: Nanoseconds,
    ) -> Result<Answer<P>, CallError> {
        self.call_beside(system, code, payload, deadline, 0, |_| {})
    }

    /// As [`Client::call`], for a client that the server itself may need meanwhile: `beside` is run whenever one of the events in the
    /// mask `events` comes, which is dispatched afterwards as any other.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn call_beside(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
        deadline: Nanoseconds,
        events: u64,
        mut beside: impl FnMut(&mut System),
    ) -> Result<Answer<P>, CallError> {
        if system.with_end(self.source, |end| end.wanted()).unwrap_or(false) {
            return Err(CallError::Busy);
        }
        self.ask(system, (code, payload), deadline, (events, &mut beside), &mut drop)
    }

    /// As [`Client::call`], for a client that waits for other answers on this channel as well: `aside` is given those that come meanwhile.
    ///
    /// # Errors
    /// As [`Client::call`], but never `Busy`.
    pub fn call_aside(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
        deadline: Nanoseconds,
        mut aside: impl FnMut(Answer<P>),
    ) -> Result<Answer<P>, CallError> {
        self.ask(system, (code, payload), deadline, (0, &mut |_| {}), &mut aside)
    }

    fn ask(
        self,
        system: &mut System,
        (code, payload): (P::Request, &[u8]),
        deadline: Nanoseconds,
        (events, beside): (u64, &mut dyn FnMut(&mut System)),
        aside: &mut dyn FnMut(Answer<P>),
    ) -> Result<Answer<P>, CallError> {
        let discord = |system: &mut System| {
            system.with_end(self.source, |end| end.discord()).unwrap_or(false)
        };
        if discord(system) {
            return Err(CallError::NoVersion);
        }
        let head = Head::new(code.code());
        let sent = system.with_end(self.source, |end| end.send_quietly(head, payload));
        let ticket = Ticket(sent.ok_or(CallError::NoPeer)??);
        loop {
            if let Some(answer) = self.next(system) {
                if answer.ticket() != ticket {
                    aside(answer);
                    continue;
                }
                return match answer.lost {
                    true if discord(system) => Err(CallError::NoVersion),
                    true => Err(CallError::PeerRestarted),
                    false => Ok(answer),
                };
            }
            if crate::time::now() >= deadline {
                self.forget(system, ticket);
                return Err(CallError::Timeout);
            }
            if system.wait_for(self.source, deadline, events) & events != 0 {
                beside(system);
            }
        }
    }

    /// Sends a request whose answer nobody waits for, and waits for room if there is none.
    ///
    /// # Errors
    /// [`CallError::Timeout`], [`CallError::NoPeer`], [`CallError::TooLong`]; [`CallError::Full`] if answers that somebody waits
    /// for are in the way and must be taken first.
    pub fn post_by(
        self,
        system: &mut System,
        code: P::Request,
        payload: &[u8],
        deadline: Nanoseconds,
    ) -> Result<(), CallError> {
        loop {
            match self.post(system, code, payload) {
                Err(CallError::Full) => {}
                done => return done,
            }
            if crate::time::now() >= deadline {
                return Err(CallError::Timeout);
            }
            system.wait_for(self.source, deadline, 0);
            if system.with_end(self.source, |end| end.ready() && end.room() == 0) == Some(true) {
                return Err(CallError::Full);
            }
        }
    }
}

impl<P: Protocol> Server<P> {
    /// The next request.
    pub fn next(self, system: &mut System) -> Option<Request<P>> {
        let mut request = Request::default();
        self.take(system, &mut request).then_some(request)
    }

    /// Takes the next request into one there is room for already; false if there is none. What [`Server::next`] does,
    /// without moving a request, for channels that are kept busy.
    #[inline]
    pub fn take(self, system: &mut System, request: &mut Request<P>) -> bool {
        let epoch = system.take_request(self.source, &mut request.message);
        request.epoch = epoch.unwrap_or(0);
        epoch.is_some()
    }

    /// Holds the channel, for many messages at a time. `None` for a handle that leads nowhere.
    pub fn hold(self, system: &mut System) -> Option<Held<'_, P, Serving>> {
        system.look_again_at(self.source);
        let (end, doorbell) = system.end(self.source)?.hold_server()?;
        Some(Held::new(end, doorbell))
    }

    /// Answers a request. If the client was restarted since, or the answer is too long, nothing happens.
    #[inline]
    pub fn answer(
        self,
        system: &mut System,
        request: &Request<P>,
        status: P::Status,
        payload: &[u8],
    ) {
        self.answer_owed(system, request.owed(), status, payload);
    }

    /// Answers a request that was kept for later.
    #[inline]
    pub fn answer_owed(self, system: &mut System, owed: Owed, status: P::Status, payload: &[u8]) {
        system.complete(self.source, owed, status.code(), payload);
    }
}
