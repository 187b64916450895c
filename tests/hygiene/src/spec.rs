//! Compares the tables of `SPEC.md` with what `abi` defines.

use crate::Complaint;
use crate::rust_abi::{Abi, Layout, number};

/// Path of the specification in the tree.
pub const PATH: &str = "abi/SPEC.md";

/// A table of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// First cell of its head: the type's name in backticks, or a word.
    pub name: String,
    /// Second cell of its head.
    pub second: String,
    /// Line of the head.
    pub line: usize,
    /// Cells of each row.
    pub rows: Vec<Vec<String>>,
}

/// All tables of the text.
#[must_use]
pub fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let row = line.starts_with('|').then(|| cells(line));
        match row {
            Some(cells) if inside => {
                if let Some(table) = tables.last_mut() {
                    table.rows.push(cells);
                }
            }
            Some(cells) => tables.push(new_table(&cells, index + 1)),
            None => {}
        }
        inside = line.starts_with('|');
    }
    for table in &mut tables {
        // The line of dashes.
        table.rows.drain(..1.min(table.rows.len()));
    }
    tables
}

fn new_table(cells: &[String], line: usize) -> Table {
    let cell = |index: usize| cells.get(index).cloned().unwrap_or_default();
    Table { name: cell(0), second: cell(1), line, rows: Vec::new() }
}

