//! Help, written from the table of verbs.

use crate::mistake::Usage;
use crate::verbs::{VERBS, Verb};
use core::fmt;

/// Columns of the verbs in the overview.
const VERB_WIDTH: usize = 16;
/// Columns of a page's text.
const TEXT_WIDTH: usize = 76;

/// A line for each verb.
#[derive(Clone, Copy, Debug)]
pub struct Overview;

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verb in VERBS {
            Padded(verb).fmt(f)?;
            writeln!(f, "  {}", verb.summary)?;
        }
        writeln!(f, "';' separates commands, Tab completes; help COMMAND tells more")
    }
}

/// The usage of a verb, filled up with blanks.
struct Padded<'a>(&'a Verb);

impl fmt::Display for Padded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut length = Length(0);
        fmt::Write::write_fmt(&mut length, format_args!("{}", Usage(self.0)))?;
        let blanks = VERB_WIDTH.saturating_sub(length.0);
        write!(f, "  {}{:blanks$}", Usage(self.0), "")
    }
}

/// Counts what is written to it.
struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}

/// All there is to know about one verb.
#[derive(Clone, Copy, Debug)]
pub struct Page(pub &'static Verb);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", Usage(self.0), self.0.summary)?;
        let mut column = 0_usize;
        for word in self.0.detail.split(' ') {
            let end = column.saturating_add(word.len()).saturating_add(1);
            let blank = if column == 0 { "" } else { " " };
            if column > 0 && end > TEXT_WIDTH {
                write!(f, "\n{word}")?;
                column = word.len();
            } else {
                write!(f, "{blank}{word}")?;
                column = end;
            }
        }
        writeln!(f)
    }
}
