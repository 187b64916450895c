//! Damaged images on machines: what the loader's code says about them on the host, the machine says as well.
//!
//! Each machine ends in the very sentence that the host expects, in the resource manager's words, or at a prompt; never in silence. A few
//! always, dozens where `BULKHEAD_CAMPAIGN` is set, and then the host tries ten thousand.

use crate::altered::{Altered, node};
use crate::{campaign, trial};
use abi::types::{Frame, PhysicalAddress};
use anyhow::{Context as _, Result, bail, ensure};
use boot_image::Image;
use boot_image::damage::{Chance, damage, damage_manifest};
use libtest_mimic::Trial;
use loader_core::{
    CommandLine, Door, MemoryMap, Offer, PhysicalMemory, Refusal, Report, Rsdp, Use, check_image,
    prepare,
};
use qemu_runner::machine::Firmware;
use qemu_runner::session::Session;
use resource_manager::manifest::Manifest;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a machine may take to its last word.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the boot loader of these machines puts the image, and the memory they have.
const IMAGE: u64 = 0x100_0000;
const MEMORY: u64 = 512 << 20;

/// How the record begins that the kernel leaves where the manager stops before it has named a rescuer, and the manager's reason: its own will.
const RECORD: [&str; 3] = [
    "kernel: stopped ",
    "panicked at kernel/core/src/stop.rs:",
    "the first partition: reason 64 at ",
];
/// What only a machine that crashed prints.
const CRASHED: [&str; 3] = ["kernel: stopped", "panicked", "the loader failed"];

/// Images that the loader refuses, and images with another manifest that it takes.
#[must_use]
pub fn all() -> Vec<Trial> {
    let (refused, taken, tried) = if campaign() { (32, 24, 10_000) } else { (3, 3, 200) };
    let mut trials = vec![trial("mutated_on_the_host", move || on_the_host(tried))];
    trials.push(trial("mutated_refused", move || boot_refused(refused)));
    trials.push(trial("mutated_taken", move || boot_taken(taken)));
    trials
}

/// Memory as the loader sees it, frame by frame. What may not be written to stops the test.
struct Memory<'a> {
    free: MemoryMap,
    image: &'a [u8],
    frames: BTreeMap<u64, Vec<u8>>,
}

impl Memory<'_> {
    fn check(&self, frame: u64) {
        let free =
            self.free.ranges().iter().any(|range| {
                range.usage == Use::Usable && (range.start..range.end).contains(&frame)
            });
        assert!(free, "frame {frame:#x} is written to");
    }
}

impl PhysicalMemory for Memory<'_> {
    fn read(&self, address: PhysicalAddress, bytes: &mut [u8]) -> bool {
        for (byte, place) in bytes.iter_mut().zip(address.raw()..) {
            let in_image = place.checked_sub(IMAGE).and_then(|at| self.image.get(at as usize));
            let frame = self.frames.get(&(place >> 12));
            let written = frame.map(|frame| &frame[(place & 0xfff) as usize]);
            *byte = *written.or(in_image).unwrap_or(&0);
        }
        true
    }

    fn write(&mut self, address: PhysicalAddress, bytes: &[u8]) {
        let end = address.raw() + bytes.len() as u64;
        for frame in address.raw() >> 12..end.div_ceil(4096) {
            self.check(frame);
            let page = self.frames.entry(frame).or_insert_with(|| vec![0; 4096]);
            let (from, to) = (address.raw().max(frame << 12), end.min((frame + 1) << 12));
            let part = (from - address.raw()) as usize..(to - address.raw()) as usize;
            page[(from & 0xfff) as usize..][..part.len()].copy_from_slice(&bytes[part]);
        }
    }

    fn clear(&mut self, start: Frame, count: u64) {
        for frame in start.raw()..start.raw() + count {
            self.check(frame);
            self.frames.insert(frame, vec![0; 4096]);
        }
    }
}

/// What the loader makes of an image on a machine like these.
fn verdict(bytes: &[u8]) -> Result<(), Refusal> {
    let image = check_image(bytes, None)?;
    let report = |start: u64, end: u64| Report {
        start: PhysicalAddress::new(start),
        length: end - start,
        usage: Use::Usable,
    };
    let map = MemoryMap::new([report(0, 0x9_fc00), report(0x10_0000, MEMORY)].into_iter());
    let mut free = map.clone();
    free.protect(PhysicalAddress::new(IMAGE), image.length());
    let mut memory = Memory { free, image: bytes, frames: BTreeMap::new() };
    let offer = Offer {
        door: Door::Pvh,
        map,
        image: &image,
        image_address: PhysicalAddress::new(IMAGE),
        rsdp: Rsdp::Search,
        command_line: CommandLine::new(b""),
        framebuffer: abi::boot::Framebuffer::default(),
        serial: 0x3f8,
        processor: 0,
        gigabyte_pages: true,
        reach: Frame::new(1 << 20),
        later: loader_core::LaterImages::default(),
    };
    prepare(offer, &mut memory).map(drop)
}

