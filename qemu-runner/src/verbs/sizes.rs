//! `sizes`: how big the programs of an image are, and how much they have grown since it was last recorded.

use crate::images::{self, Artifacts};
use crate::paths;
use abi::types::PAGE_SIZE;
use anyhow::{Context as _, Result};
use clap::Args;
use image_builder::Manifest;
use object::{File, Object as _, ObjectSection as _, SectionKind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Arguments of `sizes`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Record the sizes: growth is counted from them.
    #[arg(long)]
    pub record: bool,
}

/// Bytes of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Size {
    /// Instructions.
    text: u64,
    /// Everything else that lies in the file.
    data: u64,
    /// Memory that starts as zeros.
    bss: u64,
}

/// Sizes of programs by their names.
type Sizes = BTreeMap<String, Size>;

/// Builds the image and prints its sizes.
///
/// # Errors
/// The image cannot be built, a program cannot be read, or the record cannot be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let manifest = images::manifest(&arguments.name)?;
    let artifacts = images::build(&arguments.name)?;
    let sizes = measure(&artifacts, &manifest)?;
    let before = parse(&fs::read_to_string(record()).unwrap_or_default());
    print!("{}", programs(&sizes, &before));
    print!("{}", stacks(&manifest));
    if arguments.record {
        let mut all = before;
        all.extend(sizes);
        fs::write(record(), rendered(&all)).context("the record")?;
        println!("recorded in qemu-runner/sizes.txt");
    }
    Ok(())
}

fn record() -> PathBuf {
    paths::root().join("qemu-runner/sizes.txt")
}

fn measure(artifacts: &Artifacts, manifest: &Manifest) -> Result<Sizes> {
    let names = ["kernel", "loader"].into_iter().chain(manifest.programs());
    let size = |name: &str| {
        let bytes = fs::read(artifacts.symbols(name)).with_context(|| name.to_owned())?;
        let size = Size::of(&bytes).with_context(|| format!("{name} is no program"))?;
        Ok((name.to_owned(), size))
    };
    names.map(size).collect()
}

impl Size {
    /// Adds up the sections of a program.
    fn of(program: &[u8]) -> Result<Self> {
        let mut size = Self::default();
        for section in File::parse(program)?.sections() {
            match section.kind() {
                SectionKind::Text => size.text += section.size(),
                SectionKind::Data | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString => {
                    size.data += section.size();
                }
                SectionKind::UninitializedData => size.bss += section.size(),
                _ => {}
            }
        }
        Ok(size)
    }

    const fn total(self) -> u64 {
        self.text + self.data + self.bss
    }
}

/// The table of programs.
fn programs(sizes: &Sizes, before: &Sizes) -> String {
    let mut table = format!(
        "{:24} {:>9} {:>9} {:>9} {:>9}  {}\n",
        "PROGRAM", "TEXT", "DATA", "BSS", "TOTAL", "GROWTH"
    );
    for (name, size) in sizes {
        let Size { text, data, bss } = *size;
        let growth = before.get(name).map_or("new".to_owned(), |old| growth(*old, *size));
        // Writing to a string does not fail.
        let _ = writeln!(table, "{name:24} {text:9} {data:9} {bss:9} {:9}  {growth}", size.total());
    }
    table
}

/// How much more, or less, than before.
fn growth(before: Size, now: Size) -> String {
    let (old, new) = (before.total().max(1), now.total());
    let sign = if new < before.total() { '-' } else { '+' };
    let difference = new.abs_diff(before.total());
    match difference {
        0 => "=".to_owned(),
        _ => format!(
            "{sign}{difference} ({sign}{}.{} %)",
            difference * 100 / old,
            difference * 1000 / old % 10
        ),
    }
}

/// The table of what partitions are given beside their programs.
fn stacks(manifest: &Manifest) -> String {
    let mut table = format!(
        "\n{:24} {:>9} {:>9} {:>9}  {}\n",
        "PARTITION", "STACK", "HEAP", "LASTING", "PROGRAM"
    );
    for one in &manifest.partitions {
        let bytes = |pages: u32| u64::from(pages) * PAGE_SIZE;
        let (stack, heap, lasting) = (bytes(one.stack), bytes(one.heap), bytes(one.lasting));
        let (name, program) = (&one.name.value, &one.program.value);
        let _ = writeln!(table, "{name:24} {stack:9} {heap:9} {lasting:9}  {program}");
    }
    table
}

/// The record as it is kept: a program in each line, with text, data and bss.
fn rendered(sizes: &Sizes) -> String {
    let line = |(name, size): (&String, &Size)| {
        format!("{name} {} {} {}\n", size.text, size.data, size.bss)
    };
    sizes.iter().map(line).collect()
}

/// Reads a record; lines that are none are left out.
fn parse(text: &str) -> Sizes {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let mut number = || words.next()?.parse().ok();
        Some((name, Size { text: number()?, data: number()?, bss: number()? }))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(name: &str, text: u64) -> Sizes {
        Sizes::from([(name.to_owned(), Size { text, data: 100, bss: 10 })])
    }

    #[test]
    fn the_record_comes_back_as_it_was() {
        let mut both = sizes("kernel", 7);
        both.extend(sizes("mine", 9));
        assert_eq!(parse(&rendered(&both)), both);
        assert_eq!(parse("kernel 1 2\n\nnonsense\nkernel 1 2 x\n"), Sizes::new());
    }

    #[test]
    fn growth_is_counted_from_the_record() {
        let line = |now, before: &Sizes| {
            let table = programs(&sizes("mine", now), before);
            table.lines().last().unwrap().split_whitespace().skip(5).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(890, &sizes("mine", 890)), "=");
        assert_eq!(line(905, &sizes("mine", 890)), "+15 (+1.5 %)");
        assert_eq!(line(790, &sizes("mine", 890)), "-100 (-10.0 %)");
        assert_eq!(line(890, &sizes("other", 1)), "new");
    }

    #[test]
    fn a_program_is_measured_and_other_files_are_not() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let size = Size::of(&own).unwrap();
        assert!(size.text > 10_000 && size.data > 1000 && size.bss > 0, "{size:?}");
        assert!((size.text as usize) < own.len());
        assert!(Size::of(b"no program").is_err());
    }

    #[test]
    fn every_partition_has_its_line() {
        let table = stacks(&images::manifest("minimal").unwrap());
        let words: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(words, ["io-console", "32768", "2097152", "0", "io-console"]);
    }
}
