//! How much of their stacks and heaps the partitions of a machine have used, found in its memory. Both start as zeros,
//! so what is not zero was used: the kernel and the partitions do nothing for it.

use crate::core_file::{Area, Registers};
use crate::physical::{Physical, mapped, range, runs, translate};
use abi::boot::{BOOT_MAGIC, BootInformation};
use abi::control::FrameUse;
use abi::image::name_text;
use abi::information::{INFORMATION_MAGIC, Information};
use abi::layout::{self, STACK_STRIDE, STACK_TOP};
use abi::types::PAGE_SIZE;
use anyhow::{Context as _, Result, bail};
use kernel_core::ledger::Entry;
use std::collections::BTreeMap;
use zerocopy::FromBytes as _;

/// Bytes looked at in one piece for the boot information.
const CHUNK: u64 = 4 << 20;
const FOUR_GIB: u64 = 4 << 30;
/// Entry of a root table for addresses, see [`layout`].
const fn slot(address: u64) -> u64 {
    address >> 39 & 511
}

/// Bytes used of bytes there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Used {
    /// Most that was used so far.
    pub most: u64,
    /// What there is.
    pub of: u64,
}

/// What a partition has used of its memory since it was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Its name.
    pub name: String,
    /// Its stack, that of the context that went deepest.
    pub stack: Used,
    /// Its heap, in whole pages.
    pub heap: Used,
}

/// A machine's kernel and partitions.
#[derive(Debug)]
pub struct Inside {
    boot: BootInformation,
    /// Page-table frames by the frame of the partition that owns them.
    tables: BTreeMap<u64, Vec<u64>>,
    /// Its contexts' frames by the same.
    contexts: BTreeMap<u64, Vec<u64>>,
}

impl Inside {
    /// Looks for them in a machine's memory.
    ///
    /// # Errors
    /// It cannot be read, or no kernel runs there.
    pub fn find(memory: &mut impl Physical) -> Result<Self> {
        let boot = boot_information(memory)?;
        let ledger = memory.words(boot.ledger.start.address().raw(), boot.frames)?;
        let [mut tables, mut contexts] = [const { BTreeMap::<u64, Vec<u64>>::new() }; 2];
        for (frame, word) in (0..).zip(ledger) {
            let entry = Entry::unpack(word);
            let kept = match entry.kind {
                FrameUse::PageTable => &mut tables,
                FrameUse::ContextObject => &mut contexts,
                _ => continue,
            };
            kept.entry(entry.owner.raw()).or_default().push(frame * PAGE_SIZE);
        }
        Ok(Self { boot, tables, contexts })
    }

    /// The kernel's stacks for calls and interrupts, one for each processor.
    ///
    /// # Errors
    /// Memory cannot be read.
    pub fn kernel_stacks(&self, memory: &mut impl Physical) -> Result<Vec<Used>> {
        let root = self.boot.page_tables.address().raw();
        let others =
            [slot(layout::DIRECT_MAP), slot(layout::DIRECT_MAP) + 1, slot(layout::KERNEL_BASE)];
        let mut stacks = Vec::new();
        for slot in (256..512).filter(|slot| !others.contains(slot)) {
            stacks.extend(runs(memory, root, slot)?);
        }
        // Those for exceptions that may come at any time are smaller.
        let longest = stacks.iter().map(|(_, length)| *length).max().unwrap_or(0);
        let main = stacks.into_iter().filter(|(_, length)| *length == longest);
        main.map(|(start, length)| Ok(depth(&range(memory, root, start, length)?))).collect()
    }

    /// Every partition that has its information pages.
    ///
    /// # Errors
    /// Memory cannot be read.
    pub fn partitions(&self, memory: &mut impl Physical) -> Result<Vec<Usage>> {
        let roots = self.roots(memory)?;
        roots.iter().map(|(_, root, information)| usage(memory, *root, information)).collect()
    }

