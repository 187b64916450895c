//! The first version: see the library beside it.

#![cfg_attr(target_os = "none", no_std, no_main)]

rt::entry!(edition::Main);

#[cfg(not(target_os = "none"))]
fn main() {}
