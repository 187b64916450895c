//! The third version of `edition`, which never comes up: it panics, or hangs where its partition is called so.

#![cfg_attr(target_os = "none", no_std, no_main)]

use rt::{Partition, Start, System};

/// Comes to nothing.
struct Fails;

impl Partition for Fails {
    fn started(system: &mut System, start: &Start) -> Self {
        rt::log!("edition 3: start {}", start.starts);
        let name = system.information().map(|information| information.name).unwrap_or_default();
        while rt::abi::image::name_text(&name) == "hangs" {
            core::hint::spin_loop();
        }
        panic!("edition 3 is no good")
    }
}

rt::entry!(Fails);

#[cfg(not(target_os = "none"))]
fn main() {}
