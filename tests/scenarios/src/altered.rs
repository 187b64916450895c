//! Images that were altered are refused with one sentence that names what and why.

use crate::{PATIENCE, start, trial};
use abi::image::name_text;
use anyhow::{Context as _, Result};
use boot_image::{Image, ImageWriter};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use std::fs;

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

type Alteration = fn(Vec<u8>) -> Result<Vec<u8>>;

/// One altered image each.
// covers: BOOT-2
#[must_use]
pub fn all() -> Vec<Trial> {
    CASES
        .into_iter()
        .map(|(name, alter, sentence)| {
            trial(format!("altered_{name}"), move || refused(alter, sentence))
        })
        .collect()
}

fn refused(alter: Alteration, sentence: &str) -> Result<()> {
    let good = Artifacts::of("node");
    let folder = tempfile::tempdir()?;
    let bad = Artifacts { name: "node".to_owned(), folder: folder.path().to_path_buf() };
    let bytes = fs::read(good.boot_image()).context("no image: ./bulkhead image node")?;
    fs::write(bad.boot_image(), alter(bytes)?)?;
    fs::copy(good.loader(), bad.loader())?;
    let mut session = start(&bad, &Options::default())?;
    session.wait_text(0, sentence, PATIENCE)?;
    Ok(())
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
