//! Programs that misuse what they were given do not compile, and the compiler says why in words of the runtime.
//!
//! After a change of the compiler's words: `TRYBUILD=overwrite cargo test -p rt --test misuse`, then read what changed.

#[test]
fn misuse_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/trybuild/right_uses.rs");
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
