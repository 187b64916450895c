//! Memory outside of the program: channels, information pages, device registers. Copied, never referred to.

#![expect(unsafe_code, reason = "the only raw memory access of a partition")]

use abi::channel::ENTRY_SIZE;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use ring::{Entry, Geometry, Ring, SharedMemory};

/// The bits of an offset that name a word of the first page.
const FIRST_PAGE: usize = 0xffc;
// The number is abi's; only its type differs.
const _: () = assert!(FIRST_PAGE | 3 == (1 << abi::types::PAGE_SHIFT) - 1);

/// A range of memory that the program's own objects never lie in. Accesses outside of it read zero and write nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    address: usize,
    length: usize,
}

impl Window {
    /// The `length` bytes at `address`, or `None` where that is not page-aligned or objects of the program could lie in it.
    #[must_use]
    pub fn new(address: u64, length: u64) -> Option<Self> {
        let end = address.checked_add(length)?;
        if !address.is_multiple_of(abi::types::PAGE_SIZE) || !foreign(address, end) {
            return None;
        }
        Some(Self {
            address: usize::try_from(address).ok()?,
            length: usize::try_from(length).ok()?,
        })
    }

    /// Bytes of it.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Address of `count` values of `T` at `offset`, if they lie inside and are aligned. The window itself is, to a page.
    #[inline]
    fn place<T>(&self, offset: usize, count: usize) -> Option<*mut T> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(offset)?;
        (end <= self.length && offset.is_multiple_of(align_of::<T>()))
            .then(|| core::ptr::with_exposed_provenance_mut(self.address.wrapping_add(offset)))
    }

    /// The words at `offset`, for all their users atomic.
    #[inline]
    fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        // SAFETY: inside the window, aligned, and memory there is only ever accessed as atomics.
        self.place(offset, count)
            .map_or(&[], |place| unsafe { core::slice::from_raw_parts(place, count) })
    }

    /// The bytes at `offset`, for all their users atomic.
    #[inline]
    fn bytes(&self, offset: usize, count: usize) -> &[AtomicU8] {
        // SAFETY: inside the window, and memory there is only ever accessed as atomics.
        self.place(offset, count)
            .map_or(&[], |place| unsafe { core::slice::from_raw_parts(place, count) })
    }

    /// A range as words and the bytes behind them; all bytes where it does not start at a word, nothing where it is not inside.
    #[inline]
    fn words_and_bytes(&self, offset: usize, length: usize) -> (&[AtomicU64], &[AtomicU8]) {
        if self.place::<u8>(offset, length).is_none() {
            return (&[], &[]);
        }
        let words = if offset.is_multiple_of(8) { self.words(offset, length / 8) } else { &[] };
        let done = size_of_val(words);
        let rest = length.wrapping_sub(done);
        (words, if rest == 0 { &[] } else { self.bytes(offset.wrapping_add(done), rest) })
    }

    /// Loads the 8 bytes at a multiple of 8.
    #[must_use]
    pub fn load64(&self, offset: usize, order: Ordering) -> u64 {
        self.words(offset, 1).first().map_or(0, |word| word.load(order))
    }

    /// Copies bytes out; zeros where they are not inside.
    pub fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        let (words, bytes) = self.words_and_bytes(offset, to.len());
        let Some((chunks, rest)) = to.split_at_mut_checked(size_of_val(words)) else { return };
        for (chunk, word) in chunks.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *chunk = word.load(Ordering::Relaxed).to_le_bytes();
        }
        if bytes.len() < rest.len() {
            rest.fill(0);
        }
        for (to, byte) in rest.iter_mut().zip(bytes) {
            *to = byte.load(Ordering::Relaxed);
        }
    }

    /// Copies bytes in; nothing where they are not inside.
    pub fn write_bytes(&self, offset: usize, from: &[u8]) {
        let (words, bytes) = self.words_and_bytes(offset, from.len());
        for (chunk, word) in from.as_chunks().0.iter().zip(words) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
        for (byte, place) in from.iter().skip(size_of_val(words)).zip(bytes) {
            place.store(*byte, Ordering::Relaxed);
        }
    }

    /// Reads a register of 1, 2, 4 or 8 bytes with one access of that width.
    pub(crate) fn read_register<T: Default + Copy>(&self, offset: usize) -> T {
        // SAFETY: inside the window and aligned; T is one of the plain integers, see `device`.
        self.place(offset, 1)
            .map_or_else(T::default, |place| unsafe { core::ptr::read_volatile(place) })
    }

    /// Writes a register of 1, 2, 4 or 8 bytes with one access of that width.
    pub(crate) fn write_register<T: Copy>(&self, offset: usize, value: T) {
        if let Some(place) = self.place(offset, 1) {
            // SAFETY: inside the window and aligned; T is one of the plain integers, see `device`.
            unsafe { core::ptr::write_volatile(place, value) }
        }
    }
}

/// Whether the range holds nothing that Rust knows of: not the program, its stacks, or its heap.
#[cfg(target_os = "none")]
fn foreign(start: u64, end: u64) -> bool {
    use abi::layout;
    [(layout::STACK_TOP, layout::LASTING_END), (layout::DEVICES, layout::CHANNELS_END)]
        .into_iter()
        .any(|(first, last)| first <= start && end <= last)
}

/// On the host every window is made by the mock, over memory of its own.
#[cfg(not(target_os = "none"))]
fn foreign(start: u64, end: u64) -> bool {
    crate::mock::owns(start, end)
}

/// Memory of a channel: a window with the layout of one, so that no access needs to be checked any more.
#[derive(Clone, Copy, Debug)]
pub struct ChannelMemory {
    window: Window,
    geometry: Geometry,
}

