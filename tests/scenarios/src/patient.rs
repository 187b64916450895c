//! Waits for what comes in its own time: silence, an answer, a state. On a computer that is busy all of them come late, and words that somebody
//! else says may come in between.

use crate::PATIENCE;
use anyhow::{Context as _, Result, ensure};
use qemu_runner::exec;
use qemu_runner::session::Session;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a console is silent that has said everything.
const QUIET: Duration = Duration::from_millis(400);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until nobody says anything; of a machine that always does, not for ever.
pub fn silence(session: &mut Session) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end
        && session.poll(Instant::now() + QUIET).is_some_and(|piece| piece.is_some())
    {}
}

/// Waits until everybody is silent, and has a prompt shown: what was said may have fallen into the middle of a mark.
///
/// # Errors
/// None comes.
pub fn quiet(session: &mut Session) -> Result<()> {
    quiet_within(session, PATIENCE)
}

/// The same with a patience of one's own. Each prompt is waited for shorter than that: what was typed may be lost with whoever read it.
///
/// # Errors
/// None comes.
pub fn quiet_within(session: &mut Session, patience: Duration) -> Result<()> {
    let end = Instant::now() + patience;
    loop {
        silence(session);
        session.send(b"\r")?;
        if session.wait_prompt(patience / 8).is_ok() {
            break;
        }
        ensure!(Instant::now() < end, "the console does not answer: {}", session.tail());
    }
    silence(session);
    session.send(b"\r")
}

/// Types a command into whose answer others may write, for it ends somebody: it is not looked at, and a new prompt is asked for.
///
/// # Errors
/// No prompt comes.
pub fn blindly(session: &mut Session, command: &str) -> Result<()> {
    session.wait_prompt(PATIENCE)?;
    session.send(format!("{command}\r").as_bytes())?;
    quiet(session)
}

/// Asks again and again until the answer is as it should be, also where nobody is there to answer for a while.
///
/// # Errors
/// It never is.
pub fn until(session: &mut Session, command: &str, right: impl Fn(&str) -> bool) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = exec::command(session, command, PATIENCE)?;
        if answer.status == Some(0) && right(&answer.output) {
            return Ok(answer.output);
        }
        ensure!(Instant::now() < end, "'{command}' still says:\n{}", answer.output);
        sleep(LOOK);
    }
}

/// The line of a partition in what `ps` says, once it is as it should be.
///
/// # Errors
/// It never is, or there is none.
pub fn line_of(session: &mut Session, name: &str, right: impl Fn(&str) -> bool) -> Result<String> {
    let find = |listed: &str| {
        let line = listed.lines().find(|line| line.split_whitespace().nth(1) == Some(name));
        line.map(str::to_owned)
    };
    let listed = until(session, "ps", |listed| find(listed).is_none_or(|line| right(&line)))?;
    find(&listed).with_context(|| format!("no {name} in\n{listed}"))
}
