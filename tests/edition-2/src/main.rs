//! The second version of `edition`: answers as such, and is larger by a table.

#![cfg_attr(target_os = "none", no_std, no_main)]

use edition::Keeper;

rt::entry!(Keeper::<2>);

#[cfg(not(target_os = "none"))]
fn main() {}
