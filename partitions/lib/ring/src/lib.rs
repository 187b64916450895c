//! The two ends of a channel, over memory that the other side may overwrite at any moment.
//!
//! Each end keeps private copies of what it wrote and believes nothing it reads: indices are taken as a
//! distance and bounded, entries copied first and looked at afterwards. Whatever the peer does, an end never panics,
//! never touches memory outside the channel, and never loops longer than one ring is long; what can be
//! lost are requests on this channel. Layout and protocol: [`abi::channel`], and `kernel/doc/0003`.
//!
//! An end rings nothing itself: it says when the peer's doorbell is due ([`Doorbell::Ring`]).

#![no_std]
#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

mod arming;
mod client;
mod end;
mod geometry;
mod memory;
mod message;
mod server;

pub use arming::Doorbell;
pub use client::{Asking, ClientEnd, OUTSTANDING, Taken};
pub use end::{End, Role};
pub use geometry::{Geometry, Ring};
pub use memory::{Entry, SharedMemory, Words};
pub use message::{Head, Message};
pub use server::{ServerEnd, Serving};

/// Why a message was not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The ring, or the list of open requests, is full; completions must be taken first.
    Full,
    /// There is no peer yet, or the request belongs to an earlier epoch.
    Epoch,
    /// No request is open that this could answer.
    NothingOpen,
    /// More bytes than an entry carries.
    TooLong,
}
