//! What is said on a channel: types for requests and statuses, so that no author handles their numbers.

use abi::channel::{ChannelKind, Versions};
pub use abi::message::console::{ConsoleRequest, ConsoleStatus};
pub use abi::message::resource::{ResourceRequest, ResourceStatus};

/// A value with a number on the wire.
pub trait Code: Copy + 'static {
    /// The number.
    fn code(self) -> u16;
    /// The value with this number; the peer may send any.
    fn from_code(code: u16) -> Option<Self>;
}

/// What two partitions say to each other on a channel.
pub trait Protocol: 'static {
    /// The kinds of channels on which it is spoken.
    const KINDS: &'static [ChannelKind];
    /// The versions of its messages that this program speaks.
    const VERSIONS: Versions = Versions::FIRST;
    /// What a client can ask.
    type Request: Code;
    /// How a server can answer.
    type Status: Code;
}

macro_rules! codes {
    ($($name:ident,)*) => {$(
        impl Code for $name {
            fn code(self) -> u16 {
                Self::code(self)
            }
            fn from_code(code: u16) -> Option<Self> {
                Self::from_code(code)
            }
        }
    )*};
}
codes! { ConsoleRequest, ConsoleStatus, ResourceRequest, ResourceStatus, }

/// Text in and out: [`abi::message::console`].
#[derive(Clone, Copy, Debug)]
pub enum Console {}

impl Protocol for Console {
    const KINDS: &'static [ChannelKind] = &[ChannelKind::Console];
    type Request = ConsoleRequest;
    type Status = ConsoleStatus;
}

/// Requests to the resource manager: [`abi::message::resource`].
#[derive(Clone, Copy, Debug)]
pub enum Resources {}

impl Protocol for Resources {
    const KINDS: &'static [ChannelKind] =
        &[ChannelKind::Control, ChannelKind::Command, ChannelKind::Boot];
    type Request = ResourceRequest;
    type Status = ResourceStatus;
}

/// Declares a protocol of one's own: a name, the requests, the statuses, each with its number. A program that speaks several versions
/// of its messages names them behind the name, as in `pub Counter [1, 2];`, and asks the channel which one is in force.
///
/// ```
/// rt::protocol! {
///     /// Counts for others.
///     pub Counter;
///     /// What can be asked.
///     pub enum CounterRequest {
///         /// Add the first eight bytes.
///         Add = 1,
///     }
///     /// How it went.
///     pub enum CounterStatus {
///         /// Added.
///         Ok = 0,
///     }
/// }
/// # use rt::protocol::Code;
/// # assert_eq!(CounterRequest::from_code(2).is_none(), true);
/// # assert_eq!(CounterStatus::Ok.code(), 0);
/// ```
#[macro_export]
macro_rules! protocol {
    (
        $(#[$doc:meta])* $vis:vis $name:ident $([$($version:literal),+])?;
        $(#[$request_doc:meta])* $request_vis:vis enum $request:ident { $($requests:tt)* }
        $(#[$status_doc:meta])* $status_vis:vis enum $status:ident { $($statuses:tt)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $vis enum $name {}

        impl $crate::protocol::Protocol for $name {
            const KINDS: &'static [$crate::abi::channel::ChannelKind] =
                &[$crate::abi::channel::ChannelKind::Custom];
            $(const VERSIONS: $crate::abi::channel::Versions =
                $crate::abi::channel::Versions::of(&[$($version),+]);)?
            type Request = $request;
            type Status = $status;
        }

        $crate::protocol! { @code $(#[$request_doc])* $request_vis enum $request { $($requests)* } }
        $crate::protocol! { @code $(#[$status_doc])* $status_vis enum $status { $($statuses)* } }
    };
    (@code $(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        $vis enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $crate::protocol::Code for $name {
            fn code(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }
            fn from_code(code: u16) -> Option<Self> {
                match code { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
