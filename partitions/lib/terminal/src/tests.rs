//! The editor against a naive model of line and cursor, and its output against a small terminal.
// covers: CMD-3
mod cases;
mod glass;
mod model;
mod random;
