//! On the host: what the machine does for a partition, done by the mock.

pub use crate::mock::kernel::{call, information, report, time_page};

/// As [`call`], for three arguments and one value.
pub fn quick(number: u64, [a, b, c]: [u64; 3]) -> (u64, u64) {
    let (status, [value, ..]) = call(number, [a, b, c, 0, 0, 0]);
    (status, value)
}

/// On the host there is no heap of a partition's own: it gives back whatever is wanted.
pub fn resize_heap(length: u64, wanted: u64) -> u64 {
    length.min(wanted)
}

/// The `yield` call.
pub fn give_up() {
    #[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
    let _ = call(abi::call::Call::Yield as u64, [0; 6]);
}

/// Ends the partition under test.
pub fn exit(arguments: [u64; 6]) -> ! {
    std::panic!("exit {arguments:?}")
}

/// The mock's time page gives the time itself.
#[must_use]
pub const fn time_stamp() -> u64 {
    0
}
