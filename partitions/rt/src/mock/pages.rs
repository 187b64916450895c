//! Memory of the mock: whole pages that live as long as the test.

use core::sync::atomic::{AtomicU64, Ordering};
use std::boxed::Box;
use std::sync::Mutex;
use std::vec::Vec;

/// A page of zeros.
#[repr(C, align(4096))]
struct Page([AtomicU64; 512]);

/// Start and end of every range that was made, on any thread.
static MADE: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());

/// Makes `count` pages; returns their address and length in bytes.
pub fn make(count: usize) -> (u64, u64) {
    let pages: Vec<Page> = (0..count).map(|_| Page([const { AtomicU64::new(0) }; 512])).collect();
    let pages: &'static [Page] = Box::leak(pages.into_boxed_slice());
    let address = pages.as_ptr().expose_provenance() as u64;
    let length = count as u64 * 4096;
    MADE.lock().unwrap().push((address, address + length));
    (address, length)
}

/// Whether the mock made this memory. Reaching beyond the end is for the information pages, whose number nobody
/// says: what lies behind is never touched.
pub(crate) fn owns(start: u64, end: u64) -> bool {
    MADE.lock().unwrap().iter().any(|(first, last)| *first == start && end <= *last)
}

/// Writes bytes to the pages at `address`, as the resource manager does.
pub fn write(address: u64, bytes: &[u8]) {
    let pages = core::ptr::with_exposed_provenance::<AtomicU64>(address as usize);
    for (n, chunk) in bytes.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        store(pages, n, u64::from_le_bytes(word));
    }
}

#[expect(unsafe_code, reason = "pages handed out by number, as a kernel does")]
fn store(pages: *const AtomicU64, n: usize, word: u64) {
    // SAFETY: made by `make`, never freed, large enough for what the mock writes.
    unsafe { &*pages.add(n) }.store(word, Ordering::Release);
}
