//! `bench`: measures, compares with what is wanted, with peers and with the last run, and keeps a history.

mod figures;
pub mod measure;

use crate::paths;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use figures::{FIGURES, Figure};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Measure counted instructions and sizes only, and fail where one is more than 3 % above the baseline.
    #[arg(long)]
    pub check: bool,
}

/// What was measured, by name.
type Values = Map<String, Value>;

/// Hundredths by which a figure may be above the last run's before it is called a regression.
const REGRESSION: u64 = 2;
/// Hundredths by which a counted figure may be above the baseline.
const SLACK: u64 = 3;

/// Names of spans with interrupts off, one for each operation, begin like this.
const SPAN: &str = "off-";
/// How many of them the table names.
const LONGEST: usize = 5;

/// Measures and reports.
///
/// # Errors
/// It could not be measured, or with `check` is worse than the baseline.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut values = measure::counted()?;
    if arguments.check {
        return check(&values);
    }
    values.extend(measure::busy()?);
    values.extend(measure::rounds()?);
    values.extend(measure::console()?);
    let last = last();
    remember(&values)?;
    if arguments.json {
        println!("{}", json!({ "figures": values, "last": last }));
    } else {
        print!("{}", table(&values, &last));
    }
    Ok(())
}

fn history() -> PathBuf {
    paths::target().join("bench/history.jsonl")
}

/// What the last run measured; empty if there was none.
fn last() -> Values {
    let text = fs::read_to_string(history()).unwrap_or_default();
    text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

fn remember(values: &Values) -> Result<()> {
    let path = history();
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
    writeln!(file, "{}", Value::Object(values.clone())).with_context(|| path.display().to_string())
}

/// Compares what does not depend on the computer with `tests/bench/baseline.json`.
fn check(values: &Values) -> Result<()> {
    let path = paths::root().join("tests/bench/baseline.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let baseline: Values = serde_json::from_str(&text)?;
    let worse = worse(values, &baseline);
    if worse.is_empty() {
        println!("no figure is more than {SLACK} % above the baseline");
        return Ok(());
    }
    bail!("above the baseline: {}", worse.join(", "))
}

/// Figures above the baseline, or missing.
fn worse(values: &Values, baseline: &Values) -> Vec<String> {
    let names = baseline.iter().filter_map(|(name, value)| Some((name, value.as_u64()?)));
    names
        .filter_map(|(name, allowed)| match number(values, name) {
            Some(value) if !exceeds(value, allowed, SLACK) => None,
            Some(value) => Some(format!("{name} {value}, was {allowed}")),
            None => Some(format!("{name} was not measured")),
        })
        .collect()
}

fn number(values: &Values, name: &str) -> Option<u64> {
    values.get(name).and_then(Value::as_u64)
}

/// Whether `value` is more than `hundredths` above `old`.
const fn exceeds(value: u64, old: u64, hundredths: u64) -> bool {
    value.saturating_mul(100) > old.saturating_mul(100 + hundredths)
}

fn table(values: &Values, last: &Values) -> String {
    let mut text = format!(
        "{:<44} {:>9} {:>9} {:>7} {:>7} {:>8}\n",
        "", "Bulkhead", "wanted", "seL4", "NOVA", "change"
    );
    for figure in FIGURES {
        text += &row(figure, number(values, figure.name), number(last, figure.name));
    }
    text + &longest(values)
}

/// The spans with interrupts off that are longest.
fn longest(values: &Values) -> String {
    let mut spans: Vec<_> = values
        .iter()
        .filter_map(|(name, value)| Some((value.as_u64()?, name.strip_prefix(SPAN)?)))
        .collect();
    spans.sort_unstable_by(|a, b| b.cmp(a));
    let words = spans.iter().take(LONGEST).map(|(span, name)| format!("{name} {span}"));
    format!("interrupts are off longest in: {}\n", words.collect::<Vec<_>>().join(", "))
}

fn row(figure: &Figure, value: Option<u64>, last: Option<u64>) -> String {
    let show = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let title = format!("{}, {}", figure.title, figure.unit);
    let mut row = format!("{title:<44} {:>9} {:>9}", show(value), show(figure.wanted));
    row += &format!(" {:>7} {:>7}", show(figure.sel4), show(figure.nova));
    row += &format!(" {:>8}  {}", change(value, last), verdict(figure, value, last));
    row.trim_end().to_owned() + "\n"
}

/// Change to the last run, in per cent.
fn change(value: Option<u64>, last: Option<u64>) -> String {
    match (value, last) {
        (Some(value), Some(last)) if last != 0 && value != last => {
            format!("{:+.1} %", (value as f64 / last as f64 - 1.0) * 100.0)
        }
        _ => String::new(),
    }
}

fn verdict(figure: &Figure, value: Option<u64>, last: Option<u64>) -> String {
    let Some(value) = value else { return "not measured".to_owned() };
    let short = match figure.wanted {
        Some(wanted) if value > wanted => format!("{} too many", value - wanted),
        Some(_) => "reached".to_owned(),
        None => String::new(),
    };
    let regression = last.is_some_and(|last| exceeds(value, last, REGRESSION));
    if regression { format!("{short}  REGRESSION") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Figure = Figure {
        name: "call",
        title: "call",
        unit: "instructions",
        wanted: Some(260),
        sel4: Some(407),
        nova: None,
    };

    fn values(pairs: &[(&str, u64)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    #[test]
    fn what_falls_short_and_what_got_worse_is_said() {
        let row = row(&FIGURE, Some(306), Some(300));
        assert!(row.ends_with("+2.0 %  46 too many\n"), "{row}");
        assert!(super::row(&FIGURE, Some(307), Some(300)).ends_with("47 too many  REGRESSION\n"));
        assert!(super::row(&FIGURE, Some(260), Some(300)).ends_with("-13.3 %  reached\n"));
        assert!(super::row(&FIGURE, None, Some(300)).ends_with("not measured\n"));
    }

    #[test]
    fn the_baseline_gives_way_by_three_in_a_hundred() {
        let baseline = values(&[("call", 300), ("poll", 100)]);
        assert!(worse(&values(&[("call", 309), ("poll", 50)]), &baseline).is_empty());
        let found = worse(&values(&[("call", 310)]), &baseline);
        assert_eq!(found, ["call 310, was 300", "poll was not measured"]);
    }

    #[test]
    fn the_longest_spans_come_first() {
        let values = values(&[("off-a", 9), ("call", 99), ("off-b", 10), ("off-c", 8)]);
        assert_eq!(longest(&values), "interrupts are off longest in: b 10, a 9, c 8\n");
    }

    #[test]
    fn every_figure_of_the_baseline_is_known() {
        let path = paths::root().join("tests/bench/baseline.json");
        let baseline: Values = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(!baseline.is_empty());
        for name in baseline.keys() {
            assert!(FIGURES.iter().any(|figure| figure.name == name), "{name}");
        }
    }
}
