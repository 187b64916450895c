//! One serial port, and many who write to it at full speed on all processors: each line arrives whole and once, and the console's text
//! is what it is without them.

use crate::{PATIENCE, ask, start, trial};
use abi::marks::PROMPT;
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::collections::BTreeMap;
use std::time::Instant;

/// Criers, each on a processor of its own.
const CRIERS: usize = 3;
/// Lines of each, as the crier has it.
const LINES: usize = 1_500;
/// What a line ends with.
const TEXT: &str = "hear ye, hear ye, all is well>\n";
/// Texts, of 1.5 KiB each, that the console must have printed while they cried.
const MEETINGS: usize = 1;

/// The criers beside the console, which dies among them as well.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("criers", || {
        let options = Options { smp: 4, ..Options::default() };
        let mut session = start(&Artifacts::of("criers"), &options)?;
        cry(&mut session).with_context(|| session.tail())
    })]
}

// covers: IO-4
fn cry(session: &mut Session) -> Result<()> {
    let quiet = ask(session, "help")?;
    let from = session.transcript().len();
    for crier in 1..=CRIERS {
        ask(session, &format!("start crier-{crier}"))?;
    }
    let (mut met, end) = (0, Instant::now() + PATIENCE);
    while all_lines(session, from)? < CRIERS * LINES {
        let help = ask(session, "help")?;
        let (among, rest) = lines(&help)?;
        // Of prompt and echo there is what came after the first line of a crier.
        let echoed = format!("{PROMPT}help\n");
        let echo = rest.strip_suffix(quiet.as_str()).map(|echo| echoed.ends_with(echo));
        ensure!(echo == Some(true), "the console's text is torn:\n{rest}\ninstead of\n{quiet}");
        met += usize::from(among > 0);
        ensure!(Instant::now() < end, "lines are missing");
    }
    ensure!(met >= MEETINGS, "criers and console met {met} times only");
    ask(session, "restart crier-1")?;
    ask(session, "restart io-console")?;
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Lines of criers so far, but for one that is not yet complete.
fn all_lines(session: &Session, from: usize) -> Result<usize> {
    let text = session.transcript().get(from..).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    Ok(lines(whole)?.0)
}

/// How many lines of criers there are in a text, each the one after that crier's last one, and the text without them.
fn lines(text: &str) -> Result<(usize, String)> {
    let text = text.replace('\r', "");
    let (mut last, mut count) = (BTreeMap::new(), 0);
    let mut parts = text.split("<crier-");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let cut = part.find(TEXT).with_context(|| format!("a crier's line is torn: {part:?}"))?;
        let (crier, number) = part[..cut].trim().split_once(' ').context("a number is torn")?;
        let number: usize = number.parse().with_context(|| format!("torn: {part:?}"))?;
        match last.insert(crier.to_owned(), number) {
            Some(before) if before + 1 != number => bail!("{crier} says {number} after {before}"),
            _ => {}
        }
        count += 1;
        rest.push_str(&part[cut + TEXT.len()..]);
    }
    Ok((count, rest))
}
