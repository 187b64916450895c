//! `debug`: a machine that waits for gdb, and gdb with the symbols of the kernel or of one partition.

use crate::images::{self, Artifacts};
use crate::machine::{Debugger, Options};
use crate::marks::Piece;
use crate::paths;
use crate::programs::Profile;
use crate::session::Session;
use crate::verbs::run;
use abi::image::NAME_LENGTH;
use abi::information::Information;
use abi::layout::INFORMATION;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use image_builder::Manifest;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::mem::offset_of;
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Arguments of `debug`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose symbols: `kernel`, `loader`, or a partition.
    #[arg(default_value = "kernel")]
    pub program: String,
    /// The image; without it that of the same name, else `node`.
    #[arg(long)]
    pub image: Option<String>,
    /// Only print how to attach, and wait: for debuggers with a window.
    #[arg(long)]
    pub wait: bool,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
}

/// Runs it.
///
/// # Errors
/// No such program, no gdb, or the machine could not be started.
pub fn run(arguments: &Arguments) -> Result<()> {
    let image = arguments.image.clone().unwrap_or_else(|| image_of(&arguments.program));
    let subject = Subject::of(&images::manifest(&image)?, &arguments.program)?;
    let artifacts = run::prepare_as(&image, &arguments.machine, subject.profile())?;
    let port = free_port()?;
    let debugger = subject.debugger(&artifacts, port)?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::Port(port))?;
    if arguments.wait {
        println!("in another terminal: {}", shown(&debugger));
        return run::interact(&mut session, None, &image);
    }
    let log = artifacts.folder.join("debug.txt");
    println!("what the machine prints goes to {}; --wait keeps its console here", log.display());
    let mut file = File::create(&log)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| record(&mut session, &mut file, &over));
        let result = gdb(debugger);
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// The image in which a program is looked for: one of its own, as `new` makes it, or the default.
fn image_of(program: &str) -> String {
    let own = paths::manifests().into_iter().find(|name| name == program);
    own.unwrap_or_else(|| "node".to_owned())
}

/// What is debugged.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    /// The program with the symbols.
    pub program: String,
    /// The partitions in which breakpoints count; none for what runs in none.
    pub partitions: Vec<String>,
}

impl Subject {
    /// What `name` means in an image: a partition, the partitions that run a program, or what comes before them.
    ///
    /// # Errors
    /// It means nothing; the error says what there is.
    pub fn of(manifest: &Manifest, name: &str) -> Result<Self> {
        let program = |program: &str, partitions| Self { program: program.to_owned(), partitions };
        if let Some(one) = manifest.partitions.iter().find(|one| one.name.value == name) {
            return Ok(program(&one.program.value, vec![name.to_owned()]));
        }
        if ["kernel", "loader"].contains(&name) {
            return Ok(program(name, Vec::new()));
        }
        let running = manifest.partitions.iter().filter(|one| one.program.value == name);
        let partitions: Vec<String> = running.map(|one| one.name.value.clone()).collect();
        if !partitions.is_empty() {
            return Ok(program(name, partitions));
        }
        let names: Vec<&str> =
            manifest.partitions.iter().map(|one| one.name.value.as_str()).collect();
        let image = &manifest.name.value;
        bail!(
            "image '{image}' has no partition '{name}'; it has: kernel, loader, {}",
            names.join(", ")
        )
    }

    /// How the programs are built: kernel and loader are debugged as they run, where a partition's author wants to see variables.
    fn profile(&self) -> Profile<'_> {
        if self.partitions.is_empty() {
            Profile::Release
        } else {
            Profile::Debugging(&self.program)
        }
    }

    /// The debugger that attaches to `port`, with symbols and with breakpoints that count here alone.
    ///
    /// # Errors
    /// Its script cannot be written.
    pub fn debugger(&self, artifacts: &Artifacts, port: u16) -> Result<Command> {
        let mut command = Command::new("gdb");
        command.arg("-q").arg(artifacts.symbols(&self.program));
        if !self.partitions.is_empty() {
            let script = artifacts.folder.join("debug.py");
            fs::write(&script, self.script())?;
            command.arg("-x").arg(script);
        }
        command.args(["-ex", &format!("target remote :{port}")]);
        Ok(command)
    }

    /// Every program lies at the same addresses, so the debugger asks the information pages whose code it stopped in.
    fn script(&self) -> String {
        let address = INFORMATION + offset_of!(Information, name) as u64;
        SCRIPT
            .replace("ADDRESS", &format!("{address:#x}"))
            .replace("LENGTH", &NAME_LENGTH.to_string())
            .replace("NAMES", &format!("{:?}", self.partitions))
    }
}

/// Makes every breakpoint conditional on the partition. The first partition has no information pages.
const SCRIPT: &str = r#"import gdb

class Here(gdb.Function):
    """Whether the processor runs one of the partitions that are debugged."""
    def __init__(self):
        super().__init__("here")

    def invoke(self):
        if int(gdb.parse_and_eval("$cs")) & 3 != 3:
            return False
        try:
            name = bytes(gdb.selected_inferior().read_memory(ADDRESS, LENGTH))
        except gdb.MemoryError:
            return "resource-manager" in NAMES
        return name.rstrip(b"\0").decode() in NAMES

Here()

def only_here(breakpoint):
    if breakpoint.type in (gdb.BP_BREAKPOINT, gdb.BP_HARDWARE_BREAKPOINT):
        before = breakpoint.condition
        breakpoint.condition = f"({before}) && $here()" if before else "$here()"

gdb.events.breakpoint_created.connect(only_here)
"#;

/// A command as it is typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        if word.contains(' ') { format!("'{word}'") } else { word.into_owned() }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Writes down what the machine prints until the debugger is done.
fn record(session: &mut Session, file: &mut File, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        match session.poll(Instant::now() + Duration::from_millis(100)) {
            Some(Some(Piece::Text(bytes))) => drop(file.write_all(&bytes)),
            Some(None) => break,
            _ => {}
        }
    }
}

fn gdb(mut debugger: Command) -> Result<()> {
    let status = debugger.status();
    match status {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("gdb is missing; install it, or attach another debugger with --wait")
        }
        status => status.map(|_| ()).context("gdb"),
    }
}

/// A port nobody uses now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Result<Subject> {
        Subject::of(&images::manifest("node").unwrap(), name)
    }

    #[test]
    fn a_name_is_a_partition_a_program_or_what_comes_before_them() {
        let one = subject("echo-asks").unwrap();
        assert_eq!(
            (one.program.as_str(), &one.partitions[..]),
            ("example-echo", &["echo-asks".to_owned()][..])
        );
        assert_eq!(subject("example-echo").unwrap().partitions, ["echo-answers", "echo-asks"]);
        assert_eq!(subject("kernel").unwrap().partitions, [""; 0]);
        let refusal = subject("nobody").unwrap_err().to_string();
        assert!(
            refusal.contains("no partition 'nobody'") && refusal.contains("io-console"),
            "{refusal}"
        );
    }

    #[test]
    fn the_script_names_the_partitions_and_where_names_are() {
        let script = subject("echo-asks").unwrap().script();
        let name = format!("{:#x}, 24", abi::layout::INFORMATION + 0x18);
        assert!(script.contains(r#"in ["echo-asks"]"#) && script.contains(&name), "{script}");
        assert!(!script.contains("NAMES") && !script.contains("ADDRESS"));
    }

    #[test]
    fn a_partition_of_ones_own_is_looked_for_in_its_own_image() {
        assert_eq!(image_of("suite"), "suite");
        assert_eq!(image_of("kernel"), "node");
    }
}