    /// Registers of every context of a partition, and its memory, devices excepted.
    ///
    /// # Errors
    /// Memory cannot be read, or there is no such partition.
    pub fn corpse(
        &self,
        memory: &mut impl Physical,
        name: &str,
    ) -> Result<(Vec<Registers>, Vec<Area>)> {
        let roots = self.roots(memory)?;
        let found = roots.iter().find(|(_, _, information)| name_text(&information.name) == name);
        let (frame, root, _) = found.with_context(|| format!("there is no partition {name}"))?;
        let mut contexts = Vec::new();
        for context in self.contexts.get(frame).into_iter().flatten() {
            // They lie at the start of the object.
            let words = memory.words(*context, size_of::<Registers>() as u64 / 8)?;
            contexts.push(Registers::try_from(words).unwrap_or_default());
        }
        let mut areas = Vec::new();
        for (address, length, flags) in mapped(memory, *root)? {
            areas.push(Area { address, flags, bytes: range(memory, *root, address, length)? });
        }
        Ok((contexts, areas))
    }

    /// Frame, root table and information of every partition that has information pages.
    fn roots(&self, memory: &mut impl Physical) -> Result<Vec<(u64, u64, Information)>> {
        // Every root has the kernel's half, no other table has.
        let shared = slot(layout::DIRECT_MAP) * 8;
        let kernel = memory.words(self.boot.page_tables.address().raw() + shared, 1)?;
        let mut roots = Vec::new();
        for (frame, tables) in &self.tables {
            for root in tables {
                if memory.words(*root + shared, 1)? != kernel {
                    continue;
                }
                if let Some(information) = information(memory, *root)? {
                    roots.push((*frame, *root, information));
                    break;
                }
            }
        }
        Ok(roots)
    }
}

/// The boot information that the loader left; it starts a page.
fn boot_information(memory: &mut impl Physical) -> Result<BootInformation> {
    let magic = BOOT_MAGIC.to_le_bytes();
    // The loader puts it as high below 4 GiB as it can.
    let end = memory.end();
    let chunks = end.div_ceil(CHUNK);
    let low = chunks.min(FOUR_GIB / CHUNK);
    for start in (0..low).rev().chain(low..chunks).map(|chunk| chunk * CHUNK) {
        let chunk = memory.read(start, CHUNK.min(end - start))?;
        for page in chunk.chunks(PAGE_SIZE as usize).zip((start..).step_by(PAGE_SIZE as usize)) {
            let (bytes, address) = page;
            if bytes.starts_with(&magic) {
                let whole = memory.read(address, size_of::<BootInformation>() as u64)?;
                let found = BootInformation::read_from_bytes(&whole);
                let found = found.map_err(|_| anyhow::anyhow!("no boot information"))?;
                if found.version == abi::ABI_VERSION
                    && found.information.start.raw() == address / PAGE_SIZE
                {
                    return Ok(found);
                }
            }
        }
    }
    bail!("no kernel runs in the machine yet")
}

/// What a partition was told, if `root` is the root of its page tables.
fn information(memory: &mut impl Physical, root: u64) -> Result<Option<Information>> {
    let Some(page) = translate(memory, root, layout::INFORMATION)? else { return Ok(None) };
    let bytes = memory.read(page, size_of::<Information>() as u64)?;
    let information = Information::read_from_bytes(&bytes).ok();
    Ok(information.filter(|information| information.magic == INFORMATION_MAGIC))
}

fn usage(memory: &mut impl Physical, root: u64, information: &Information) -> Result<Usage> {
    let length = information.stack.min(STACK_STRIDE);
    let mut stack = Used { most: 0, of: length };
    for context in 0..u64::from(information.contexts.min(64)) {
        let start = STACK_TOP - context * STACK_STRIDE - length;
        stack.most = stack.most.max(depth(&range(memory, root, start, length)?).most);
    }
    let heap = information.heap.min(layout::HEAP_END - layout::HEAP);
    let bytes = range(memory, root, layout::HEAP, heap).context("the heap")?;
    let touched =
        bytes.chunks(PAGE_SIZE as usize).filter(|page| page.iter().any(|byte| *byte != 0));
    let most = touched.count() as u64 * PAGE_SIZE;
    let name = name_text(&information.name).to_owned();
    Ok(Usage { name, stack, heap: Used { most, of: heap } })
}

