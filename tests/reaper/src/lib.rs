//! What of the kill campaign can be tried on the host: random numbers, and the journal that makers keep.

#![cfg_attr(not(test), no_std)]

pub mod chance;
pub mod journal;
