//! From a manifest (`images/*.toml`) to a boot image and a report, with every check that can be made before boot.
//!
//! [`Manifest::parse`] reads and checks the text, [`compile`] makes the records that the resource
//! manager reads, [`build`] joins them with the programs into an image, [`report`] says who got what.
//! Every complaint is a [`Diagnostic`] that points at a line.

#![deny(missing_docs)]

mod build;
mod check;
mod check_devices;
mod check_founding;
mod check_rescue;
mod compile;
mod diagnostic;
mod fields;
mod manifest;
mod read;
mod report;
mod strip;
mod unit;
mod zones;

pub use build::{BuildError, Built, build};
pub use compile::compile;
pub use diagnostic::{Diagnostic, nearest};
pub use manifest::{Channel, Grant, Located, Manifest, Partition};
pub use report::report;
pub use strip::stripped;
