//! The machines we start. Nowhere else is a flag of QEMU.

use crate::images::Artifacts;
use crate::kvm;
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The emulator.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// Port of the exit device: QEMU leaves with `(value << 1) | 1`.
pub const EXIT_PORT: u16 = 0xf4;

/// The processor as it is, which only KVM can give.
const HOST_CPU: &str = "host";

/// Who starts the loader.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Firmware {
    /// The emulator itself (PVH).
    Direct,
    /// GRUB on BIOS, from the hybrid image.
    Bios,
    /// UEFI, from the disk image.
    Uefi,
    /// GRUB on UEFI, from the hybrid image.
    UefiDisc,
    /// GRUB on BIOS, over the network.
    Network,
    /// GRUB on UEFI, over the network.
    UefiNetwork,
}

/// Which chipset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Chipset {
    /// i440FX, 1996: no PCI Express.
    Pc,
    /// Q35, 2009.
    Q35,
    /// Neither PCI nor VGA: for direct boot alone.
    Microvm,
}

/// What the person chooses about the machine.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Number of processors.
    #[arg(long = "processors", visible_alias = "smp", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub smp: u16,
    /// Memory in MiB.
    #[arg(long, default_value_t = 512)]
    pub memory: u32,
    /// Nodes that processors and memory are spread over: parts of the machine whose own memory is near.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    pub nodes: u16,
    /// Who starts the loader.
    #[arg(long, value_enum, default_value_t = Firmware::Direct)]
    pub firmware: Firmware,
    /// Chipset of the machine.
    #[arg(long, value_enum, default_value_t = Chipset::Q35)]
    pub machine: Chipset,
    /// Processor model, in QEMU's words.
    #[arg(long)]
    pub cpu: Option<String>,
    /// Every boot the same to the byte: time counts instructions. Keys still come when they come.
    #[arg(long)]
    pub deterministic: bool,
    /// Emulate, even where KVM works.
    #[arg(long)]
    pub tcg: bool,
    /// Leave the serial port out: screen and keyboard alone.
    #[arg(long)]
    pub no_serial: bool,
    /// Let the machine start again when it resets itself, instead of ending it.
    #[arg(long)]
    pub reboot: bool,
    /// A further argument for QEMU; may be repeated.
    #[arg(long = "qemu-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub qemu_args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            smp: 2,
            memory: 512,
            nodes: 1,
            firmware: Firmware::Direct,
            machine: Chipset::Q35,
            cpu: None,
            deterministic: false,
            tcg: false,
            no_serial: false,
            reboot: false,
            qemu_args: Vec::new(),
        }
    }
}

/// The environment variable that names the machine for tests: [`Options::words`], one a line.
pub const MACHINE: &str = "BULKHEAD_MACHINE";

/// The words of [`MACHINE`], as a command line.
#[derive(clap::Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(flatten)]
    options: Options,
}

/// How a debugger takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Debugger {
    /// Not at all.
    None,
    /// The machine waits for one at this TCP port of the local host.
    Port(u16),
}

impl Options {
    /// The machine that the environment names, else the usual one.
    ///
    /// # Errors
    /// What does not name a machine.
    pub fn of_environment() -> Result<Self> {
        let words = std::env::var(MACHINE).unwrap_or_default();
        let words = words.lines().filter(|word| !word.is_empty());
        let parsed = <Words as clap::Parser>::try_parse_from(words).context(MACHINE)?;
        Ok(parsed.options)
    }

