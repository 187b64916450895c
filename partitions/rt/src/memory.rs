//! Memory outside of the program: channels, information pages, device registers. Copied, never referred to.

#![expect(unsafe_code, reason = "the only raw memory access of a partition")]

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use ring::SharedMemory;

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
        let room = self.length.checked_sub(offset)?.checked_div(size_of::<T>())?;
        (count <= room && offset.is_multiple_of(align_of::<T>()))
            .then(|| core::ptr::with_exposed_provenance_mut(self.address.wrapping_add(offset)))
    }

    /// The words at `offset`, for all their users atomic.
    #[inline]
    fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        // SAFETY: inside the window, aligned, and memory there is only ever accessed as atomics.
        self.place(offset, count)
            .map_or(&[], |place| unsafe { core::slice::from_raw_parts(place, count) })
    }

    #[inline]
    fn half(&self, offset: usize) -> Option<&AtomicU32> {
        // SAFETY: inside the window, aligned, and memory there is only ever accessed as atomics.
        self.place(offset, 1).map(|place| unsafe { AtomicU32::from_ptr(place) })
    }

    fn byte(&self, offset: usize) -> Option<&AtomicU8> {
        // SAFETY: inside the window, and memory there is only ever accessed as atomics.
        self.place(offset, 1).map(|place| unsafe { AtomicU8::from_ptr(place) })
    }

    /// Loads the 8 bytes at a multiple of 8.
    #[must_use]
    pub fn load64(&self, offset: usize, order: Ordering) -> u64 {
        self.words(offset, 1).first().map_or(0, |word| word.load(order))
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
    [
        (layout::TIME_PAGE, layout::STACK_LIMIT),
        (layout::LASTING, layout::LASTING_END),
        (layout::DEVICES, layout::CHANNELS_END),
    ]
    .into_iter()
    .any(|(first, last)| first <= start && end <= last)
}

/// On the host every window is made by the mock, over memory of its own.
#[cfg(not(target_os = "none"))]
fn foreign(start: u64, end: u64) -> bool {
    crate::mock::owns(start, end)
}

impl SharedMemory for Window {
    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.half(offset).map_or(0, |half| half.load(order))
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        if let Some(half) = self.half(offset) {
            half.store(value, order);
        }
    }

    #[inline]
    fn read(&self, offset: usize, to: &mut [u64]) {
        let words = self.words(offset, to.len());
        for (word, place) in to.iter_mut().zip(words) {
            *word = place.load(Ordering::Relaxed);
        }
    }

    #[inline]
    fn write(&self, offset: usize, from: &[u64]) {
        for (word, place) in from.iter().zip(self.words(offset, from.len())) {
            place.store(*word, Ordering::Relaxed);
        }
    }

    fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        let (chunks, rest) = to.as_chunks_mut::<8>();
        let words = if offset.is_multiple_of(8) { chunks.len() } else { 0 };
        for (chunk, at) in chunks.iter_mut().take(words).zip((offset..).step_by(8)) {
            *chunk = self.load64(at, Ordering::Relaxed).to_le_bytes();
        }
        let done = words.wrapping_mul(8);
        let bytes = chunks.as_flattened_mut().iter_mut().skip(done).chain(rest);
        for (byte, at) in bytes.zip(offset.wrapping_add(done)..) {
            *byte = self.byte(at).map_or(0, |byte| byte.load(Ordering::Relaxed));
        }
    }

    fn write_bytes(&self, offset: usize, from: &[u8]) {
        let (chunks, _) = from.as_chunks::<8>();
        let words = if offset.is_multiple_of(8) { chunks.len() } else { 0 };
        for (chunk, at) in chunks.iter().take(words).zip((offset..).step_by(8)) {
            self.write(at, &[u64::from_le_bytes(*chunk)]);
        }
        let done = words.wrapping_mul(8);
        for (byte, at) in from.iter().skip(done).zip(offset.wrapping_add(done)..) {
            if let Some(place) = self.byte(at) {
                place.store(*byte, Ordering::Relaxed);
            }
        }
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
        whole.write(4096, &[7]);
        for offset in [4096, 4092, 4089, usize::MAX, usize::MAX - 7] {
            half.write(offset, &[1]);
            half.write_bytes(offset, &[1; 0]);
            assert_eq!(half.load64(offset, Ordering::Relaxed), 0, "{offset}");
        }
        half.store(4096, 1, Ordering::Relaxed);
        half.write(4088, &[1, 2]);
        assert_eq!(whole.load64(4096, Ordering::Relaxed), 7);
        assert_eq!(
            whole.load64(4088, Ordering::Relaxed),
            0,
            "a range that does not fit is left alone"
        );
        half.store(4093, 1, Ordering::Relaxed);
        assert_eq!(whole.load64(4088, Ordering::Relaxed), 0, "unaligned");
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
        assert_eq!(beyond, [3, 4, 5, 6, 0, 0, 0, 0], "what is outside reads as zero");
    }
}
