//! Messages on channels, by kind of channel. Each fits the inline part of an entry.

pub mod console;
pub mod hardware;
pub mod resource;
