//! Images for discs, sticks, disks and the network, made with GRUB's and mtools' programs.

use crate::images::Artifacts;
use anyhow::{Context as _, Result, bail, ensure};
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, partition_types};
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

/// Bytes of the file system beyond what it holds, for its own structures.
const SPARE: u64 = 4 << 20;
/// Least bytes of a file system of the kind that every firmware reads on a disk, FAT32: it has 65,525 clusters or more.
const LEAST: u64 = 40 << 20;
/// Bytes of the disk before its partition, and behind it for the second table.
const MARGIN: u64 = 1 << 20;
/// Bytes of a block of the disk.
const BLOCK: u64 = 512;

/// Writes the hybrid image (BIOS and UEFI, disc and stick) with `grub-mkrescue`.
///
/// # Errors
/// A program that is missing, or what it said.
pub fn write_iso(artifacts: &Artifacts) -> Result<()> {
    let tree = tempfile::tempdir()?;
    write_tree(artifacts, tree.path())?;
    let mut command = Command::new("grub-mkrescue");
    run(
        command.arg("-o").arg(artifacts.iso()).arg(tree.path()),
        "grub-pc-bin, grub-efi-amd64-bin, xorriso and mtools",
    )
}

/// What GRUB reads: loader, boot image, and what to do with them.
fn write_tree(artifacts: &Artifacts, tree: &Path) -> Result<()> {
    let boot = tree.join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    fs::copy(artifacts.loader(), boot.join("loader"))?;
    fs::copy(artifacts.boot_image(), boot.join("boot.img"))?;
    Ok(fs::write(boot.join("grub/grub.cfg"), GRUB)?)
}

/// Writes the folder that a TFTP server offers to machines that start over the network (PXE), BIOS and UEFI.
///
/// # Errors
/// A program that is missing, or what it said.
pub fn write_network(artifacts: &Artifacts) -> Result<()> {
    let folder = artifacts.network();
    fs::create_dir_all(&folder)?;
    let mut command = Command::new("grub-mknetdir");
    command.arg("--net-directory").arg(&folder).args(["--subdir", "boot/grub"]);
    run(command.args(["--locales=", "--fonts="]), "grub-pc-bin, grub-efi-amd64-bin")?;
    write_tree(artifacts, &folder)
}

/// Writes the disk image that UEFI boots: a partition table with one partition, a FAT file system in it.
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
    let size = (size + SPARE).next_multiple_of(MARGIN).max(LEAST);
    let disk = artifacts.uefi_disk();
    partition(&disk, size).with_context(|| disk.display().to_string())?;
    let place = format!("{}@@{MARGIN}", disk.display());
    let sectors = (size / BLOCK).to_string();
    run(
        Command::new("mformat").args(["-i", &place, "-F", "-T", &sectors, "-v", "BULKHEAD", "::"]),
        "mtools",
    )?;
    for folder in ["::/EFI", "::/EFI/BOOT", "::/bulkhead"] {
        run(Command::new("mmd").args(["-i", &place, folder]), "mtools")?;
    }
    files.iter().try_for_each(|(path, to)| copy(&place, path, to))
}

/// Makes a disk with one system partition of this size (UEFI 2.10, 5.3 and 13.3).
fn partition(path: &Path, size: u64) -> Result<()> {
    let mut file =
        fs::File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    let blocks = (size + 2 * MARGIN) / BLOCK;
    file.set_len(blocks * BLOCK)?;
    let last = u32::try_from(blocks - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(last).overwrite_lba0(&mut file)?;
    let mut disk = GptConfig::new().writable(true).create_from_device(file, None)?;
    let alignment = Some(MARGIN / BLOCK);
    disk.add_partition("Bulkhead", size, partition_types::EFI, 0, alignment)?;
    let first = disk.partitions().values().next().map(|partition| partition.first_lba);
    ensure!(first == Some(MARGIN / BLOCK), "the partition is not where it is wanted: {first:?}");
    disk.write()?;
    Ok(())
}

fn copy(place: &str, file: &Path, to: &str) -> Result<()> {
    run(Command::new("mcopy").args(["-i", place]).arg(file).arg(to), "mtools")
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
