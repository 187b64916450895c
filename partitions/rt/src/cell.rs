//! The two ways in which a partition has state beside its stack: a value behind a flag, and memory handed out once.

#![expect(unsafe_code, reason = "interior of statics, guarded by one atomic each")]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that one holder at a time may use; who comes second is turned away, never made to wait.
pub struct Guarded<T> {
    busy: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the flag lets one thread at a time to the value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Holds `value`.
    pub const fn new(value: T) -> Self {
        Self { busy: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Lets `action` use the value; `None` if it is in use already, by an interrupted caller or another context.
    pub fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY: the flag was clear, so no other reference exists until it is cleared below.
        let result = action(unsafe { &mut *self.value.get() });
        self.busy.store(false, Ordering::Release);
        Some(result)
    }
}

/// Room for `N` values that a program hands to its runtime when it starts.
pub struct Room<T, const N: usize> {
    given: AtomicBool,
    values: UnsafeCell<[Option<T>; N]>,
}

// SAFETY: the values are given to one thread, once.
unsafe impl<T: Send, const N: usize> Sync for Room<T, N> {}

impl<T, const N: usize> Room<T, N> {
    /// Empty room.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "made in statics, where Default cannot be called"
    )]
    pub const fn new() -> Self {
        Self { given: AtomicBool::new(false), values: UnsafeCell::new([const { None }; N]) }
    }

    /// The room, for the first who asks; empty for all others.
    #[expect(clippy::mut_from_ref, reason = "given once, which the flag sees to")]
    pub fn give(&'static self) -> &'static mut [Option<T>] {
        if self.given.swap(true, Ordering::AcqRel) {
            return &mut [];
        }
        // SAFETY: the flag was clear, so this is the only reference there will ever be.
        unsafe { &mut *self.values.get() }
    }
}
