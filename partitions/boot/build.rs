//! Links the program with `boot.ld` to the address that `abi` names.

fn main() {
    println!("cargo::rerun-if-changed=boot.ld");
    // On the host it is a program like any other.
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if let (true, Ok(folder)) = (bare, std::env::var("CARGO_MANIFEST_DIR")) {
        println!("cargo::rustc-link-arg-bins=-T{folder}/boot.ld");
        let base = abi::layout::PROGRAM_BASE;
        println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_BASE={base:#x}");
    }
}
