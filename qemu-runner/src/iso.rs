//! Images for discs, sticks and disks, made with GRUB's and mtools' programs.

use crate::images::Artifacts;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// What GRUB does on either firmware: at once, without a menu. Where there is a BIOS the screen stays in text mode, which the
/// console service can show; this must be said after the loader was read, for its header asks for a framebuffer.
const GRUB: &str = "\
set timeout=0
insmod all_video
menuentry \"Bulkhead\" {
    multiboot2 /boot/loader
    module2 /boot/boot.img
    if [ $grub_platform = pc ]; then set gfxpayload=text; fi
}
";

/// Bytes of the disk image beyond what it holds, for the file system's own structures.
const SPARE: u64 = 4 << 20;

/// Writes the hybrid image (BIOS and UEFI, disc and stick) with `grub-mkrescue`.
///
/// # Errors
/// A program that is missing, or what it said.
pub fn write_iso(artifacts: &Artifacts) -> Result<()> {
    let tree = tempfile::tempdir()?;
    let boot = tree.path().join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    fs::copy(artifacts.loader(), boot.join("loader"))?;
    fs::copy(artifacts.boot_image(), boot.join("boot.img"))?;
    fs::write(boot.join("grub/grub.cfg"), GRUB)?;
    let mut command = Command::new("grub-mkrescue");
    run(
        command.arg("-o").arg(artifacts.iso()).arg(tree.path()),
        "grub-pc-bin, grub-efi-amd64-bin, xorriso and mtools",
    )
}

/// Writes the disk image with a FAT file system that UEFI boots.
///
/// # Errors
/// A program that is missing, or what it said.
pub fn write_uefi_disk(artifacts: &Artifacts) -> Result<()> {
    let files = [
        (artifacts.uefi_loader(), "::/EFI/BOOT/BOOTX64.EFI"),
        (artifacts.boot_image(), "::/bulkhead/boot.img"),
    ];
    let sizes = files.iter().map(|(path, _)| fs::metadata(path).map(|data| data.len()));
    let size: u64 = sizes.sum::<std::io::Result<u64>>()?;
    let disk = artifacts.uefi_disk();
    fs::File::create(&disk)?.set_len((size + SPARE).next_multiple_of(1 << 20))?;
    run(Command::new("mformat").args(["-i"]).arg(&disk).args(["-v", "BULKHEAD", "::"]), "mtools")?;
    for folder in ["::/EFI", "::/EFI/BOOT", "::/bulkhead"] {
        run(Command::new("mmd").arg("-i").arg(&disk).arg(folder), "mtools")?;
    }
    files.iter().try_for_each(|(path, place)| copy(&disk, path, place))
}

fn copy(disk: &Path, file: &Path, place: &str) -> Result<()> {
    run(Command::new("mcopy").arg("-i").arg(disk).arg(file).arg(place), "mtools")
}

/// Runs a program of the Debian packages `packages`; what it says matters only if it fails.
fn run(command: &mut Command, packages: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{name} is missing; install {packages}, or run ./bulkhead setup")
        }
        output => output.with_context(|| name.clone())?,
    };
    if output.status.success() {
        return Ok(());
    }
    bail!("{name} failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end())
}