impl ChannelMemory {
    /// The channel in `window` with rings of `2^shift` entries, or `None` where they do not fit.
    #[must_use]
    pub fn new(window: Window, shift: u32) -> Option<Self> {
        let geometry = Geometry::new(shift, window.length)?;
        Some(Self { window, geometry })
    }

    /// A word of the first page.
    #[inline]
    fn word(&self, offset: usize) -> &AtomicU32 {
        let place = self.window.address.wrapping_add(offset & FIRST_PAGE);
        // SAFETY: a channel is at least a page long, the place is inside that and aligned, and memory there is only ever
        // accessed as atomics.
        unsafe { AtomicU32::from_ptr(core::ptr::with_exposed_provenance_mut(place)) }
    }
}

/// An entry of a channel's ring.
struct EntryWords<'a>(&'a [AtomicU64; ENTRY_SIZE / 8]);

impl Entry for EntryWords<'_> {
    #[inline(always)]
    fn get(&self, word: usize) -> u64 {
        self.0.get(word).map_or(0, |place| place.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn set(&self, word: usize, value: u64) {
        if let Some(place) = self.0.get(word) {
            place.store(value, Ordering::Relaxed);
        }
    }

    // What the trait does by itself looks where it is at each word.
    #[inline(always)]
    fn read(&self, first: usize, to: &mut [u64]) {
        for (to, place) in to.iter_mut().zip(self.0.get(first..).unwrap_or(&[])) {
            *to = place.load(Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn write(&self, first: usize, from: impl Iterator<Item = u64>) {
        for (word, place) in from.zip(self.0.get(first..).unwrap_or(&[])) {
            place.store(word, Ordering::Relaxed);
        }
    }
}

impl SharedMemory for ChannelMemory {
    #[inline]
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).load(order)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.word(offset).store(value, order);
    }

    #[inline(always)]
    fn entry(&self, ring: Ring, index: u32) -> impl Entry {
        let place = self.window.address.wrapping_add(self.geometry.entry(ring, index));
        // SAFETY: the layout was made for the length of the window, so that all entries are inside; they are aligned, and
        // memory there is only ever accessed as atomics.
        EntryWords(unsafe { &*core::ptr::with_exposed_provenance(place) })
    }

    fn read_data(&self, offset: usize, to: &mut [u8]) {
        self.window.read_bytes(offset, to);
    }

    fn write_data(&self, offset: usize, from: &[u8]) {
        self.window.write_bytes(offset, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CHN-6
    #[test]
    fn nothing_outside_a_window_is_read_or_written() {
        let (address, length) = crate::mock::make(2);
        assert!(
            Window::new(address, length + 1).is_none() && Window::new(address + 8, 8).is_none()
        );
        assert!(Window::new(u64::MAX - 4095, 4096).is_none());
        let whole = Window::new(address, length).unwrap();
        let half = Window::new(address, 4096).unwrap();
        whole.write_bytes(4096, &[7]);
        for offset in [4096, 4092, 4089, usize::MAX, usize::MAX - 7] {
            half.write_bytes(offset, &[1; 8]);
            half.write_register(offset, 1_u64);
            assert_eq!(half.load64(offset, Ordering::Relaxed), 0, "{offset}");
        }
        half.write_bytes(4088, &[1; 16]);
        half.write_register(4093, 1_u32);
        assert_eq!(whole.load64(4096, Ordering::Relaxed), 7);
        assert_eq!(whole.load64(4088, Ordering::Relaxed), 0, "what does not fit is left alone");
    }

    // covers: CHN-6
    #[test]
    fn no_word_of_a_channel_is_outside_of_it() {
        let (address, length) = crate::mock::make(5);
        let whole = Window::new(address, length).unwrap();
        let window = Window::new(address, 3 * 4096).unwrap();
        assert!(ChannelMemory::new(window, 6).is_none());
        let channel = ChannelMemory::new(window, 5).unwrap();
        for index in [0, 31, 32, 33, u32::MAX / 2, u32::MAX] {
            for ring in [Ring::Requests, Ring::Completions] {
                let entry = channel.entry(ring, index);
                entry.write(0, core::iter::repeat(u64::MAX));
                entry.set(16, u64::MAX);
                entry.write(16, core::iter::once(u64::MAX));
                let mut words = [0; 20];
                entry.read(0, &mut words);
                assert_eq!((words[15], words[16], entry.get(16)), (u64::MAX, 0, 0));
            }
        }
        for offset in [0, 4092, 4096, 4099, usize::MAX] {
            channel.store(offset, 1, Ordering::Relaxed);
            assert_eq!(channel.load(offset, Ordering::Relaxed), 1);
        }
        let mut behind = [0; 8192];
        whole.read_bytes(3 * 4096, &mut behind);
        assert!(behind.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn bytes_are_copied_wherever_they_start() {
        let (address, length) = crate::mock::make(1);
        let window = Window::new(address, length).unwrap();
        let text: std::vec::Vec<u8> = (1..=29).collect();
        for (offset, end) in [(0, 29), (3, 20), (8, 8), (16, 17), (4090, 6)] {
            let from = text.get(..end).unwrap();
            window.write_bytes(offset, from);
            let mut back = [0; 29];
            window.read_bytes(offset, back.get_mut(..end).unwrap());
            assert_eq!(back.get(..end).unwrap(), from, "{offset}");
        }
        let mut beyond = [9; 8];
        window.read_bytes(4092, &mut beyond);
        assert_eq!(beyond, [0; 8], "what is not inside as a whole reads as zero");
    }
}
