//! Prompt, marks, completion, history.

use super::fake::Fake;
use crate::Session;

fn shown(fake: &mut Fake) -> String {
    String::from_utf8(std::mem::take(&mut fake.shown)).expect("text")
}

#[test]
fn the_banner_says_what_this_is() {
    let mut fake = Fake::new();
    Session::new().start(&mut fake);
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        format!("\nBulkhead {version}, 2 processors, 512 MiB; type help\n\x1b]133;A\x07bulkhead> ");
    assert_eq!(shown(&mut fake), expected);
    fake.trouble = Some(crate::Trouble::NoAnswer);
    Session::new().start(&mut fake);
    assert!(shown(&mut fake).starts_with(&format!("\nBulkhead {version}; type help\n")));
}

#[test]
fn tab_completes_verbs_and_partitions() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.typed(&mut fake, b"upt\t");
    assert_eq!(shown(&mut fake), "uptime ");
    session.typed(&mut fake, b"\x15caps io\t");
    assert!(shown(&mut fake).ends_with("caps io-console "));
}

#[test]
fn several_lines_in_one_piece_are_all_done() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.typed(&mut fake, b"uptime\ruptime\rupt");
    let text = shown(&mut fake);
    assert_eq!(text.matches("\x1b]133;D;0\x07").count(), 2);
    assert!(text.ends_with("bulkhead> upt"));
}

/// Tools that saw a torn mark ask by an empty line.
#[test]
fn an_empty_line_tells_the_last_status_again() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    for (line, status) in [("\r", 0), ("nonsense\r", 1), ("\r", 1), (" ; \r", 1), ("uptime\r", 0)] {
        session.typed(&mut fake, line.as_bytes());
        let mark = format!("\x1b]133;D;{status}\x07");
        assert_eq!(shown(&mut fake).matches(&mark).count(), 1, "{line:?}");
    }
}

#[test]
fn a_line_given_up_does_nothing_and_has_no_status() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.prompt(&mut fake);
    shown(&mut fake);
    session.typed(&mut fake, b"shutdown\x03");
    assert_eq!(shown(&mut fake), "shutdown^C\r\n\x1b]133;A\x07bulkhead> ");
    session.typed(&mut fake, b"\x04");
    assert!(shown(&mut fake).contains("shutdown switches the machine off"));
    assert_eq!(fake.changes, []);
    session.typed(&mut fake, b"uptime\r\x1b[A");
    assert!(shown(&mut fake).ends_with("bulkhead> uptime"));
}

#[test]
fn a_restarted_console_service_is_told_and_the_line_stays() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.typed(&mut fake, b"kill w");
    shown(&mut fake);
    session.show_again(&mut fake);
    assert!(shown(&mut fake).ends_with("\x1b]133;A\x07bulkhead> kill w"));
}
