//! What those share who create and destroy partitions in masses.

#![no_std]

pub mod manager;
