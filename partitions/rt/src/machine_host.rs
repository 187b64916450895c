//! On the host: what the machine does for a partition, done by the mock.

pub use crate::mock::kernel::{call, information, time_page};

/// Ends the partition under test.
pub fn exit(arguments: [u64; 6]) -> ! {
    std::panic!("exit {arguments:?}")
}

/// The mock's time page gives the time itself.
#[must_use]
pub const fn time_stamp() -> u64 {
    0
}
