//! The boot partition: brings infrastructure back when it stops, the resource manager included.

#![cfg_attr(not(test), no_std)]

mod manager;
mod rescuer;

pub use rescuer::Rescuer;

#[cfg(test)]
mod tests;
