//! Start of the program; what it does is in `partition.rs`.

#![cfg_attr(target_os = "none", no_std, no_main)]

mod partition;
#[cfg(test)]
mod tests;

rt::entry!(partition::Main);

#[cfg(not(target_os = "none"))]
fn main() {}
