//! What `./bulkhead` can do, one verb in each file.

pub mod bench;
pub mod debug;
pub mod dump;
pub mod image;
pub mod new;
pub mod run;
pub mod sizes;
pub mod test;
pub mod trace;
