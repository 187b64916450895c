//! What the resource manager says about this partition, read so that a change in the middle is noticed.

use crate::machine;
use crate::memory::Window;
use abi::channel::{ChannelKind, Role};
use abi::information::{
    INFORMATION_HEADER, INFORMATION_MAGIC, Information, Resource, ResourceKind,
};
use abi::layout::INFORMATION_PAGES;
use abi::types::PAGE_SIZE;
use core::sync::atomic::{Ordering, fence};
use zerocopy::FromBytes;

/// Tries before a page that is always being changed is given up for now.
const TRIES: u32 = 1000;
/// How long and how often is waited then by who cannot go on without it: whoever changes it may have used up its slots in the middle, or
/// died there, and a host may take its processor away.
const PAUSES: u32 = if cfg!(target_os = "none") { 5000 } else { 200 };
/// Bytes of the largest structure in the pages.
const LARGEST: usize = 256;
/// Offset of [`Information::sequence`] and of [`abi::information::TimePage::sequence`].
const SEQUENCE: usize = core::mem::offset_of!(Information, sequence);

/// The information pages of this partition.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    window: Window,
    reading: Reading,
}

/// What becomes of a reader who finds the pages in the middle of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// It waits.
    Patient,
    /// It goes on with nothing.
    Hasty,
    /// It reads them as they are.
    Unsettled,
}

impl Pages {
    /// The pages, where the partition has any.
    #[must_use]
    pub fn find() -> Option<Self> {
        let length = INFORMATION_PAGES.checked_mul(PAGE_SIZE)?;
        let window = Window::new(machine::information()?, length)?;
        Some(Self { window, reading: Reading::Patient })
    }

    /// The same pages as they are even where their writer died in the middle of a change: for who brings that writer back. What is granted
    /// for good is written over with the same.
    #[must_use]
    pub const fn unsettled(self) -> Self {
        Self { reading: Reading::Unsettled, ..self }
    }

    /// The same pages for who has other things to do: what is being changed is not there for now.
    pub(crate) const fn hasty(self) -> Self {
        Self { reading: Reading::Hasty, ..self }
    }

    /// The head of the pages; `None` if they are not what they should be, or never at rest.
    #[must_use]
    pub fn header(&self) -> Option<Information> {
        let header: Information = self.consistent(0)?;
        (header.magic == INFORMATION_MAGIC && abi::compatible(header.version)).then_some(header)
    }

    /// Resource number `index`, `None` past the last.
    #[must_use]
    pub fn resource(&self, index: u32) -> Option<Resource> {
        if index >= self.header()?.resources { None } else { self.record(index) }
    }

    fn record(&self, place: u32) -> Option<Resource> {
        let place = usize::try_from(place).ok()?.checked_mul(size_of::<Resource>())?;
        self.consistent(INFORMATION_HEADER.checked_add(place)?)
    }

    /// All resources.
    pub fn resources(self) -> impl Iterator<Item = Resource> {
        self.records(0).map(|(_, resource)| resource)
    }

    /// All resources from a place on, with their places.
    pub fn records(self, from: u32) -> impl Iterator<Item = (u32, Resource)> {
        let count = self.header().map_or(0, |header| header.resources);
        (from..count).map_while(move |place| Some((place, self.record(place)?)))
    }

    fn consistent<T: FromBytes>(&self, offset: usize) -> Option<T> {
        let mut bytes = [0; LARGEST];
        let copy = bytes.get_mut(..size_of::<T>())?;
        if offset.checked_add(copy.len())? > self.window.length() {
            return None;
        }
        let mut pauses = 0..if self.reading == Reading::Patient { PAUSES } else { 0 };
        loop {
            let settled = read_consistent(&self.window, SEQUENCE, offset);
            if settled.is_some() {
                return settled;
            }
            if pauses.next().is_none() {
                break;
            }
            pause();
        }
        if self.reading != Reading::Unsettled {
            return None;
        }
        self.window.read_bytes(offset, copy);
        T::read_from_bytes(copy).ok()
    }
}

/// Lets a millisecond pass. Nothing but the deadline ends it.
#[cfg(target_os = "none")]
fn pause() {
    let _ = crate::sys::wait(0, crate::time::after(crate::time::milliseconds(1)));
}

/// The same where whoever changes the pages is another thread.
#[cfg(not(target_os = "none"))]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(1));
}

/// A `T` that nobody changed while it was copied; the word at `sequence` is raised before and after a change. `None` for one that
/// does not lie in the pages.
pub fn read_consistent<T: FromBytes>(page: &Window, sequence: usize, offset: usize) -> Option<T> {
    let mut bytes = [0; LARGEST];
    let copy = bytes.get_mut(..size_of::<T>())?;
    if offset.checked_add(copy.len())? > page.length() {
        return None;
    }
    for _ in 0..TRIES {
        let before = page.load64(sequence, Ordering::Acquire);
        page.read_bytes(offset, copy);
        fence(Ordering::Acquire);
        if before.is_multiple_of(2) && page.load64(sequence, Ordering::Relaxed) == before {
            return T::read_from_bytes(copy).ok();
        }
        core::hint::spin_loop();
    }
    None
}

