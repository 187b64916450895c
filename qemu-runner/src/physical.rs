//! A machine's memory as its processors' page tables show it, read from outside while it stands still.

use crate::qmp::Client;
use abi::types::PAGE_SIZE;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

/// Bytes of a page, for indices.
const PAGE: usize = PAGE_SIZE as usize;
/// Bits of a page-table entry (Intel SDM 3A, 5.5.4).
const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const UNCACHED: u64 = 1 << 4;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Entries of a table.
const ENTRIES: u64 = 512;

/// Memory by physical addresses.
pub trait Physical {
    /// One past the last address that may be memory.
    fn end(&self) -> u64;

    /// Bytes from `address` on.
    ///
    /// # Errors
    /// There is no memory.
    fn read(&mut self, address: u64, length: u64) -> Result<Vec<u8>>;

    /// Little-endian words from `address` on.
    ///
    /// # Errors
    /// As for [`Physical::read`].
    fn words(&mut self, address: u64, count: u64) -> Result<Vec<u64>> {
        let bytes = self.read(address, count * 8)?;
        let (words, _) = bytes.as_chunks();
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }
}

/// The memory of a machine, which stands still until this is dropped.
#[derive(Debug)]
pub struct Still<'a> {
    machine: &'a mut Client,
    folder: TempDir,
    /// Where nothing follows any more.
    end: u64,
    /// Pages of which a part was read: tables, most of them, that are read again and again.
    pages: BTreeMap<u64, Vec<u8>>,
}

/// Memory beyond this much begins above 4 GiB, behind room for devices; the two are as large as this together.
const BELOW_DEVICES: u64 = 2 << 30;

impl<'a> Still<'a> {
    /// Stops the machine.
    ///
    /// # Errors
    /// It does not answer.
    pub fn new(machine: &'a mut Client) -> Result<Self> {
        machine.execute("stop", &json!({}))?;
        let size = machine.execute("query-memory-size-summary", &json!({}))?;
        let size = size["base-memory"].as_u64().context("how much memory there is")?;
        // Beyond that the emulator gives zeros and no error.
        let room = if size > BELOW_DEVICES { BELOW_DEVICES } else { 0 };
        let (folder, end) = (tempfile::tempdir()?, size + room);
        Ok(Self { machine, folder, end, pages: BTreeMap::new() })
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        // A machine that is gone needs no going on.
        drop(self.machine.execute("cont", &json!({})));
    }
}

impl Still<'_> {
    /// Lets the emulator write memory to a file, and reads that.
    fn save(&mut self, address: u64, length: u64) -> Result<Vec<u8>> {
        let end = address.checked_add(length).filter(|end| *end <= self.end);
        end.with_context(|| format!("there is no memory at {address:#x}"))?;
        let path = self.folder.path().join("memory");
        let arguments = json!({ "val": address, "size": length, "filename": path });
        self.machine.execute("pmemsave", &arguments)?;
        fs::read(&path).context("what the emulator wrote")
    }
}

impl Physical for Still<'_> {
    fn end(&self) -> u64 {
        self.end
    }

    fn read(&mut self, address: u64, length: u64) -> Result<Vec<u8>> {
        let inside = usize::try_from(address % PAGE_SIZE)?;
        let end = inside.saturating_add(usize::try_from(length)?);
        if end > PAGE {
            return self.save(address, length);
        }
        let page = address - address % PAGE_SIZE;
        if !self.pages.contains_key(&page) {
            let bytes = self.save(page, PAGE_SIZE)?;
            self.pages.insert(page, bytes);
        }
        let bytes = self.pages.get(&page).and_then(|bytes| bytes.get(inside..end));
        Ok(bytes.context("the emulator wrote too little")?.to_vec())
    }
}

/// The physical address of the page at `address` in the address space with the tables at `root`.
///
/// # Errors
/// A table cannot be read.
pub fn translate(memory: &mut impl Physical, root: u64, address: u64) -> Result<Option<u64>> {
    let mut table = root;
    for level in (1..=4_u32).rev() {
        let shift = 3 + 9 * level;
        let entry = table + (address >> shift) % ENTRIES * 8;
        let entry = memory.words(entry, 1)?.first().copied().unwrap_or(0);
        if entry & PRESENT == 0 {
            return Ok(None);
        }
        table = entry & ADDRESS;
        if level > 1 && entry & LARGE != 0 {
            let inside = address % (1 << shift) / PAGE_SIZE * PAGE_SIZE;
            return Ok(Some((table >> shift << shift) + inside));
        }
    }
    Ok(Some(table))
}

/// The pages of a range of an address space; a page that is not mapped reads as zeros.
///
/// # Errors
/// Memory cannot be read.
pub fn range(memory: &mut impl Physical, root: u64, start: u64, length: u64) -> Result<Vec<u8>> {
    // Neighbours in the address space that are neighbours in memory are read in one go.
    let mut pieces: Vec<(Option<u64>, u64)> = Vec::new();
    for page in (start..start + length).step_by(PAGE) {
        let place = translate(memory, root, page)?;
        match pieces.last_mut() {
            Some((before, bytes)) if before.map(|before| before + *bytes) == place => {
                *bytes += PAGE_SIZE;
            }
            _ => pieces.push((place, PAGE_SIZE)),
        }
    }
    let mut bytes = Vec::new();
    for (place, length) in pieces {
        match place {
            Some(place) => bytes.extend(memory.read(place, length)?),
            None => bytes.resize(bytes.len() + usize::try_from(length)?, 0),
        }
    }
    Ok(bytes)
}

