//! The owner map as an enemy meets it: the document's example, random transactions, broken rules, a crash at every write.
#![expect(clippy::unwrap_used, reason = "tests say what they expect")]

mod common;
mod crash;
mod document;
mod random;
mod rules;
mod slab;
mod text;
