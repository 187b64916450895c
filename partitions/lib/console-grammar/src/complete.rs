//! What could come next on a line.

use crate::creation::OPTIONS;
use crate::settings::SETTINGS;
use crate::verbs::{Argument, VERBS, verb};

/// Calls `found` with every word that may stand where the last word of `before` stands: verbs first on a command,
/// then partition names or whatever the verb takes.
pub fn candidates<'a>(
    before: &str,
    names: impl Iterator<Item = &'a str>,
    found: &mut dyn FnMut(&str),
) {
    let command = before.rsplit(';').next().unwrap_or_default().trim_start();
    let start = command.rfind(char::is_whitespace).map_or(0, |at| next_char(command, at));
    let (done, word) = command.split_at_checked(start).unwrap_or((command, ""));
    let mut offer = |candidate: &str| {
        if candidate.starts_with(word) {
            found(candidate);
        }
    };
    let mut done = done.split_whitespace();
    match (done.next(), done.next()) {
        (None, _) => VERBS.iter().for_each(|verb| offer(verb.name)),
        (Some(first), None) => match verb(first).map(|verb| verb.argument) {
            Some(
                Argument::Name
                | Argument::OptionalName
                | Argument::Setting
                | Argument::Destination
                | Argument::Creation
                | Argument::OptionalVersion
                | Argument::OptionalCorpse,
            ) => names.for_each(offer),
            Some(Argument::OptionalVerb) => VERBS.iter().for_each(|verb| offer(verb.name)),
            _ => {}
        },
        (Some(first), Some(_)) => {
            let argument = verb(first).map(|verb| verb.argument);
            further(argument, done.last()).iter().for_each(|word| offer(word));
        }
    }
}

fn is_option(word: &str) -> bool {
    OPTIONS.contains(&word)
}

/// Words that may follow the name of a partition, or the last word behind that.
fn further(argument: Option<Argument>, before: Option<&str>) -> &'static [&'static str] {
    match (argument, before) {
        (Some(Argument::Setting), None) => &SETTINGS,
        (Some(Argument::Creation), before) if !before.is_some_and(is_option) => &OPTIONS,
        (Some(Argument::OptionalVersion), None) => &["now", "back"],
        (Some(Argument::OptionalCorpse), None) => &["last", "forget"],
        (Some(Argument::Destination), None) => &["to"],
        (Some(Argument::Destination), Some("to")) => &["processor"],
        _ => &[],
    }
}

/// Offset of the character after the one at `at`.
fn next_char(text: &str, at: usize) -> usize {
    let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    at.saturating_add(length)
}
