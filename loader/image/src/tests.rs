//! Tests as an enemy: every rule broken once with its exact sentence, then random damage.

mod elf;
mod image;