/// Neither a panic nor a write to memory that is not free, and every refusal in words.
// covers: BOOT-2
fn on_the_host(count: u64) -> Result<()> {
    let good = node()?;
    let mut taken = 0;
    for seed in 0..count {
        match verdict(&damage(&good, &mut Chance::new(seed)).bytes) {
            Ok(()) => taken += 1,
            Err(refusal) => ensure!(refusal.to_string().len() > 8, "seed {seed}: {refusal:?}"),
        }
    }
    println!("{taken} of {count} images are taken");
    ensure!(taken > 0 && taken < count, "{taken} of {count} images are taken");
    Ok(())
}

/// Images that are refused, each for another reason as long as there are any.
// covers: BOOT-2
fn boot_refused(count: usize) -> Result<()> {
    let good = node()?;
    let mut sentences = BTreeMap::new();
    for seed in 0..(20 * count as u64) {
        let bytes = damage(&good, &mut Chance::new(seed)).bytes;
        if let Err(refusal) = verdict(&bytes) {
            sentences.entry(refusal.to_string()).or_insert((seed, bytes));
        }
    }
    ensure!(sentences.len() >= count, "only {} refusals", sentences.len());
    let step = sentences.len() / count;
    for (sentence, (seed, bytes)) in sentences.into_iter().step_by(step).take(count) {
        let sentence = format!("bulkhead: cannot start: {sentence}");
        let image = Altered::write(&bytes, Firmware::Direct)?;
        let mut session = image.start(Firmware::Direct)?;
        session.wait_text(0, &sentence, PATIENCE).with_context(|| format!("seed {seed}"))?;
        println!("seed {seed}: {sentence}");
    }
    Ok(())
}

/// Images whose manifest is another: the loader takes them, and the resource manager or the person has the last word.
// covers: BOOT-2
fn boot_taken(count: usize) -> Result<()> {
    let good = node()?;
    let different = (0..).filter_map(|seed| {
        let bytes = damage_manifest(&good, &mut Chance::new(seed));
        (bytes != good && verdict(&bytes).is_ok()).then_some((seed, bytes))
    });
    for (seed, bytes) in different.take(count) {
        let image = Altered::write(&bytes, Firmware::Direct)?;
        let mut session = image.start(Firmware::Direct)?;
        let word = last_word(&mut session, &bytes).with_context(|| format!("seed {seed}"))?;
        println!("seed {seed}: {word}");
    }
    Ok(())
}

/// The sentence that the host expects of the resource manager, and the record of its stop; else a prompt, or what it says about what it
/// made, or why it stops.
fn last_word(session: &mut Session, bytes: &[u8]) -> Result<String> {
    let image = Image::parse(bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let bad = Manifest::parse(image.manifest()).err();
    let wanted = match &bad {
        Some(bad) => format!("resource-manager: {bad}"),
        None => "resource-manager: ".to_owned(),
    };
    let end = Instant::now() + PATIENCE;
    let start = session.wait_text(0, &wanted, PATIENCE)? - wanted.len();
    let line = session.wait_text(start, "\n", end.saturating_duration_since(Instant::now()))?;
    // It goes on for a moment, and whatever it does it does not crash, unless the manager has said why it cannot go on.
    let prompt = session.wait_prompt(Duration::from_secs(2)).is_ok();
    let text = session.transcript();
    if bad.is_some() || crashed(text) {
        let word = end_of_manager(text).with_context(|| session.tail())?;
        ensure!(!prompt && word.starts_with(&wanted), "{}", session.tail());
        let word = word.to_owned();
        let end = session.finish(PATIENCE)?;
        ensure!(end.reason.as_deref() == Some("guest-reset"), "{end}; {}", session.tail());
        return Ok(format!("{word}, and the machine starts anew"));
    }
    let said = text.get(start..line).unwrap_or_default().trim_end().to_owned();
    if said.is_empty() {
        bail!("nothing was said; {}", session.tail());
    }
    Ok(if prompt { format!("{said}, and a prompt") } else { said })
}

fn crashed(text: &str) -> bool {
    CRASHED.iter().any(|crashed| text.contains(crashed))
}

/// The manager's last sentence, where the machine ends right after it, by a record that names the manager's stop; nothing else crashed.
fn end_of_manager(text: &str) -> Option<&str> {
    let (before, _) = text.split_once(RECORD[0])?;
    let mut record = text.get(before.len()..)?.lines();
    let is_record =
        RECORD.iter().all(|start| record.next().is_some_and(|it| it.starts_with(start)));
    let word = before.lines().next_back()?.trim_end();
    let sound = is_record && !crashed(before) && !record.any(crashed);
    (sound && word.starts_with("resource-manager: ")).then_some(word)
}
