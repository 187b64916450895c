//! The time stamp counter, in as few instructions as it can be read.

#![expect(unsafe_code, reason = "an instruction")]

/// The counter. Under `-icount shift=0` a tick is one instruction.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: reads a counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}
