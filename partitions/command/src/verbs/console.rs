//! `log` and `console`.

use super::Outcome;
use crate::complaint::Complaint;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble};
use alloc::string::String;
use alloc::vec::Vec;

/// Lines that `log` shows.
const LINES: usize = 24;
/// Lines shown before a person talks to a partition.
const LINES_BEFORE: usize = 8;
/// Most bytes of scrollback that are read.
const MOST: usize = 64 * 1024;

/// The last lines of a partition's console; without a name, of this one.
pub fn log<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: Option<&'a str>,
) -> Outcome<'a> {
    let partition = match name {
        Some(name) => list.named(name)?.id,
        None => surroundings.myself(),
    };
    let name = name.unwrap_or("this partition");
    show_last(surroundings, partition, LINES)
        .map_err(|trouble| Complaint::NoConsole { name, trouble })?;
    Ok(())
}

/// Lets the person talk to a partition.
pub fn talk<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
) -> Outcome<'a> {
    let refused = |trouble| Complaint::NoConsole { name, trouble };
    let partition = list.named(name)?.id;
    if partition == surroundings.myself() {
        return Ok(writeln!(surroundings, "this is the console of {name}")?);
    }
    show_last(surroundings, partition, LINES_BEFORE).map_err(refused)?;
    // How to return is said by the console, once what is typed goes there: typed before, it would be taken for a command.
    writeln!(surroundings, "-- talking to {name} --")?;
    surroundings.flush();
    surroundings.attach(partition).map_err(refused)?;
    Ok(writeln!(surroundings, "\n-- back from {name} --")?)
}

fn show_last(
    surroundings: &mut impl Surroundings,
    partition: u32,
    lines: usize,
) -> Result<(), Trouble> {
    let text = plain(&read(surroundings, partition)?);
    let start = text.trim_end_matches('\n').rmatch_indices('\n').nth(lines.saturating_sub(1));
    let start = start.map_or(0, |(at, _)| at.saturating_add(1));
    let last = text.get(start..).unwrap_or_default();
    surroundings.show(last.as_bytes());
    if !last.is_empty() && !last.ends_with('\n') {
        surroundings.show(b"\n");
    }
    Ok(())
}

fn read(surroundings: &mut impl Surroundings, partition: u32) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while bytes.len() < MOST {
        let offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let piece = surroundings.scrollback(partition, offset)?;
        if piece.bytes().is_empty() {
            break;
        }
        bytes.extend_from_slice(piece.bytes());
    }
    Ok(bytes)
}

/// Text without what would move the cursor, change the terminal, or look like marks for tools: a partition's
/// log must not pass for the console's own words.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' => skip_sequence(&mut letters),
            '\n' | '\t' => plain.push(letter),
            _ if letter.is_control() => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// Passes over an escape sequence, after its escape.
fn skip_sequence(letters: &mut core::str::Chars<'_>) {
    match letters.next() {
        Some('[') => {
            letters.find(|letter| matches!(letter, '@'..='~' | '\n'));
        }
        Some(']') => {
            letters.find(|letter| matches!(letter, '\x07' | '\n' | '\\'));
        }
        _ => {}
    }
}
