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
use zerocopy::{FromBytes, FromZeros, IntoBytes};

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
    pub fn place(&mut self, mut address: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (start, length) = piece(address, bytes.len());
            let frame = self.frames.entry(address >> 12).or_insert_with(|| vec![0; 4096]);
            frame[start..start + length].copy_from_slice(&bytes[..length]);
            (address, bytes) = (address + length as u64, &bytes[length..]);
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
    fn read(&self, address: PhysicalAddress, mut bytes: &mut [u8]) -> bool {
        let mut address = address.raw();
        while !bytes.is_empty() {
            let (start, length) = piece(address, bytes.len());
            if self.end != 0 && address >> 12 >= self.end {
                return false;
            }
            let (now, rest) = bytes.split_at_mut(length);
            match self.frames.get(&(address >> 12)) {
                Some(frame) => now.copy_from_slice(&frame[start..start + length]),
                None => now.fill(0),
            }
            let Some(next) = address.checked_add(length as u64) else { return rest.is_empty() };
            (address, bytes) = (next, rest);
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

/// Offset into its frame of the first of `length` bytes at `address`, and how many of them lie in that frame.
fn piece(address: u64, length: usize) -> (usize, usize) {
    let start = usize::try_from(address & 0xfff).unwrap();
    (start, length.min(4096 - start))
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
        later: crate::LaterImages::default(),
        rsdp: Rsdp::Search,
        command_line: CommandLine::new(b"a line\0and more"),
        framebuffer: Framebuffer::default(),
        serial: 0x3f8,
        processor: 5,
        gigabyte_pages: true,
        reach: Frame::new(1 << 20),
    }
}

/// Name of the program of partition 0 in the manifest of an image.
pub fn first_program(image: &[u8]) -> abi::image::Name {
    let image = Image::parse(image).unwrap();
    let partition = &image.manifest()[size_of::<ManifestHeader>()..];
    ManifestPartition::read_from_prefix(partition).unwrap().0.program
}
