//! Images that were altered are refused with one sentence that names what and why.

use crate::screens::{Shown, sentence};
use crate::{PATIENCE, campaign, start, trial};
use abi::image::name_text;
use abi::manifest::{ManifestHeader, ManifestPartition};
use anyhow::{Context as _, Result};
use boot_image::damage::mend;
use boot_image::{Image, ImageWriter};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::iso;
use qemu_runner::machine::{Firmware, Options};
use qemu_runner::session::Session;
use std::fs;
use std::mem::offset_of;
use tempfile::TempDir;

/// Offsets in an ELF64 file (System V ABI, "Program header").
const PROGRAM_HEADERS: usize = 32;
const HEADER_SIZE: usize = 56;
const HEADER_COUNT: usize = 56;
const LOAD: u8 = 1;
const FLAGS: usize = 4;

/// Which image, and the sentence it must meet.
const CASES: [(&str, Alteration, &str); 5] = [
    ("content", content, "altered since it was written"),
    ("table", table, "the table of entries was altered"),
    ("truncated", truncated, "the file is shorter than its header says"),
    ("magic", magic, "not a boot image"),
    ("writable_code", writable_code, "both writable and executable"),
];
/// What GRUB and UEFI firmware lead to: where the sentence is shown there.
const DOORS: [(&str, Firmware, Alteration, &str, Option<Shown>); 3] = [
    ("bios", Firmware::Bios, content, "altered since it was written", Some(Shown::Text)),
    // While the firmware serves, its own console shows the sentence, on its screen and its serial line.
    ("uefi", Firmware::Uefi, content, "altered since it was written", None),
    ("uefi_left", Firmware::Uefi, no_manager, "is not the resource manager", Some(Shown::Loader)),
];

type Alteration = fn(Vec<u8>) -> Result<Vec<u8>>;

/// One altered image each.
// covers: BOOT-2
#[must_use]
pub fn all() -> Vec<Trial> {
    let direct = CASES.into_iter().map(|(name, alter, words)| {
        let screen = Some(Shown::Text);
        trial(format!("altered_{name}"), move || refused(alter, Firmware::Direct, words, screen))
    });
    // The firmware's own console is the firmware's business: in a campaign only.
    let doors = DOORS.into_iter().filter(|(.., screen)| screen.is_some() || campaign());
    let doors = doors.map(|(name, firmware, alter, words, screen)| {
        trial(format!("altered_{name}"), move || refused(alter, firmware, words, screen))
    });
    direct.chain(doors).collect()
}

/// The sentence comes on the serial line and on the screen.
fn refused(
    alter: Alteration,
    firmware: Firmware,
    words: &str,
    screen: Option<Shown>,
) -> Result<()> {
    let image = Altered::write(&alter(node()?)?, firmware)?;
    let mut session = image.start(firmware)?;
    let end = session.wait_text(0, words, PATIENCE)?;
    match screen {
        Some(screen) => {
            sentence(&mut session, screen, words)?;
            fault(&mut session, screen)
        }
        None => session.wait_text(end, words, PATIENCE).map(drop),
    }
}

/// What the processor stops the loader with is told as well. An interrupt that cannot be masked reaches even one that has halted.
fn fault(session: &mut Session, screen: Shown) -> Result<()> {
    const WORDS: &str = "bulkhead: the loader failed: non-maskable interrupt at 0x";
    let from = session.transcript().len();
    session.control().execute("inject-nmi", &serde_json::json!({}))?;
    session.wait_text(from, WORDS, PATIENCE)?;
    sentence(session, screen, WORDS)
}

/// The image that the others are made from.
///
/// # Errors
/// It was not built.
pub fn node() -> Result<Vec<u8>> {
    fs::read(Artifacts::of("node").boot_image()).context("no image: ./bulkhead image node")
}

/// The files of an altered image, for as long as this lives.
pub struct Altered {
    artifacts: Artifacts,
    _folder: TempDir,
}

impl Altered {
    /// Writes what a machine with this firmware starts from.
    ///
    /// # Errors
    /// Whatever keeps it from being written.
    pub fn write(image: &[u8], firmware: Firmware) -> Result<Self> {
        let good = Artifacts::of("node");
        let folder = tempfile::tempdir()?;
        let artifacts = Artifacts { name: "node".to_owned(), folder: folder.path().join("node") };
        fs::create_dir(&artifacts.folder)?;
        fs::write(artifacts.boot_image(), image)?;
        match firmware {
            Firmware::Uefi => {
                fs::copy(good.uefi_loader(), artifacts.uefi_loader())?;
                iso::write_uefi_disk(&artifacts)?;
            }
            _ => {
                fs::copy(good.loader(), artifacts.loader())?;
            }
        }
        if matches!(firmware, Firmware::Bios | Firmware::UefiDisc) {
            iso::write_iso(&artifacts)?;
        }
        Ok(Self { artifacts, _folder: folder })
    }

    /// Starts a machine from them.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn start(&self, firmware: Firmware) -> Result<Session> {
        start(&self.artifacts, &Options { firmware, ..Options::default() })
    }
}

/// Flips a bit in the middle of the last content.
fn content(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let place = {
        let image = Image::parse(&bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
        let last = image.entries().last().context("no entries")?;
        let offset = last.content.as_ptr() as usize - bytes.as_ptr() as usize;
        offset + last.content.len() / 2
    };
    *bytes.get_mut(place).context("out of the image")? ^= 1;
    Ok(bytes)
}

/// Flips a bit of the first entry's name, behind the header.
fn table(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let place = size_of::<abi::image::ImageHeader>();
    *bytes.get_mut(place).context("no table")? ^= 1;
    Ok(bytes)
}

fn truncated(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    bytes.truncate(bytes.len() - 4096);
    Ok(bytes)
}

fn magic(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    *bytes.first_mut().context("empty")? ^= 1;
    Ok(bytes)
}

/// Another role for the first partition, with right digests all over.
fn no_manager(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let image = Image::parse(&bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let manifest = image.manifest().as_ptr().addr() - bytes.as_ptr().addr();
    let role = offset_of!(ManifestPartition, role) + size_of::<ManifestHeader>();
    *bytes.get_mut(manifest + role).context("no manifest")? ^= 3;
    mend(&mut bytes);
    Ok(bytes)
}

/// Makes every segment of the last program writable, with right digests all over.
fn writable_code(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let image = Image::parse(&bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut writer = ImageWriter::new("node")?;
    let count = image.entries().count();
    for (index, entry) in image.entries().enumerate() {
        let mut content = entry.content.to_vec();
        if index + 1 == count {
            make_writable(&mut content)?;
        }
        writer.add(entry.kind, name_text(&entry.name), content)?;
    }
    Ok(writer.finish_unchecked(None))
}

fn make_writable(elf: &mut [u8]) -> Result<()> {
    let word = |at: usize| elf.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let first = usize::from(word(PROGRAM_HEADERS).context("no ELF header")?);
    let count = usize::from(word(HEADER_COUNT).context("no ELF header")?);
    for index in 0..count {
        let header = elf.get_mut(first + index * HEADER_SIZE..).context("no program header")?;
        if header.first() == Some(&LOAD) {
            *header.get_mut(FLAGS).context("no flags")? |= 2;
        }
    }
    Ok(())
}
