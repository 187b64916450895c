//! Which channels each partition is an end of: a list for each, in the order of their numbers. Derived from the rows
//! whenever books are opened, so never logged.

use abi::channel::Role;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A place in the lists, counted from 1: twice a channel's number, and its end; 0: none.
type Place = u32;

/// First and last of a partition's list.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Head {
    first: Place,
    last: Place,
}

/// Neighbours of an end in its list.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Links {
    next: Place,
    previous: Place,
}

/// All lists.
pub(crate) struct Ends<'m> {
    /// Of each partition.
    pub(crate) heads: &'m mut [Head],
    /// Of each channel, by role.
    pub(crate) links: &'m mut [[Links; 2]],
}

/// The place of an end.
fn place(channel: u32, role: Role) -> Place {
    channel.wrapping_mul(2).wrapping_add(u32::from(role == Role::Server)).wrapping_add(1)
}

/// The end at a place.
fn end(place: Place) -> Option<(u32, Role)> {
    let number = place.checked_sub(1)?;
    let role = if number.is_multiple_of(2) { Role::Client } else { Role::Server };
    Some((number / 2, role))
}

impl Ends<'_> {
    /// Bytes of both tables, for so many partitions and channels.
    pub(crate) fn bytes(partitions: u32, channels: u32) -> Option<[usize; 2]> {
        let heads = size_of::<Head>().checked_mul(usize::try_from(partitions).ok()?)?;
        let links = size_of::<[Links; 2]>().checked_mul(usize::try_from(channels).ok()?)?;
        Some([heads, links])
    }

    /// No lists.
    pub(crate) fn clear(&mut self) {
        self.heads.fill(Head::default());
        self.links.fill([Links::default(); 2]);
    }

    /// Adds both ends of a channel to the lists of `partitions`, each at the number of its role.
    pub(crate) fn insert(&mut self, channel: u32, partitions: [u32; 2]) {
        for (role, partition) in Role::ALL.into_iter().zip(partitions) {
            self.insert_end(place(channel, role), partition);
        }
    }

    /// Takes both ends of a channel out.
    pub(crate) fn remove(&mut self, channel: u32, partitions: [u32; 2]) {
        for (role, partition) in Role::ALL.into_iter().zip(partitions) {
            let at = place(channel, role);
            let Links { next, previous } = self.links(at);
            self.join(partition, previous, next);
        }
    }

    /// The ends in a partition's list, or those behind one of them.
    pub(crate) fn of(
        &self,
        partition: u32,
        after: Option<(u32, Role)>,
    ) -> impl Iterator<Item = (u32, Role)> {
        let mut at = match after {
            None => self.head(partition).first,
            Some((channel, role)) => self.links(place(channel, role)).next,
        };
        core::iter::from_fn(move || {
            let found = end(at)?;
            at = self.links(at).next;
            Some(found)
        })
    }

    /// Puts an end where its number belongs, which is mostly the end of the list.
    fn insert_end(&mut self, at: Place, partition: u32) {
        let mut previous = self.head(partition).last;
        while previous > at {
            previous = self.links(previous).previous;
        }
        let next = match previous {
            0 => self.head(partition).first,
            _ => self.links(previous).next,
        };
        self.join(partition, previous, at);
        self.join(partition, at, next);
    }

    /// Makes two ends neighbours, 0 for the ends of the list.
    fn join(&mut self, partition: u32, previous: Place, next: Place) {
        match self.link_mut(previous) {
            Some(links) => links.next = next,
            None => self.head_mut(partition, |head| head.first = next),
        }
        match self.link_mut(next) {
            Some(links) => links.previous = previous,
            None => self.head_mut(partition, |head| head.last = previous),
        }
    }

    fn head(&self, partition: u32) -> Head {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        self.heads.get(at).copied().unwrap_or_default()
    }

    fn head_mut(&mut self, partition: u32, change: impl FnOnce(&mut Head)) {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        let _ = self.heads.get_mut(at).map(change);
    }

    fn links(&self, at: Place) -> Links {
        let (channel, role) = end(at).unwrap_or((u32::MAX, Role::Client));
        let both = usize::try_from(channel).ok().and_then(|channel| self.links.get(channel));
        let [client, server] = both.copied().unwrap_or_default();
        if role == Role::Client { client } else { server }
    }

    fn link_mut(&mut self, at: Place) -> Option<&mut Links> {
        let (channel, role) = end(at)?;
        let [client, server] = self.links.get_mut(usize::try_from(channel).ok()?)?;
        Some(if role == Role::Client { client } else { server })
    }
}
