//! Builds images, starts machines, talks to them and judges them. `./bulkhead` is its command line, the
//! scenarios in `tests/` use it as a library.
//!
//! [`programs`] builds what runs on the bare machine, [`images`] joins it into bootable files,
//! [`machine`] is the only place that knows QEMU's flags, [`session`] holds the two ends of a running
//! machine, [`exec`] types commands at its console and [`verdict`] says how it ended.

#![deny(missing_docs)]

pub mod bochs;
pub mod core_file;
pub mod exec;
pub mod images;
pub mod inside;
pub mod iso;
pub mod kvm;
pub mod machine;
pub mod marks;
pub mod paths;
pub mod perfetto;
pub mod physical;
pub mod processors;
pub mod programs;
pub mod qmp;
pub mod session;
pub mod strike;
pub mod symbols;
pub mod terminal;
pub mod verbs;
pub mod verdict;
