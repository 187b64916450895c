//! Memory of the mock: whole pages that live as long as the test.

use crate::memory::Window;
use abi::types::PAGE_SIZE;
use core::sync::atomic::AtomicU64;
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
    let page = address / PAGE_SIZE * PAGE_SIZE;
    let window = Window::new(page, 4096).unwrap();
    window.write_bytes((address - page) as usize, bytes);
}
