//! The trace as text: what the console's `trace` prints and what tools on the host read again.
//!
//! A line is a time in seconds, a processor and what happened, in words. Names of partitions have no blanks; reasons
//! of stops and names of control operations go to the end of the line.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

use core::fmt;

/// The line above the records.
pub const HEADER: &str = "         SECONDS  CPU  WHAT";

const SECOND: u64 = 1_000_000_000;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What<'a> {
    /// This partition starts to run.
    Runs(&'a str),
    /// Nobody runs.
    Halts,
    /// This interrupt line came.
    Interrupt(u64),
    /// The doorbell of this partition was rung for this event.
    Rung(&'a str, u64),
    /// This partition stopped, for this reason.
    Stopped(&'a str, &'a str),
    /// A new plan took over.
    Plan,
    /// This control operation changed something.
    Control(&'a str),
    /// A record of a kind that has no name yet.
    Other(u64),
}

/// A record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// When, nanoseconds since the kernel started.
    pub time: u64,
    /// On which processor.
    pub processor: u32,
    /// What.
    pub what: What<'a>,
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Runs(who) => write!(f, "{who} runs"),
            Self::Halts => f.write_str("halts"),
            Self::Interrupt(line) => write!(f, "interrupt line {line}"),
            Self::Rung(who, event) => write!(f, "doorbell of {who} rung, event {event}"),
            Self::Stopped(who, why) => write!(f, "{who} stopped: {why}"),
            Self::Plan => f.write_str("a new plan takes over"),
            Self::Control(operation) => write!(f, "control: {operation}"),
            Self::Other(kind) => write!(f, "record of kind {kind}"),
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.wrapping_div(SECOND);
        let rest = self.time.wrapping_rem(SECOND);
        write!(f, "{seconds:>6}.{rest:09}  {:>3}  {}", self.processor, self.what)
    }
}

/// Reads a line; `None` for one that is no record.
#[must_use]
pub fn parse(line: &str) -> Option<Line<'_>> {
    let (time, rest) = line.trim().split_once("  ")?;
    let (processor, what) = rest.trim_start().split_once("  ")?;
    let processor = processor.parse().ok()?;
    Some(Line { time: parse_time(time)?, processor, what: parse_what(what)? })
}

fn parse_time(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_once('.')?;
    if rest.len() != 9 {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    seconds.checked_mul(SECOND)?.checked_add(rest.parse().ok()?)
}

fn parse_what(text: &str) -> Option<What<'_>> {
    match text {
        "halts" => return Some(What::Halts),
        "a new plan takes over" => return Some(What::Plan),
        _ => {}
    }
    if let Some(line) = text.strip_prefix("interrupt line ") {
        return Some(What::Interrupt(line.parse().ok()?));
    }
    if let Some(rest) = text.strip_prefix("doorbell of ") {
        let (who, event) = rest.split_once(" rung, event ")?;
        return Some(What::Rung(who, event.parse().ok()?));
    }
    if let Some(operation) = text.strip_prefix("control: ") {
        return Some(What::Control(operation));
    }
    if let Some(kind) = text.strip_prefix("record of kind ") {
        return Some(What::Other(kind.parse().ok()?));
    }
    if let Some((who, why)) = text.split_once(" stopped: ") {
        return Some(What::Stopped(who, why));
    }
    text.strip_suffix(" runs").map(What::Runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn what() -> impl Strategy<Value = (u8, String, String, u64)> {
        (0..8_u8, "[a-z][a-z0-9-]{0,23}", "[A-Za-z][A-Za-z ,:0-9]{0,20}[a-z]", any::<u64>())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            time: u64, processor: u32, (kind, who, words, number) in what()
        ) {
            let what = match kind {
                0 => What::Runs(&who),
                1 => What::Halts,
                2 => What::Interrupt(number),
                3 => What::Rung(&who, number),
                4 => What::Stopped(&who, &words),
                5 => What::Plan,
                6 => What::Control(&words),
                _ => What::Other(number),
            };
            let line = Line { time, processor, what };
            let text = line.to_string();
            prop_assert_eq!(parse(&text), Some(line));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn lines_stand_below_their_header() {
        let line = Line { time: 12_000_000_345, processor: 3, what: What::Runs("boot") };
        assert_eq!(
            format!("{HEADER}\n{line}"),
            "         SECONDS  CPU  WHAT\n    12.000000345    3  boot runs"
        );
    }

    #[test]
    fn other_text_is_no_record() {
        for text in
            ["", HEADER, "bulkhead> trace", "1.5  0  x runs", "1.000000000  0  x", "x  0  halts"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