/// Runs of neighbouring small pages that are mapped below one entry of a root table: start and bytes of each.
///
/// # Errors
/// A table cannot be read.
pub fn runs(memory: &mut impl Physical, root: u64, slot: u64) -> Result<Vec<(u64, u64)>> {
    let sign = if slot >= ENTRIES / 2 { 0xffff << 48 } else { 0 };
    let top = memory.words(root + slot * 8, 1)?.first().copied().unwrap_or(0);
    let mut tables = vec![(sign | slot << 39, top)];
    for shift in [30, 21, 12] {
        let mut below = Vec::new();
        for (base, entry) in tables {
            if entry & PRESENT == 0 || entry & LARGE != 0 {
                continue;
            }
            let entries = memory.words(entry & ADDRESS, ENTRIES)?;
            let at = |index: u64| base + (index << shift);
            below.extend((0..).zip(entries).map(|(index, entry)| (at(index), entry)));
        }
        tables = below;
    }
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for (page, _) in tables.into_iter().filter(|(_, entry)| entry & PRESENT != 0) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == page => *length += PAGE_SIZE,
            _ => runs.push((page, PAGE_SIZE)),
        }
    }
    Ok(runs)
}

/// Areas of small pages of a program, those of devices excepted: start, bytes, and the flags of an ELF segment.
///
/// # Errors
/// A table cannot be read.
pub fn mapped(memory: &mut impl Physical, root: u64) -> Result<Vec<(u64, u64, u32)>> {
    let mut tables = vec![(0, root | PRESENT)];
    for shift in [39, 30, 21, 12] {
        let mut below = Vec::new();
        for (base, table) in tables {
            let entries = memory.words(table & ADDRESS, ENTRIES)?;
            let own = if shift == 39 { ENTRIES / 2 } else { ENTRIES };
            let present = (0..own).zip(entries).filter(|(_, entry)| entry & PRESENT != 0);
            let pages = present.filter(|(_, entry)| shift == 12 || entry & LARGE == 0);
            below.extend(pages.map(|(index, entry)| (base + (index << shift), entry)));
        }
        tables = below;
    }
    let mut areas: Vec<(u64, u64, u32)> = Vec::new();
    for (page, entry) in tables.into_iter().filter(|(_, entry)| entry & UNCACHED == 0) {
        let (writable, runs) = (entry & WRITABLE != 0, entry & NO_EXECUTE == 0);
        let flags = 4 | u32::from(writable) << 1 | u32::from(runs);
        match areas.last_mut() {
            Some((start, length, same)) if *start + *length == page && *same == flags => {
                *length += PAGE_SIZE;
            }
            _ => areas.push((page, PAGE_SIZE, flags)),
        }
    }
    Ok(areas)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use anyhow::ensure;

    /// Memory from 0 on.
    pub(crate) struct Bytes(pub Vec<u8>);

    impl Bytes {
        pub(crate) fn new(pages: usize) -> Self {
            Self(vec![0; pages * PAGE])
        }

        pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
            self.0[address as usize..][..bytes.len()].copy_from_slice(bytes);
        }

        /// Maps `address` to page `to`; `tables` are used one after the other for what is missing.
        pub(crate) fn map(
            &mut self,
            root: u64,
            address: u64,
            to: u64,
            tables: &mut impl Iterator<Item = u64>,
        ) {
            let mut table = root;
            for level in (1..=4_u32).rev() {
                let entry = table + (address >> (3 + 9 * level)) % ENTRIES * 8;
                let found = self.words(entry, 1).unwrap()[0];
                let next = match (found & PRESENT, level) {
                    (_, 1) => to,
                    (0, _) => tables.next().unwrap(),
                    _ => found & ADDRESS,
                };
                self.put(entry, &(next | PRESENT).to_le_bytes());
                table = next;
            }
        }
    }

    impl Physical for Bytes {
        fn end(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&mut self, address: u64, length: u64) -> Result<Vec<u8>> {
            let (start, end) = (address as usize, (address + length) as usize);
            ensure!(end <= self.0.len(), "no memory at {address:#x}");
            Ok(self.0[start..end].to_vec())
        }
    }

    #[test]
    fn addresses_lead_through_four_tables() {
        let mut memory = Bytes::new(16);
        let mut tables = (2..).map(|page| page * PAGE_SIZE);
        let high = 0xffff_ff00_0000_5000;
        memory.map(0x1000, 0x40_1000, 0xa000, &mut tables);
        memory.map(0x1000, high, 0xb000, &mut tables);
        memory.map(0x1000, high + 0x1000, 0xc000, &mut tables);
        memory.map(0x1000, high + 0x3000, 0xd000, &mut tables);
        assert_eq!(translate(&mut memory, 0x1000, 0x40_1000).unwrap(), Some(0xa000));
        assert_eq!(translate(&mut memory, 0x1000, high).unwrap(), Some(0xb000));
        assert_eq!(translate(&mut memory, 0x1000, 0x40_2000).unwrap(), None);
        assert_eq!(
            runs(&mut memory, 0x1000, 510).unwrap(),
            [(high, 0x2000), (high + 0x3000, 0x1000)]
        );
        assert_eq!(runs(&mut memory, 0x1000, 300).unwrap(), []);
        memory.put(0xb000, &[7]);
        let bytes = range(&mut memory, 0x1000, high - 0x1000, 0x2000).unwrap();
        assert_eq!((bytes.len(), bytes[0x1000]), (0x2000, 7));
    }

    #[test]
    fn large_pages_end_the_way_early() {
        let mut memory = Bytes::new(16);
        memory.put(0x1000, &(0x2000_u64 | PRESENT).to_le_bytes());
        memory.put(0x2000, &(0x4000_0000_u64 | PRESENT | LARGE).to_le_bytes());
        assert_eq!(translate(&mut memory, 0x1000, 0x12_3000).unwrap(), Some(0x4012_3000));
    }
}
