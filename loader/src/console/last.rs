//! The screen that was used last, for the last words of a loader that failed.
#![expect(unsafe_code, reason = "a screen is taken over from a part of the loader that failed")]

use super::{Pixels, Screen, Text};
use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What it is, then its framebuffer.
static KIND: AtomicU32 = AtomicU32::new(NONE);
static ADDRESS: AtomicU64 = AtomicU64::new(0);
static SIZES: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];
const NONE: u32 = 0;
const TEXT: u32 = 1;
const PIXELS: u32 = 2;

/// Notes a screen that is used from now on.
pub(super) fn remember(screen: &Screen) {
    let kind = match screen {
        Screen::None => NONE,
        Screen::Text(_) => TEXT,
        Screen::Pixels(pixels) => {
            let Framebuffer { address, pitch, width, height, depth } = *pixels.buffer();
            ADDRESS.store(address.raw(), Ordering::Relaxed);
            for (to, from) in SIZES.iter().zip([pitch, width, height, depth]) {
                to.store(from, Ordering::Relaxed);
            }
            PIXELS
        }
    };
    KIND.store(kind, Ordering::Relaxed);
}

/// That screen, from its first line on. Whoever used it does not go on.
pub(super) fn screen() -> Screen {
    match KIND.load(Ordering::Relaxed) {
        // SAFETY: it was text memory before, and nobody else writes to it any more.
        TEXT => Screen::Text(unsafe { Text::new() }),
        PIXELS => {
            let [pitch, width, height, depth] =
                SIZES.each_ref().map(|size| size.load(Ordering::Relaxed));
            let address = PhysicalAddress::new(ADDRESS.load(Ordering::Relaxed));
            let buffer = Framebuffer { address, pitch, width, height, depth };
            // SAFETY: it was drawn on before, and nobody else draws on it any more.
            unsafe { Pixels::new(buffer) }.map_or(Screen::None, Screen::Pixels)
        }
        _ => Screen::None,
    }
}
