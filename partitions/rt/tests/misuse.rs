//! Programs that misuse what they were given do not compile, and the compiler says why in words of the runtime.
//!
//! After a change of the compiler's words: `TRYBUILD=overwrite cargo test -p rt --test misuse`, then read what changed.

/// The compiler whose words the expected messages are.
const COMPILER: &str = "rustc 1.95.";

/// Whether the compiler in use speaks in those words.
fn speaks_the_same() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = std::process::Command::new(rustc).arg("--version").output();
    answer.is_ok_and(|answer| answer.stdout.starts_with(COMPILER.as_bytes()))
}

#[test]
fn misuse_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/trybuild/right_uses.rs");
    if !speaks_the_same() {
        println!("messages not compared: they were written with {COMPILER}x");
        return;
    }
    for wrong in [
        "wrong_kind",
        "wrong_right",
        "right_not_regained",
        "ring_ports",
        "port_without_use",
        "server_asks",
        "client_answers",
        "ends_mixed_up",
        "wrong_protocol",
        "wrong_status",
    ] {
        cases.compile_fail(format!("tests/trybuild/{wrong}.rs"));
    }
}
