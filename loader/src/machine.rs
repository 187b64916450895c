//! The machine under the loader. All unsafe code of the loader that is not a door's is in here.

pub mod enter;
pub mod faults;
pub mod legacy;
pub mod memory;
pub mod ports;
pub mod processor;
