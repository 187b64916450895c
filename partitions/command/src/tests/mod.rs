//! The console against a machine made up: what is typed, and the text that comes.
// covers: CMD-3

mod fake;
mod mistakes;
mod session;
mod verbs;
