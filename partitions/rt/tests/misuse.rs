//! Programs that misuse what they were given do not compile, and the compiler says why in words of the runtime.
//!
//! After a change of the compiler's words: `TRYBUILD=overwrite cargo test -p rt --test misuse`, then read what changed.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The compiler whose words the expected messages are.
const COMPILER: &str = "rustc 1.95.";

/// By which trybuild is told that words are right as they are.
const UPDATE: &str = "TRYBUILD";

/// Whether the compiler in use speaks in those words.
fn speaks_the_same() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = Command::new(rustc).arg("--version").output();
    answer.is_ok_and(|answer| answer.stdout.starts_with(COMPILER.as_bytes()))
}

/// What must not compile, and why.
const WRONG: [&str; 10] = [
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
];

#[test]
fn misuse_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/trybuild/right_uses.rs");
    if speaks_the_same() {
        WRONG.iter().for_each(|wrong| cases.compile_fail(format!("tests/trybuild/{wrong}.rs")));
        return;
    }
    // Away from the expected words it only counts that they do not compile. There trybuild wants to be told that new words are right.
    drop(cases);
    if env::var_os(UPDATE).is_none() {
        let again = Command::new(env::current_exe().unwrap()).env(UPDATE, "overwrite").status();
        assert!(again.unwrap().success(), "some misuse compiles");
        return;
    }
    let cases = trybuild::TestCases::new();
    for wrong in WRONG.map(|wrong| format!("{wrong}.rs")) {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&wrong);
        fs::copy(Path::new("tests/trybuild").join(&wrong), &copy).unwrap();
        cases.compile_fail(copy);
    }
}
