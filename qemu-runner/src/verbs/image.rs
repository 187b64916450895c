//! `build` and `image`: everything that can be booted, and where it is.

use crate::images::{self, Artifacts};
use crate::iso;
use anyhow::Result;

/// Builds the image in the form that emulators start directly.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn build(name: &str) -> Result<()> {
    let artifacts = images::build(name)?;
    println!("{}", artifacts.folder.display());
    println!("{}", artifacts.report().display());
    Ok(())
}

/// Builds the image in every form.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn write(name: &str) -> Result<Artifacts> {
    let artifacts = images::build(name)?;
    images::build_uefi_loader(&artifacts)?;
    iso::write_iso(&artifacts)?;
    iso::write_uefi_disk(&artifacts)?;
    Ok(artifacts)
}

/// Builds the image in every form and says where each is.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn image(name: &str) -> Result<()> {
    let artifacts = write(name)?;
    iso::write_network(&artifacts)?;
    println!("{}  for discs and USB sticks, BIOS and UEFI", artifacts.iso().display());
    println!("{}  a disk for UEFI", artifacts.uefi_disk().display());
    println!("{}  a folder for a TFTP server", artifacts.network().display());
    println!("{}  loader and boot image for direct boot", artifacts.folder.display());
    println!("{}  who got what", artifacts.report().display());
    Ok(())
}
