//! On the host: the instructions of a partition, answered by the mock.

/// Enters the mock of the kernel.
pub fn call(_number: u64, _arguments: [u64; 6]) -> (u64, [u64; 4]) {
    (1, [0; 4])
}

/// Ends the partition under test by a panic.
pub fn exit(arguments: [u64; 6]) -> ! {
    std::panic!("exit {arguments:?}")
}

/// Nanoseconds of the mock's clock.
#[must_use]
pub fn time_stamp() -> u64 {
    0
}