/// How deep a stack was at most, by its lowest byte that is not zero.
fn depth(stack: &[u8]) -> Used {
    let untouched = stack.iter().take_while(|byte| **byte == 0).count();
    Used { most: (stack.len() - untouched) as u64, of: stack.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physical::tests::Bytes;
    use abi::boot::FrameRange;
    use abi::types::{Frame, Generation};
    use zerocopy::IntoBytes as _;

    const BOOT: u64 = 8;
    const LEDGER: u64 = 16;
    const PARTITION: u64 = 40;
    const ROOT: u64 = 50 * PAGE_SIZE;
    const INFORMATION: u64 = 60 * PAGE_SIZE;
    const STACK: u64 = 70 * PAGE_SIZE;

    /// A kernel's root at page 30, and a partition with a page of information and two of stack.
    fn machine() -> Bytes {
        let mut memory = Bytes::new(1024);
        let mut boot =
            BootInformation::read_from_bytes(&vec![0; size_of::<BootInformation>()]).unwrap();
        (boot.magic, boot.version, boot.frames) = (BOOT_MAGIC, abi::ABI_VERSION, 1024);
        boot.information.start = Frame::new(BOOT);
        boot.ledger = FrameRange { start: Frame::new(LEDGER), count: 2 };
        boot.page_tables = Frame::new(30);
        memory.put(BOOT * PAGE_SIZE, boot.as_bytes());
        // The same bytes elsewhere are not taken for it.
        memory.put(4 * PAGE_SIZE, boot.as_bytes());
        for (root, address) in [(30 * PAGE_SIZE, layout::DIRECT_MAP), (ROOT, layout::DIRECT_MAP)] {
            memory.map(
                root,
                address,
                0,
                &mut [31, 32, 33].map(|page| page * PAGE_SIZE).into_iter(),
            );
        }
        let mut tables = (51..).map(|page| page * PAGE_SIZE);
        for (address, page) in [
            (layout::INFORMATION, INFORMATION),
            (STACK_TOP - 0x2000, STACK),
            (STACK_TOP - 0x1000, STACK + 0x1000),
        ] {
            memory.map(ROOT, address, page, &mut tables);
        }
        memory.map(
            30 * PAGE_SIZE,
            0xffff_ff00_0000_1000,
            80 * PAGE_SIZE,
            &mut (90..).map(|page| page * PAGE_SIZE),
        );
        for frame in [50, 52, 53, 54, 55] {
            let entry = Entry {
                kind: FrameUse::PageTable,
                mappings: 0,
                generation: Generation::new(0),
                owner: Frame::new(PARTITION),
            };
            memory.put(LEDGER * PAGE_SIZE + frame * 8, &entry.pack().to_le_bytes());
        }
        memory.put(INFORMATION, information().as_bytes());
        memory
    }

    fn information() -> Information {
        let mut information = Information::read_from_bytes(&[0; size_of::<Information>()]).unwrap();
        (information.magic, information.contexts, information.stack) =
            (INFORMATION_MAGIC, 1, 0x2000);
        information.name = abi::image::name_from("mine").unwrap();
        information
    }

    #[test]
    fn a_partition_is_found_and_its_deepest_byte() {
        let mut memory = machine();
        let inside = Inside::find(&mut memory).unwrap();
        for (deepest, most) in [(0x1fff, 1), (0x1000, 0x1000), (0xff8, 0x1008), (0, 0x2000)] {
            memory.put(STACK + deepest, &[1]);
            let usages = inside.partitions(&mut memory).unwrap();
            let stack = Used { most, of: 0x2000 };
            assert_eq!(usages, [Usage { name: "mine".to_owned(), stack, heap: Used::default() }]);
        }
        memory.put(80 * PAGE_SIZE + 4000, &[1]);
        assert_eq!(inside.kernel_stacks(&mut memory).unwrap(), [Used { most: 96, of: 4096 }]);
    }

    #[test]
    fn where_no_kernel_runs_nothing_is_found() {
        assert!(Inside::find(&mut Bytes::new(1024)).is_err());
        let mut memory = machine();
        memory.put(INFORMATION, &[0]);
        let inside = Inside::find(&mut memory).unwrap();
        assert_eq!(inside.partitions(&mut memory).unwrap(), []);
    }
}
