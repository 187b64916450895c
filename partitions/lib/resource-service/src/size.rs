//! Memory as people write it.

use abi::types::PAGE_SIZE;
use core::fmt;

/// An amount of memory, given in pages: `64 KiB`, `1.5 MiB`, `12 GiB`. Never more than there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.0.saturating_mul(PAGE_SIZE / 1024);
        let (mib, gib, tib) = (kib >> 10, kib >> 20, kib >> 30);
        match () {
            () if kib < 1024 => pad(f, format_args!("{kib} KiB")),
            () if mib < 10 => {
                let tenths = (kib % 1024).saturating_mul(10) / 1024;
                pad(f, format_args!("{mib}.{tenths} MiB"))
            }
            () if mib < 10_240 => pad(f, format_args!("{mib} MiB")),
            () if gib < 10_240 => pad(f, format_args!("{gib} GiB")),
            () => pad(f, format_args!("{tib} TiB")),
        }
    }
}

/// Writes a short text as wide as the format asks for.
///
/// # Errors
/// Those of `f`.
pub fn pad(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    match f.width() {
        None => f.write_fmt(text),
        Some(_) => f.pad(&alloc::fmt::format(text)),
    }
}
