//! Types commands at a machine's console, one at each prompt, and reports what they did.

use crate::marks::Piece;
use crate::session::Session;
use crate::verdict::End;
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};

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

/// Waits for the prompt, types `command`, and waits for its status.
///
/// # Errors
/// It took longer than `patience`; the error shows the machine's last lines.
pub fn command(session: &mut Session, command: &str, patience: Duration) -> Result<Answer> {
    session.wait_prompt(patience)?;
    session.send(format!("{command}\r").as_bytes())?;
    let mut raw = Vec::new();
    let end = Instant::now() + patience;
    let status = loop {
        match session.next(end).with_context(|| format!("no answer to '{command}'"))? {
            Some(Piece::Text(bytes)) => raw.extend(bytes),
            Some(Piece::Status(status)) => break Some(status),
            // Drawn again, because something else was printed meanwhile.
            Some(Piece::Prompt) => {}
            None => break None,
        }
    };
    Ok(Answer { command: command.to_owned(), output: output(&raw), status })
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
    let mut failed = Vec::new();
    for text in commands(line) {
        let answer = command(session, text, patience)?;
        show(&answer);
        match answer.status {
            Some(0) => {}
            Some(status) => failed.push(format!("'{text}' failed with status {status}")),
            None => break,
        }
    }
    if !commands(line).contains(&"shutdown") {
        bail!("the machine still runs: end the commands with 'shutdown'");
    }
    let end = session.finish(patience)?;
    if !failed.is_empty() {
        bail!("{}", failed.join(", "));
    }
    if !end.clean() {
        bail!("{end}; {}", session.tail());
    }
    Ok(end)
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
    fn the_echo_is_not_output() {
        assert_eq!(output(b"bulkhead> ps\r\nid name\r\n0 x\r\n"), "id name\n0 x\n");
        assert_eq!(output(b"bulkhead> true"), "");
    }
}
