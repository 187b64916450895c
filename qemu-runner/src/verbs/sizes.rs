//! `sizes`: how big the programs of an image are, how much they have grown since it was last recorded, and how much of
//! their stacks and heaps they use when the image runs.

use crate::exec;
use crate::images::{self, Artifacts};
use crate::inside::{Inside, Usage, Used};
use crate::machine::{Debugger, Options};
use crate::paths;
use crate::physical::Still;
use crate::session::Session;
use crate::verbs::run;
use abi::manifest::PartitionRole;
use abi::types::PAGE_SIZE;
use anyhow::{Context as _, Result};
use clap::Args;
use image_builder::Manifest;
use object::{File, Object as _, ObjectSection as _, SectionKind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Arguments of `sizes`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Record the sizes: growth is counted from them.
    #[arg(long)]
    pub record: bool,
    /// Look at the programs alone; do not start the image to see what it uses.
    #[arg(long)]
    pub no_run: bool,
    /// Commands typed at the console before the machine is looked at, such as 'restart io-console'.
    #[arg(long, conflicts_with = "no_run")]
    pub exec: Option<String>,
    /// Milliseconds that the machine runs between its last command and the look.
    #[arg(long, default_value_t = 500)]
    pub after: u64,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
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

/// What a machine may need for one command.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the image and prints its sizes.
///
/// # Errors
/// The image cannot be built or run, a program cannot be read, or the record cannot be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let manifest = images::manifest(&arguments.name)?;
    let artifacts = images::build(&arguments.name)?;
    let sizes = measure(&artifacts, &manifest)?;
    let before = parse(&fs::read_to_string(record()).unwrap_or_default());
    print!("{}", programs(&sizes, &before));
    let interactive =
        manifest.partitions.iter().any(|one| one.role.value == PartitionRole::Command);
    if interactive && !arguments.no_run {
        let usages = usages(arguments)?;
        print!("{}", stacks(&manifest, &usages));
    }
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

/// Runs the image and looks what was used.
fn usages(arguments: &Arguments) -> Result<Usages> {
    let artifacts = run::prepare(&arguments.name, &arguments.machine)?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::None)?;
    for command in exec::commands(arguments.exec.as_deref().unwrap_or("uptime")) {
        exec::ask(&mut session, command, PATIENCE)?;
    }
    thread::sleep(Duration::from_millis(arguments.after));
    Usages::of(&mut session)
}

/// What kernel and partitions of a running image have used.
#[derive(Debug)]
pub struct Usages {
    /// The kernel's stacks, one for each processor.
    pub kernel: Vec<Used>,
    /// The partitions.
    pub partitions: Vec<Usage>,
}

impl Usages {
    /// Looks into a machine.
    ///
    /// # Errors
    /// No kernel runs there.
    pub fn of(session: &mut Session) -> Result<Self> {
        let mut memory = Still::new(session.control())?;
        let inside = Inside::find(&mut memory)?;
        let partitions = inside.partitions(&mut memory)?;
        Ok(Self { kernel: inside.kernel_stacks(&mut memory)?, partitions })
    }

    /// What a partition has used.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Usage> {
        self.partitions.iter().find(|usage| usage.name == name)
    }
}

/// The table of what was used of what was given.
fn stacks(manifest: &Manifest, usages: &Usages) -> String {
    let mut table = format!(
        "\n{:24} {:>9} {:>9} {:>5} {:>9} {:>9} {:>9}  {}\n",
        "PARTITION", "STACK", "USED", "", "HEAP", "TOUCHED", "LASTING", "PROGRAM"
    );
    for (processor, stack) in usages.kernel.iter().enumerate() {
        let name = format!("kernel, processor {processor}");
        // Writing to a string does not fail.
        let _ = writeln!(table, "{name:24} {}", shown(*stack));
    }
    for one in &manifest.partitions {
        let bytes = |pages: u32| u64::from(pages) * PAGE_SIZE;
        let given = |pages| Used { most: 0, of: bytes(pages) };
        let (name, program) = (&one.name.value, &one.program.value);
        let usage = usages.named(name);
        let stack = usage.map_or(given(one.stack), |usage| usage.stack);
        let heap = usage.map_or(given(one.heap), |usage| usage.heap);
        let (stack, lasting) = (shown(stack), bytes(one.lasting));
        let _ = writeln!(
            table,
            "{name:24} {stack} {:9} {:9} {lasting:9}  {program}",
            heap.of, heap.most
        );
    }
    table
}

/// What there is, how much of it was used, and how much that is of a hundred.
fn shown(used: Used) -> String {
    let Used { most, of } = used;
    format!("{of:9} {most:9} {:>3} %", most * 100 / of.max(1))
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
        let manifest = images::manifest("minimal").unwrap();
        let used = |most, of| Used { most, of };
        let one =
            |name: &str, stack| Usage { name: name.to_owned(), stack, heap: used(4096, 2 << 20) };
        let usages = Usages {
            kernel: vec![used(800, 16384)],
            partitions: vec![
                one("io-console", used(3000, 32768)),
                one("resource-manager", used(32768, 65536)),
            ],
        };
        let table = stacks(&manifest, &usages);
        let line = |n: usize| {
            table.lines().nth(n).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(2), "kernel, processor 0 16384 800 4 %");
        assert_eq!(line(3), "resource-manager 65536 32768 50 % 2097152 4096 0 resource-manager");
        assert_eq!(line(7), "io-console 32768 3000 9 % 2097152 4096 0 io-console");
        let boot = "boot 32768 0 0 % 262144 0 32768 boot";
        assert_eq!(line(4), boot, "what was not found shows nothing used");
    }
}
