//! Links the program as the boot partition is linked, whose part it can play.

fn main() {
    let script = "../../partitions/boot/boot.ld";
    println!("cargo::rerun-if-changed={script}");
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if let (true, Ok(folder)) = (bare, std::env::var("CARGO_MANIFEST_DIR")) {
        println!("cargo::rustc-link-arg-bins=-T{folder}/{script}");
        let base = abi::layout::PROGRAM_BASE;
        println!("cargo::rustc-link-arg-bins=--defsym=PROGRAM_BASE={base:#x}");
    }
}
