//! A pretended machine: memory, firmware tables and a boot image.

use crate::{CommandLine, Door, MemoryMap, Offer, PhysicalMemory, Report, Rsdp, Use};
use abi::boot::Framebuffer;
use abi::image::{EntryKind, name_from};
use abi::layout::{KERNEL_BASE, PROGRAM_BASE};
use abi::manifest::{MANIFEST_MAGIC, MANIFEST_VERSION, ManifestHeader, ManifestPartition};
use abi::types::{Frame, PhysicalAddress};
use boot_image::sample::Elf;
use boot_image::{Image, ImageWriter};
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;
use zerocopy::{FromZeros, IntoBytes};

/// Memory that remembers which frames were written.
#[derive(Default)]
pub struct Memory {
    pub frames: BTreeMap<u64, Vec<u8>>,
    pub written: BTreeSet<u64>,
    /// Frames from here on cannot be read, 0 for none.
    pub end: u64,
}

impl Memory {
    /// Puts bytes where firmware would.
    pub fn place(&mut self, address: u64, bytes: &[u8]) {
        for (address, &byte) in (address..).zip(bytes) {
            let frame = self.frames.entry(address >> 12).or_insert_with(|| vec![0; 4096]);
            frame[usize::try_from(address & 0xfff).unwrap()] = byte;
        }
    }

    /// A little-endian word, 0 where nothing was written.
    pub fn word(&self, address: u64) -> u64 {
        let mut bytes = [0; 8];
        assert!(self.read(PhysicalAddress::new(address), &mut bytes));
        u64::from_le_bytes(bytes)
    }

    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        assert!(self.read(PhysicalAddress::new(address), &mut bytes));
        bytes
    }
}

impl PhysicalMemory for Memory {
    fn read(&self, address: PhysicalAddress, bytes: &mut [u8]) -> bool {
        for (offset, byte) in (0_u64..).zip(bytes) {
            let Some(place) = address.raw().checked_add(offset) else { return false };
            if self.end != 0 && place >> 12 >= self.end {
                return false;
            }
            let frame = self.frames.get(&(place >> 12));
            *byte = frame.map_or(0, |frame| frame[usize::try_from(place & 0xfff).unwrap()]);
        }
        true
    }

    fn write(&mut self, address: PhysicalAddress, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap();
        if length > 0 {
            self.written.extend(address.raw() >> 12..=(address.raw() + length - 1) >> 12);
        }
        self.place(address.raw(), bytes);
    }

    fn clear(&mut self, start: Frame, count: u64) {
        for frame in start.raw()..start.raw() + count {
            self.written.insert(frame);
            self.frames.remove(&frame);
        }
    }
}

/// A report in frames.
pub fn report(start: u64, count: u64, usage: Use) -> Report {
    Report { start: PhysicalAddress::new(start << 12), length: count << 12, usage }
}

/// A map of these reports.
pub fn map(reports: &[Report]) -> MemoryMap {
    MemoryMap::new(reports.iter().copied())
}

/// Partition 0 as a manifest of its own.
pub fn manifest(change: impl FnOnce(&mut ManifestHeader, &mut ManifestPartition)) -> Vec<u8> {
    let mut header = ManifestHeader {
        magic: MANIFEST_MAGIC,
        version: MANIFEST_VERSION,
        partitions: 1,
        ..ManifestHeader::new_zeroed()
    };
    let mut partition = ManifestPartition {
        name: name_from("manager").unwrap(),
        program: name_from("manager").unwrap(),
        role: 1,
        stack: 4,
        lasting: 2,
        ..ManifestPartition::new_zeroed()
    };
    change(&mut header, &mut partition);
    [header.as_bytes(), partition.as_bytes()].concat()
}

/// A program whose data start inside a page and go on with zeroes over a border.
pub fn program() -> Elf {
    let mut elf = Elf::good(PROGRAM_BASE);
    let data = &mut elf.segments[2];
    (data.offset, data.address) = (0x2800, PROGRAM_BASE + 0x2800);
    (data.file_size, data.memory_size) = (0x1000, 0x1900);
    elf
}

/// An image with this manifest, a kernel and one program.
pub fn image(manifest: Vec<u8>) -> Vec<u8> {
    let mut writer = ImageWriter::new("sample").unwrap();
    writer.add(EntryKind::Manifest, "manifest", manifest).unwrap();
    writer.add(EntryKind::Kernel, "kernel", Elf::good(KERNEL_BASE).bytes()).unwrap();
    writer.add(EntryKind::Program, "manager", program().bytes()).unwrap();
    writer.finish(None).unwrap()
}

/// An offer with that map and the image at that frame.
pub fn offer<'a>(map: MemoryMap, image: &'a Image<'a>, frame: u64) -> Offer<'a> {
    Offer {
        door: Door::Pvh,
        map,
        image,
        image_address: PhysicalAddress::new(frame << 12),
        rsdp: Rsdp::Search,
        command_line: CommandLine::new(b"a line\0and more"),
        framebuffer: Framebuffer::default(),
        serial: 0x3f8,
        processor: 5,
        gigabyte_pages: true,
        reach: Frame::new(1 << 20),
    }
}
