//! The console against a machine made up: what is typed, and the text that comes.
// covers: CMD-3

mod fake;
mod hostile;
mod mistakes;
mod session;
mod verbs;
mod waits;
