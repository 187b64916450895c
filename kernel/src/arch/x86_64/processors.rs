//! Starts the further processors.

use super::area::Area;
use super::hardware::Hardware;
use abi::boot::BootInformation;
use kernel_core::boot::Pool;

/// Makes areas for the listed processors, as many as the pool has room for. Returns how many there are, with the first.
pub fn create(_information: &BootInformation, _pool: &mut Pool) -> u16 {
    1
}

/// Starts them. Returns how many run.
pub fn start(_information: &BootInformation, _hardware: &'static Hardware) -> u32 {
    let _ = Area::here();
    1
}