    /// The words that make it on a command line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let mut words = vec![
            format!("--processors={}", self.smp),
            format!("--memory={}", self.memory),
            format!("--nodes={}", self.nodes),
            format!("--firmware={}", name(self.firmware.to_possible_value())),
            format!("--machine={}", name(self.machine.to_possible_value())),
        ];
        let flags = [
            (self.deterministic, "--deterministic"),
            (self.tcg, "--tcg"),
            (self.no_serial, "--no-serial"),
            (self.reboot, "--reboot"),
        ];
        words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
        words.extend(self.cpu.iter().map(|cpu| format!("--cpu={cpu}")));
        words.extend(self.qemu_args.iter().map(|word| format!("--qemu-arg={word}")));
        words
    }

    /// Whether it will run on the computer's own hardware, in words for people.
    #[must_use]
    pub fn accelerator(&self) -> &'static str {
        if self.hardware() {
            "KVM"
        } else {
            "TCG (emulated: KVM is absent, does not work, or was not wanted)"
        }
    }

    fn hardware(&self) -> bool {
        !self.deterministic && !self.tcg && kvm::works()
    }

    /// The command that starts the machine: serial port on its standard input and output, QMP on `control`.
    ///
    /// # Errors
    /// Firmware that is not installed.
    pub fn command(
        &self,
        artifacts: &Artifacts,
        control: &Path,
        debugger: Debugger,
    ) -> Result<Command> {
        let mut command = emulator()?;
        command.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        if self.machine != Chipset::Microvm {
            command.args(["-vga", "std"]);
        }
        self.processor(&mut command);
        command.args(["-smp", &self.smp.to_string(), "-m", &self.memory.to_string()]);
        if self.nodes > 1 {
            self.spread(&mut command);
        }
        if self.no_serial {
            command.args(["-serial", "none"]);
        } else {
            command.args(["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"]);
        }
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", control.display()));
        command.args(["-device", &exit_device()]);
        self.door(&mut command, artifacts, control)?;
        if let Debugger::Port(port) = debugger {
            command.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
        }
        command.args(&self.qemu_args);
        // Keys meant for a debugger must not reach the emulator.
        if debugger != Debugger::None {
            command.process_group(0);
        }
        Ok(command)
    }

    /// Chipset, accelerator and processor model. Under instruction counting x2APIC aborts the emulator.
    fn processor(&self, command: &mut Command) {
        let chipset = match self.machine {
            Chipset::Pc => "pc",
            Chipset::Q35 => "q35",
            Chipset::Microvm => "microvm",
        };
        let hardware = self.hardware();
        let accelerator = if hardware { "kvm" } else { "tcg" };
        command.args(["-machine", &format!("{chipset},accel={accelerator}")]);
        let model = match (&self.cpu, hardware, self.deterministic) {
            (Some(model), ..) => model,
            (None, true, _) => HOST_CPU,
            (None, false, true) => "max,-x2apic",
            (None, false, false) => "max",
        };
        command.args(["-cpu", model]);
        if self.deterministic {
            command.args(["-icount", "shift=0,sleep=off", "-seed", "1"]);
            command.args(["-rtc", "base=2026-01-01,clock=vm"]);
        }
    }

    /// Spreads processors and memory over nodes, as evenly as it goes, in the order of their numbers and addresses.
    fn spread(&self, command: &mut Command) {
        let (nodes, memory) = (u32::from(self.nodes), self.memory);
        for node in 0..nodes {
            let share = |all: u32| (all * node / nodes, all * (node + 1) / nodes);
            let ((from, to), (low, high)) = (share(self.smp.into()), share(memory));
            let size = format!("memory-backend-ram,id=node{node},size={}M", high - low);
            let processors =
                if from < to { format!(",cpus={from}-{}", to - 1) } else { String::new() };
            let numa = format!("node,nodeid={node}{processors},memdev=node{node}");
            command.args(["-object", &size, "-numa", &numa]);
        }
    }

    fn door(&self, command: &mut Command, artifacts: &Artifacts, control: &Path) -> Result<()> {
        match self.firmware {
            Firmware::Direct => {
                command.arg("-kernel").arg(artifacts.loader());
                command.arg("-initrd").arg(artifacts.boot_image());
            }
            Firmware::Bios => {
                command.arg("-cdrom").arg(artifacts.iso()).args(["-boot", "d"]);
            }
            Firmware::Uefi => {
                uefi(command, control)?;
                // What firmware writes goes nowhere: the image stays as it was built, and several machines may start from it.
                let disk = artifacts.uefi_disk();
                let disk = format!("format=raw,snapshot=on,file={}", disk.display());
                command.args(["-drive", &disk]);
            }
            Firmware::UefiDisc => {
                uefi(command, control)?;
                command.arg("-cdrom").arg(artifacts.iso());
            }
            Firmware::Network => network(command, artifacts, "e1000", "i386-pc/core.0"),
            Firmware::UefiNetwork => {
                uefi(command, control)?;
                // Without a program of its own on the card, UEFI's is used.
                network(command, artifacts, "virtio-net-pci,romfile=", "x86_64-efi/core.efi");
            }
        }
        Ok(())
    }
}

/// A network on which the emulator itself answers: DHCP and TFTP with the image's folder.
fn network(command: &mut Command, artifacts: &Artifacts, card: &str, program: &str) {
    let folder = artifacts.network();
    let net = format!("user,id=net,tftp={},bootfile=boot/grub/{program}", folder.display());
    command.args(["-netdev", &net, "-device", &format!("{card},netdev=net"), "-boot", "n"]);
}

/// UEFI's firmware. Its variables are written to, so each machine has its own copy.
fn uefi(command: &mut Command, control: &Path) -> Result<()> {
    let (code, variables) = ovmf()?;
    let own = control.with_extension("variables");
    std::fs::copy(variables, &own)?;
    let code = format!("if=pflash,format=raw,readonly=on,file={}", code.display());
    command.args(["-drive", &code]);
    command.args(["-drive", &format!("if=pflash,format=raw,file={}", own.display())]);
    Ok(())
}

/// The emulator, so that it ends when we end, however that happens.
fn emulator() -> Result<Command> {
    if !installed(PROGRAM) {
        bail!("{PROGRAM} is missing; install qemu-system-x86, or run ./bulkhead setup");
    }
    if !installed("setpriv") {
        return Ok(Command::new(PROGRAM));
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", PROGRAM]);
    Ok(command)
}

/// Whether a program of this name would be found.
pub(crate) fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// A machine of KVM's that starts in `firmware`: the very processor that images get, for some fail only there.
#[must_use]
pub fn probe(firmware: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.args(["-machine", "q35,accel=kvm", "-cpu", HOST_CPU, "-device", &exit_device()]);
    command.arg("-bios").arg(firmware);
    command
}

fn exit_device() -> String {
    format!("isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x4")
}

/// UEFI's code and its variables, where Debian, Ubuntu and others put them.
fn ovmf() -> Result<(PathBuf, PathBuf)> {
    let pairs = [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ];
    let found = pairs
        .iter()
        .find(|(code, variables)| Path::new(code).exists() && Path::new(variables).exists());
    let (code, variables) =
        found.context("no UEFI firmware; install the package ovmf, or run ./bulkhead setup")?;
    Ok((PathBuf::from(code), PathBuf::from(variables)))
}

#[cfg(test)]
mod tests;
