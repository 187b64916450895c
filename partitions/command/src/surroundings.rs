//! What the console needs of the world.

use abi::message::console::ConsoleStatus;
use abi::message::resource::{ResourceRequest, ResourceStatus};
use abi::types::Nanoseconds;
use core::fmt;
pub use resource_service::Answer as Reply;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Why a question was not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The resource manager refused; with the kernel's error where the kernel did.
    Refused(ResourceStatus, Option<u32>),
    /// The console service refused.
    Console(ConsoleStatus),
    /// No answer in time.
    NoAnswer,
    /// The resource manager was restarted before it answered.
    Restarted,
    /// An answer that is none: not of the right length.
    Nonsense,
}

/// The world of the console: where text goes, and who answers questions. Text written need not be seen before
/// [`Surroundings::flush`].
pub trait Surroundings: fmt::Write {
    /// Shows bytes as they are.
    fn show(&mut self, bytes: &[u8]);

    /// Everything shown so far is on its way.
    fn flush(&mut self);

    /// Asks the resource manager.
    ///
    /// # Errors
    /// [`Trouble`] says why there is no answer.
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Reply, Trouble>;

    /// Copies what the resource manager put into the data area of the channel; false if it is not inside.
    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool;

    /// Reads a piece of the scrollback of a partition, from `offset` behind the oldest byte on; none at the end.
    ///
    /// # Errors
    /// [`Trouble::Console`] for a partition without console.
    fn scrollback(&mut self, partition: u32, offset: u32) -> Result<Reply, Trouble>;

    /// Lets the person talk to a partition; returns when they are back.
    ///
    /// # Errors
    /// [`Trouble::Console`] for a partition without console.
    fn attach(&mut self, partition: u32) -> Result<(), Trouble>;

    /// Columns of the terminal, 0 where unknown.
    fn columns(&mut self) -> u16;

    /// Time since the kernel started.
    fn now(&self) -> Nanoseconds;

    /// The [`abi::types::PartitionId`] of the console itself.
    fn myself(&self) -> u32;
}

/// Asks for a record.
pub fn fetch<T: FromBytes>(
    surroundings: &mut impl Surroundings,
    request: ResourceRequest,
    body: &(impl IntoBytes + Immutable),
) -> Result<T, Trouble> {
    Ok(surroundings.ask(request, body.as_bytes())?.record()?)
}

/// Asks for a record of a list: `None` past its end.
pub fn fetch_next<T: FromBytes>(
    surroundings: &mut impl Surroundings,
    request: ResourceRequest,
    body: &(impl IntoBytes + Immutable),
) -> Result<Option<T>, Trouble> {
    match fetch(surroundings, request, body) {
        Ok(record) => Ok(Some(record)),
        Err(Trouble::Refused(ResourceStatus::NoSuch, _)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