/// Whether a resource is of this kind.
#[must_use]
#[expect(clippy::as_conversions, reason = "the number of a kind, declared repr(u8)")]
pub fn is_kind(resource: &Resource, kind: ResourceKind) -> bool {
    resource.kind == kind as u8
}

/// Whether a resource is this end of a channel.
#[must_use]
#[expect(clippy::as_conversions, reason = "the number of a role, declared repr(u8)")]
pub fn is_end(resource: &Resource, role: Role) -> bool {
    is_kind(resource, ResourceKind::Channel) && resource.role == role as u8
}

/// Whether a channel is one of these kinds.
#[must_use]
#[expect(clippy::as_conversions, reason = "the number of a kind, declared repr(u16)")]
pub fn is_for(resource: &Resource, kinds: &[ChannelKind]) -> bool {
    kinds.iter().any(|&kind| resource.channel_kind == kind as u16)
}

#[cfg(test)]
mod tests {
    //! Pages that say anything, also while they are read.

    use super::*;
    use crate::mock::make;
    use abi::ABI_VERSION;
    use core::sync::atomic::AtomicBool;
    use std::vec::Vec;

    fn pages() -> (Pages, Window) {
        let count = usize::try_from(INFORMATION_PAGES).unwrap();
        let (address, length) = make(count);
        let window = Window::new(address, length).unwrap();
        (Pages { window, reading: Reading::Hasty }, window)
    }

    fn put(window: &Window, offset: usize, value: u64) {
        window.write_bytes(offset, &value.to_le_bytes());
    }

    /// A head with this many resources, at rest.
    fn head(window: &Window, resources: u32) {
        put(window, 0, INFORMATION_MAGIC);
        put(window, SEQUENCE, 2);
        window.write_bytes(core::mem::offset_of!(Information, version), &ABI_VERSION.to_le_bytes());
        let offset = core::mem::offset_of!(Information, resources);
        window.write_bytes(offset, &resources.to_le_bytes());
    }

    #[test]
    fn a_list_that_claims_no_end_ends_with_the_pages() {
        let (pages, window) = pages();
        let room = (window.length() - INFORMATION_HEADER) / size_of::<Resource>();
        for claimed in [0, 1, 3, u32::MAX - 1, u32::MAX] {
            head(&window, claimed);
            let most = usize::try_from(claimed).unwrap().min(room);
            assert_eq!(pages.records(0).count(), most, "{claimed}");
        }
        assert_eq!(pages.resource(u32::MAX - 1).map(|_| ()), None);
    }

    #[test]
    fn pages_never_at_rest_are_given_up() {
        let (pages, window) = pages();
        head(&window, 1);
        put(&window, SEQUENCE, 3);
        assert!(pages.header().is_none() && pages.resource(0).is_none());
        // But not by who brings the dead writer back; there still is an end.
        let unsettled = pages.unsettled();
        assert!(unsettled.header().is_some());
        assert_eq!(unsettled.resources().count(), 1);
        head(&window, u32::MAX);
        put(&window, SEQUENCE, 3);
        let room = (window.length() - INFORMATION_HEADER) / size_of::<Resource>();
        assert_eq!(unsettled.resources().count(), room);
    }

    /// A writer whose slots are used up goes on in the next frame, and one that died comes back: who starts meanwhile waits.
    #[test]
    fn who_cannot_go_on_without_them_waits() {
        let (pages, window) = pages();
        head(&window, 1);
        put(&window, SEQUENCE, 3);
        assert!(pages.header().is_none());
        let patient = Pages { reading: Reading::Patient, ..pages };
        std::thread::scope(|scope| {
            let found = scope.spawn(|| patient.resources().count());
            std::thread::sleep(std::time::Duration::from_millis(10));
            put(&window, SEQUENCE, 4);
            assert_eq!(found.join().unwrap(), 1);
        });
        put(&window, SEQUENCE, 5);
        assert_eq!(
            patient.record(u32::MAX).map(|_| ()),
            None,
            "what is not there is not waited for"
        );
    }

    /// What changes while it is read is read whole or not at all.
    #[test]
    fn a_change_in_the_middle_is_noticed() {
        let (pages, window) = pages();
        head(&window, 4);
        let stop = AtomicBool::new(false);
        let seen: Vec<Resource> = std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in (4..).step_by(2) {
                    put(&window, SEQUENCE, round - 1);
                    fence(Ordering::SeqCst);
                    for place in (0..4 * size_of::<Resource>()).step_by(8) {
                        put(&window, INFORMATION_HEADER + place, round);
                    }
                    fence(Ordering::SeqCst);
                    put(&window, SEQUENCE, round);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    std::thread::yield_now();
                }
            });
            let seen = (0..4000).filter_map(|index| pages.resource(index % 4)).collect();
            stop.store(true, Ordering::Relaxed);
            seen
        });
        assert!(seen.len() > 100, "{} were read", seen.len());
        for resource in &seen {
            // Every word of it is of the same round.
            let bytes = zerocopy::IntoBytes::as_bytes(resource);
            assert!(bytes.chunks(8).all(|word| word == &bytes[..8]), "{resource:?}");
        }
    }
}
