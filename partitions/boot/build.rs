//! Links the program with `boot.ld` to the two places that `abi` names: versions of it lie there in turn.

use abi::layout::{PROGRAM_BASE, PROGRAM_BESIDE};

fn main() {
    println!("cargo::rerun-if-changed=boot.ld");
    // On the host it is a program like any other.
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if let (true, Ok(folder)) = (bare, std::env::var("CARGO_MANIFEST_DIR")) {
        for (program, base) in [("boot", PROGRAM_BASE), ("boot-beside", PROGRAM_BESIDE)] {
            println!("cargo::rustc-link-arg-bin={program}=-T{folder}/boot.ld");
            println!("cargo::rustc-link-arg-bin={program}=--defsym=PROGRAM_BASE={base:#x}");
        }
    }
}
