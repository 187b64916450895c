//! What guests and halls say to each other.

#![no_std]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

rt::protocol! {
    /// What guests say.
    pub Greeting;
    /// What is asked.
    pub enum Ask {
        /// Nothing but an answer is wanted.
        Greet = 1,
        /// Answered with a [`Count`].
        Count = 2,
    }
    /// How it went.
    pub enum Answer {
        /// Done.
        Ok = 0,
        /// No such request.
        NotUnderstood = 1,
    }
}

/// Who is there.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Count {
    /// Clients.
    pub clients: u32,
    /// Clients that ever came.
    pub joined: u32,
    /// Greetings.
    pub greetings: u32,
    /// Clients that left.
    pub left: u32,
}
