//! Links the kernel with `linker.ld` to the address that `abi` names.

use std::path::Path;

fn main() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../linker.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    println!("cargo::rustc-link-arg-bins=--defsym=KERNEL_BASE={:#x}", abi::layout::KERNEL_BASE);
}
