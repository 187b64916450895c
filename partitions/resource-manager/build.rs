//! Links the second program to the place beside the first one's.

fn main() {
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if bare {
        let base = abi::layout::PROGRAM_BESIDE;
        println!("cargo::rustc-link-arg-bin=resource-manager-beside=--image-base={base:#x}");
    }
}
