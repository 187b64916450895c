//! Links the loader where boot loaders put it, and checks the key it is built with.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=loader.ld");
    println!("cargo::rerun-if-env-changed=BULKHEAD_PUBLIC_KEY");
    if let Ok(folder) = var("CARGO_MANIFEST_DIR") {
        println!("cargo::rustc-link-arg-bins=-T{folder}/loader.ld");
    }
    if let Ok(key) = var("BULKHEAD_PUBLIC_KEY") {
        let digits = key.len() == 64 && key.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !digits {
            println!("cargo::error=BULKHEAD_PUBLIC_KEY must be 64 hexadecimal digits");
        }
    }
}
