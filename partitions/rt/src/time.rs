//! What time it is, without a system call.

use crate::information::read_consistent;
use crate::machine;
use crate::memory::Window;
use abi::information::TimePage;
use abi::types::{Nanoseconds, PAGE_SIZE};

/// How often the time page is tried to read: a host may take a processor away while the kernel writes it there, and no time at all would
/// be taken for the machine's start, so that every deadline were far away.
const TRIES: u32 = 1000;

/// The kernel's time page as it is now.
#[must_use]
pub fn page() -> Option<TimePage> {
    let window = Window::new(machine::time_page(), PAGE_SIZE)?;
    let read = |_| read_consistent(&window, core::mem::offset_of!(TimePage, sequence), 0);
    (0..TRIES).find_map(read)
}

/// Time since the kernel started; 0 where there is no time page.
#[must_use]
pub fn now() -> Nanoseconds {
    page().map_or(Nanoseconds::new(0), |page| at(&page, machine::time_stamp()))
}

/// What the page says for this reading of the counter.
fn at(page: &TimePage, counter: u64) -> Nanoseconds {
    if page.source == 0 {
        return Nanoseconds::new(page.base);
    }
    // A counter that is a little behind on another processor must not make time jump to the far end.
    let ticks = u128::from(counter.saturating_sub(page.base_tsc));
    let shift = u32::try_from(page.shift).unwrap_or(0);
    let passed = ticks.wrapping_mul(page.multiplier.into()).wrapping_shr(shift);
    Nanoseconds::new(page.base.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
}

/// The time `length` from now.
#[must_use]
pub fn after(length: Nanoseconds) -> Nanoseconds {
    Nanoseconds::new(now().raw().saturating_add(length.raw()))
}

/// A length of time in milliseconds.
#[must_use]
pub const fn milliseconds(count: u64) -> Nanoseconds {
    Nanoseconds::new(count.saturating_mul(1_000_000))
}

/// A length of time in seconds.
#[must_use]
pub const fn seconds(count: u64) -> Nanoseconds {
    milliseconds(count.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn time_is_scaled_in_wide_arithmetic_and_never_jumps() {
        let mut page = TimePage::new_zeroed();
        (page.base, page.base_tsc) = (1000, 500);
        assert_eq!(at(&page, 9999).raw(), 1000, "no counter to trust");
        (page.source, page.multiplier, page.shift) = (1, 3 << 31, 32);
        assert_eq!(at(&page, 600).raw(), 1150);
        assert_eq!(at(&page, 499).raw(), 1000);
        let year = 1 << 57;
        assert_eq!(at(&page, year + 500).raw(), 1000 + year / 2 * 3);
    }
}
