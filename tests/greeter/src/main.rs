//! The partition that `./bulkhead new` makes, as it is, for the scenarios to run on the machine.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[path = "../../../partitions/rt/template/src/partition.rs"]
mod partition;

rt::entry!(partition::Main);

#[cfg(not(target_os = "none"))]
fn main() {}
