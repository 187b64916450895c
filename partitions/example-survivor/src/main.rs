//! Start of the program; what it does is in the library beside it.

#![cfg_attr(target_os = "none", no_std, no_main)]

rt::entry!(example_survivor::Main);

#[cfg(not(target_os = "none"))]
fn main() {}
