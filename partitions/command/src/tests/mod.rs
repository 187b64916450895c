//! The console against a machine made up: what is typed, and the text that comes.
// covers: CMD-3

mod books;
mod dump;
mod fake;
mod hostile;
mod mistakes;
mod nodes;
mod service;
mod session;
mod transactions;
mod verbs;
mod waits;