fn cells(line: &str) -> Vec<String> {
    let hidden = line.replace("\\|", "\u{1}");
    let inner = hidden.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// Every disagreement between the specification and `abi`, in both directions.
#[must_use]
pub fn compare(text: &str, abi: &Abi) -> Vec<Complaint> {
    let tables = tables(text);
    let mut complaints = Vec::new();
    for (name, variants) in &abi.enums {
        complaints.extend(compare_enum(&tables, name, variants));
    }
    for (name, layout) in &abi.structures {
        complaints.extend(compare_layout(&tables, name, layout));
    }
    for table in &tables {
        let name = table.name.trim_matches('`');
        let typed = ["number", "offset"].contains(&table.second.as_str());
        if typed && !abi.enums.contains_key(name) && !abi.structures.contains_key(name) {
            complaints.push(Complaint::new(PATH, table.line, format!("`{name}` is not in abi")));
        }
    }
    complaints.extend(compare_constants(&tables, abi));
    complaints.extend(sections(text, abi));
    complaints
}

fn compare_enum(tables: &[Table], name: &str, variants: &[(String, u64)]) -> Vec<Complaint> {
    let wanted = variants.iter().map(|(name, value)| vec![format!("`{name}`"), value.to_string()]);
    compare_rows(tables, name, "number", wanted.collect())
}

fn compare_layout(tables: &[Table], name: &str, layout: &Layout) -> Vec<Complaint> {
    let field = |(name, offset, size): &(String, u64, u64)| {
        vec![format!("`{name}`"), offset.to_string(), size.to_string()]
    };
    let mut wanted: Vec<_> = layout.fields.iter().map(field).collect();
    wanted.push(vec!["size".to_owned(), layout.size.to_string(), String::new()]);
    compare_rows(tables, name, "offset", wanted)
}

/// The first cells of the table's rows must be exactly those wanted.
fn compare_rows(
    tables: &[Table],
    name: &str,
    second: &str,
    wanted: Vec<Vec<String>>,
) -> Vec<Complaint> {
    let quoted = format!("`{name}`");
    let Some(table) = tables.iter().find(|table| table.name == quoted && table.second == second)
    else {
        return vec![Complaint::new(PATH, 0, format!("no table of {quoted} with `{second}`"))];
    };
    let mut complaints = Vec::new();
    for (index, row) in wanted.iter().enumerate() {
        let got = table.rows.get(index).map(|cells| &cells[..row.len().min(cells.len())]);
        if got != Some(row.as_slice()) {
            let text = format!("{quoted}: expected {row:?}, found {got:?}");
            complaints.push(Complaint::new(PATH, table.line + 2 + index, text));
        }
    }
    if table.rows.len() > wanted.len() {
        complaints.push(Complaint::new(PATH, table.line, format!("{quoted} has rows too many")));
    }
    complaints
}

/// Addresses of the layout, and the words of channels and fault records, stand in tables of their own.
fn compare_constants(tables: &[Table], abi: &Abi) -> Vec<Complaint> {
    let lists =
        [("layout", "name", 1, 0), ("channel::word", "word", 0, 1), ("fault::word", "word", 0, 1)];
    let mut complaints = Vec::new();
    for (module, head, value_cell, name_cell) in lists {
        let rows: Vec<_> =
            tables.iter().filter(|table| table.name == head).flat_map(|t| &t.rows).collect();
        for (name, value) in abi.constants.get(module).into_iter().flatten() {
            let named = |row: &&&Vec<String>| row.get(name_cell) == Some(&format!("`{name}`"));
            let value_of = |row: &&Vec<String>| row.get(value_cell).and_then(|cell| number(cell));
            let got = rows.iter().find(named).and_then(value_of);
            if got != Some(*value) && name != "COUNT" {
                let text = format!("{module}::{name} is {value:#x}, found {got:x?}");
                complaints.push(Complaint::new(PATH, 0, text));
            }
        }
    }
    complaints
}

/// Every call has a section of its own, in the order of the numbers.
fn sections(text: &str, abi: &Abi) -> Vec<Complaint> {
    let calls = abi.enums.get("Call").into_iter().flatten();
    let heading = |name: &str, value: u64| format!("### 2.{} `{}(", value + 1, name.to_lowercase());
    let missing = calls
        .filter(|(name, value)| !text.lines().any(|line| line.starts_with(&heading(name, *value))));
    missing
        .map(|(name, value)| {
            Complaint::new(PATH, 0, format!("no section {}", heading(name, *value)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str =
        "pub enum Call { Wait = 0, Ring = 1, }\npub struct S { pub a: u8, pub b: u32, }";
    const GOOD: &str = "### 2.1 `wait(m)`\n### 2.2 `ring()`\n\n| `Call` | number | meaning |\n|---|---|---|\n| `Wait` | 0 | a |\n| `Ring` | 1 | b \\| c |\n\n\
        | `S` | offset | bytes |\n|---|---|---|\n| `a` | 0 | 1 |\n| `b` | 4 | 4 |\n| size | 8 | |\n";

    fn complaints(spec: &str) -> Vec<Complaint> {
        compare(spec, &Abi::read(&[("call".to_owned(), RUST.to_owned())]))
    }

    #[test]
    fn agreement_is_silent() {
        assert_eq!(complaints(GOOD), []);
    }

    #[test]
    fn every_disagreement_is_found() {
        for (from, to) in [
            ("`Ring` | 1", "`Ring` | 2"),
            ("`Ring` | 1", "`Rang` | 1"),
            ("| `Ring` | 1 | b \\| c |\n", ""),
            ("`b` | 4 | 4", "`b` | 1 | 4"),
            ("`b` | 4 | 4", "`b` | 4 | 8"),
            ("size | 8", "size | 5"),
            ("### 2.2 `ring()`", "### 2.2 `rung()`"),
            ("| `S` |", "| `T` |"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert!(!complaints(&GOOD.replace(from, to)).is_empty(), "{from} -> {to}");
        }
    }

    #[test]
    fn a_row_too_many_and_an_unknown_type_are_found() {
        let more = GOOD.replace("| size", "| `c` | 8 | 4 |\n| size");
        assert!(!complaints(&more).is_empty());
        let unknown = format!("{GOOD}\n| `Gone` | number |\n|---|---|\n| `A` | 1 |\n");
        assert_eq!(complaints(&unknown).len(), 1);
    }

    #[test]
    fn addresses_and_words_are_compared() {
        let abi = Abi::read(&[
            ("layout".to_owned(), "pub const BASE: u64 = 0x40;".to_owned()),
            ("fault".to_owned(), "pub mod word { pub const CODE: u64 = 1; }".to_owned()),
        ]);
        let good = "| name | value |\n|---|---|\n| `BASE` | 0x40 |\n\n| word | name |\n|---|---|\n| 1 | `CODE` |\n";
        assert_eq!(compare(good, &abi), []);
        assert_eq!(compare(&good.replace("0x40", "0x41"), &abi).len(), 1);
        assert_eq!(compare(&good.replace("| 1 |", "| 2 |"), &abi).len(), 1);
    }
}
