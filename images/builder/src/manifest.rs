//! A manifest as the builder knows it: read and checked, names not yet resolved.

use crate::diagnostic::Diagnostic;
use crate::zones::{Wish, Zone};
use crate::{check, read};
use abi::channel::{ChannelKind, ENTRY_SIZE, Versions};
use abi::manifest::{GrantKind, Isolation, PartitionFlags, PartitionRole};
use abi::types::PAGE_SIZE;
use std::ops::Range;

/// A value and the bytes of the file it was read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    /// `value`, read from `span`.
    pub const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// An image: what is in it and who gets what.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Name of the image.
    pub name: Located<String>,
    /// Nanoseconds of a slot.
    pub slot: u64,
    /// Whether the kernel is mapped while a partition runs.
    pub isolation: Isolation,
    /// Nanoseconds between two looks of the processors at each other, 0: what fits the machine.
    pub watch: u64,
    /// Partitions; the place of each is its number.
    pub partitions: Vec<Partition>,
    /// Channels; the place of each is its number.
    pub channels: Vec<Channel>,
    /// Zones that the machine offers.
    pub zones: Vec<Zone>,
}

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its name.
    pub name: Located<String>,
    /// Its program.
    pub program: Located<String>,
    /// What it is to the system.
    pub role: Located<PartitionRole>,
    /// Name of the partition that learns of its faults.
    pub rescuer: Option<Located<String>>,
    /// Restarts allowed before it stays down.
    pub restarts: u32,
    /// Milliseconds before the first restart.
    pub backoff: u32,
    /// Milliseconds of running that fill the budget of restarts again.
    pub proof: u32,
    /// Processor of the first context, `None`: a context on every processor.
    pub processor: Option<u16>,
    /// Slots of 16 for each context.
    pub share: Located<u16>,
    /// Contexts, where it is not on every processor.
    pub contexts: u16,
    /// Its properties.
    pub flags: PartitionFlags,
    /// Pages of stack of each context.
    pub stack: u32,
    /// Pages of heap.
    pub heap: u32,
    /// Pages of lasting memory.
    pub lasting: u32,
    /// Milliseconds of running without a turn of its event loop that it may take, 0 for any number.
    pub watchdog: u32,
    /// Doorbells that it may ring in a second, 0 for any number.
    pub doorbells: u32,
    /// Name of its group.
    pub group: Option<Located<String>>,
    /// Clients that may join it while the machine runs, where that is said.
    pub clients: Option<Located<u32>>,
    /// Version of its program.
    pub version: u32,
    /// Milliseconds in which a version that is gone over to must be up.
    pub up_within: u32,
    /// Its hardware.
    pub grants: Vec<Grant>,
    /// Zones that it asks for, of each kind the most wanted first.
    pub wishes: Vec<Wish>,
}

/// Hardware of a partition.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its name as the partition sees it.
    pub name: Located<String>,
    /// What it is.
    pub kind: GrantKind,
    /// See [`GrantKind`].
    pub base: Located<u64>,
    /// See [`GrantKind`].
    pub count: u64,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name as the client sees it.
    pub client_name: Located<String>,
    /// Its name as the server sees it.
    pub server_name: Located<String>,
    /// Name of the client.
    pub client: Located<String>,
    /// Name of the server.
    pub server: Located<String>,
    /// What it is for.
    pub kind: Located<ChannelKind>,
    /// log2 of the entries of each ring.
    pub ring_shift: u16,
    /// Pages of the data area.
    pub data: u32,
    /// Versions that client and server speak.
    pub speaks: [Located<Versions>; 2],
}

impl Channel {
    /// Pages of it: header, two rings, data.
    #[must_use]
    pub fn pages(&self) -> u64 {
        let ring = u64::try_from(ENTRY_SIZE << self.ring_shift).unwrap_or(u64::MAX);
        1 + 2 * ring.div_ceil(PAGE_SIZE) + u64::from(self.data)
    }
}

impl Manifest {
    /// Reads and checks the text of a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let manifest = read::manifest(text)?;
        check::manifest(&manifest)?;
        Ok(manifest)
    }

    /// Names of all programs, each once, in the order of their first use.
    #[must_use]
    pub fn programs(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for partition in &self.partitions {
            if !names.contains(&partition.program.value.as_str()) {
                names.push(&partition.program.value);
            }
        }
        names
    }

    /// Channels through which copies of partitions join a server: those whose client has no role.
    pub fn joining<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a Channel> {
        let ordinary = |name: &str| {
            let client = self.partitions.iter().find(|partition| partition.name.value == name);
            client.is_some_and(|client| client.role.value == PartitionRole::Ordinary)
        };
        let joins = move |channel: &&Channel| {
            channel.server.value == server && ordinary(&channel.client.value)
        };
        self.channels.iter().filter(joins)
    }

    /// Number of the partition with this name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.partitions.iter().position(|partition| partition.name.value == name)
    }
}
