//! Types commands at a machine's console, one at each prompt, and reports what they did.

use crate::marks::Piece;
use crate::session::Session;
use crate::verdict::End;
use abi::marks::{ATTACHED, LEAVE, PROMPT};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Silence after which a prompt without its mark is believed. Where a console writes past the kernel (`kernel/doc/0019`) a mark may be torn: an
/// empty line then has it tell the status of the line before once more.
pub const QUIET: Duration = Duration::from_secs(3);

/// What a command did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The command.
    pub command: String,
    /// What it printed, lines ended by `\n`.
    pub output: String,
    /// Its status; `None` if the machine ended first.
    pub status: Option<i32>,
}

/// The commands of a line such as `ps; shutdown`.
#[must_use]
pub fn commands(line: &str) -> Vec<&str> {
    line.split(';').map(str::trim).filter(|command| !command.is_empty()).collect()
}

/// Waits for the prompt, types `command`, and waits for its status. Nobody is there to leave the console of a partition: what that says in
/// [`QUIET`] is taken, then the key that returns is typed.
///
/// # Errors
/// It took longer than `patience`; the error shows the machine's last lines.
pub fn command(session: &mut Session, command: &str, patience: Duration) -> Result<Answer> {
    session.wait_prompt(patience)?;
    session.send(format!("{command}\r").as_bytes())?;
    let mut raw = Vec::new();
    let end = Instant::now() + patience;
    let mut length = None;
    let mut looked = Instant::now();
    let status = loop {
        // Now and then: a core file is long to look through.
        if looked.elapsed() >= QUIET {
            looked = Instant::now();
            if is_attached(&raw) {
                session.send(&[LEAVE])?;
            }
        }
        match session.poll(end.min(Instant::now() + QUIET)) {
            Some(Some(Piece::Text(bytes))) => raw.extend(bytes),
            // An empty line's, typed before, that comes late.
            Some(Some(Piece::Status(_))) if !is_echoed(&raw) => raw.clear(),
            Some(Some(Piece::Status(status))) => break Some(status),
            // Drawn again, because something else was printed meanwhile.
            Some(Some(Piece::Prompt)) => {}
            Some(None) => break None,
            None if Instant::now() >= end => {
                return Err(session.late().context(format!("no answer to '{command}'")));
            }
            None if is_done(&raw) => {
                length = length.or(Some(raw.len() - PROMPT.len()));
                session.send(b"\r")?;
            }
            None => {}
        }
    };
    raw.truncate(length.unwrap_or(raw.len()));
    Ok(Answer { command: command.to_owned(), output: output(&raw), status })
}

/// Whether the console has shown more than a prompt and the end of an empty line.
fn is_echoed(raw: &[u8]) -> bool {
    let line = raw.trim_ascii();
    !line.strip_prefix(PROMPT.trim_end().as_bytes()).unwrap_or(line).is_empty()
}

/// Whether the console shows its next prompt after the echo of the command and what that printed.
fn is_done(raw: &[u8]) -> bool {
    raw.contains(&b'\n') && raw.ends_with(PROMPT.as_bytes())
}

/// Whether keys go to another console.
fn is_attached(raw: &[u8]) -> bool {
    raw.windows(ATTACHED.len()).any(|text| text == ATTACHED.as_bytes())
}

/// As [`command`], for one that must succeed: gives what it printed.
///
/// # Errors
/// It failed, the machine ended first, or it took longer than `patience`.
pub fn ask(session: &mut Session, text: &str, patience: Duration) -> Result<String> {
    let answer = command(session, text, patience)?;
    let printed = answer.output.trim_end();
    match answer.status {
        Some(0) => Ok(answer.output),
        Some(status) => bail!("'{text}' failed with status {status}: {printed}"),
        None => bail!("the machine ended before '{text}' did: {printed}"),
    }
}

/// What follows the echoed line.
fn output(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace('\r', "");
    text.split_once('\n').map_or_else(String::new, |(_, output)| output.to_owned())
}

/// Executes all commands of `line`, hands each answer to `show`, and waits for the machine's end.
///
/// # Errors
/// A command failed, the machine did not answer, or it did not end in order.
pub fn run(
    session: &mut Session,
    line: &str,
    patience: Duration,
    mut show: impl FnMut(&Answer),
) -> Result<End> {
    let mut answers = Vec::new();
    for text in commands(line) {
        let answer = command(session, text, patience)?;
        show(&answer);
        let over = answer.status.is_none();
        answers.push(answer);
        if over {
            break;
        }
    }
    let mut complaints = failures(&answers);
    if still_runs(&answers) {
        complaints.push("the machine still runs: end the commands with 'shutdown'".to_owned());
        bail!("{}", complaints.join(", "));
    }
    let end = session.finish(patience)?;
    if !end.clean() {
        complaints.push(format!("{end}; {}", session.tail()));
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.join(", "));
    }
    Ok(end)
}

/// The commands that failed, in words.
fn failures(answers: &[Answer]) -> Vec<String> {
    let failure = |answer: &Answer| match answer.status {
        None | Some(0) => None,
        Some(status) => Some(format!("'{}' failed with status {status}", answer.command)),
    };
    answers.iter().filter_map(failure).collect()
}

/// Whether nothing switched the machine off, so that waiting for its end were in vain.
fn still_runs(answers: &[Answer]) -> bool {
    let ends = |answer: &Answer| match answer.status {
        None => true,
        Some(status) => status == 0 && answer.command == "shutdown",
    };
    !answers.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_into_commands() {
        assert_eq!(commands("ps; shutdown"), ["ps", "shutdown"]);
        assert_eq!(commands(" ; start web ;;"), ["start web"]);
        assert!(commands("").is_empty());
    }

    #[test]
    fn an_empty_line_is_no_echo() {
        for raw in [&b"bulkhead> \r\n"[..], b"\r\n", b"", b"bulkhead> "] {
            assert!(!is_echoed(raw), "{raw:?}");
        }
        for raw in [&b"bulkhead> ps\r\n"[..], b"ps\r\n", b"bulkhead> \r\nps\r\n"] {
            assert!(is_echoed(raw), "{raw:?}");
        }
    }

    #[test]
    fn the_echo_is_not_output() {
        assert_eq!(output(b"bulkhead> ps\r\nid name\r\n0 x\r\n"), "id name\n0 x\n");
        assert_eq!(output(b"bulkhead> true"), "");
    }

    fn answers(statuses: &[(&str, Option<i32>)]) -> Vec<Answer> {
        let answer = |(command, status): &(&str, Option<i32>)| Answer {
            command: (*command).to_owned(),
            output: String::new(),
            status: *status,
        };
        statuses.iter().map(answer).collect()
    }

    #[test]
    fn every_failure_is_named() {
        let given = answers(&[("a", Some(1)), ("ps", Some(0)), ("b", Some(2)), ("c", None)]);
        assert_eq!(failures(&given), ["'a' failed with status 1", "'b' failed with status 2"]);
    }

    #[test]
    fn only_what_was_switched_off_is_waited_for() {
        assert!(still_runs(&answers(&[])));
        assert!(still_runs(&answers(&[("ps", Some(0)), ("uptime", Some(0))])));
        // Waiting for a shutdown that was refused would only hide why.
        assert!(still_runs(&answers(&[("shutdown", Some(1))])));
        assert!(!still_runs(&answers(&[("ps", Some(1)), ("shutdown", Some(0))])));
        // A machine that died is looked at, whatever killed it.
        assert!(!still_runs(&answers(&[("ps", None)])));
    }
}
