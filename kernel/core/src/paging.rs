//! Page tables of x86-64 (AMD64 APM 2, 5.3): entries, and the walk to them.

use crate::machine::{Machine, Object, sealed::Sealed};
use crate::processor::Cell;
use abi::control::Access;
use abi::layout::KERNEL_ROOT_ENTRIES;
use abi::types::{Frame, PAGE_SHIFT, VirtualAddress};

/// There is a page, or a table.
pub const PRESENT: u64 = 1;
/// Writable.
pub const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
/// Page-level cache disable and write-through: uncached in the power-on attribute table.
const UNCACHED: u64 = 3 << 3;
/// Not executable.
pub const NO_EXECUTE: u64 = 1 << 63;
const FRAME_BITS: u64 = 0x000f_ffff_ffff_f000;

/// Level of the root.
pub const ROOT_LEVEL: u32 = 4;
/// Entries of a table.
pub const ENTRIES: usize = 512;
/// First entry of the root that is the kernel's.
pub const KERNEL_ENTRY: usize = 256;

/// A page table.
#[repr(C)]
pub struct PageTable {
    /// Its entries.
    pub(crate) entries: [Cell; ENTRIES],
}

impl Sealed for PageTable {}
impl Object for PageTable {}

impl PageTable {
    /// Whether nothing is mapped in the entries of partitions.
    pub(crate) fn is_empty(&self, level: u32) -> bool {
        let own = if level == ROOT_LEVEL { KERNEL_ENTRY } else { ENTRIES };
        let (groups, _) = self.entries.as_chunks::<8>();
        let used = |group: &[Cell; 8]| group.iter().fold(0, |all, entry| all | entry.get());
        groups.iter().take(own / 8).all(|group| used(group) == 0)
    }
}

/// Gives a new root the kernel's half, or what partitions see of it.
pub fn share_kernel<M: Machine>(machine: &M, root: Frame) {
    let kernel =
        machine.object::<PageTable>(machine.outside_root().unwrap_or(machine.kernel_root()));
    let own = machine.object::<PageTable>(root);
    for address in KERNEL_ROOT_ENTRIES.map(VirtualAddress::new) {
        let entries = index(own, address, ROOT_LEVEL).zip(index(kernel, address, ROOT_LEVEL));
        let _ = entries.map(|(own, kernel)| own.set(kernel.get()));
    }
}

/// The entry for a table below; rights are decided at the last level.
pub fn table_entry(table: Frame) -> u64 {
    table.address().raw() | PRESENT | WRITE | USER
}

/// The entry for a page.
pub fn page_entry(frame: Frame, access: Access) -> u64 {
    let write = if access.contains(Access::WRITE) { WRITE } else { 0 };
    let execute = if access.contains(Access::EXECUTE) { 0 } else { NO_EXECUTE };
    let cache = if access.contains(Access::UNCACHED) { UNCACHED } else { 0 };
    frame.address().raw() | PRESENT | USER | write | execute | cache
}

/// Frame of a page or table entry, `None` where it is empty.
pub fn target(entry: u64) -> Option<Frame> {
    (entry & PRESENT != 0).then_some(Frame::new((entry & FRAME_BITS) >> PAGE_SHIFT))
}

/// How the page of an entry may be accessed.
pub fn access(entry: u64) -> Access {
    let mut access = Access::empty();
    access.set(Access::WRITE, entry & WRITE != 0);
    access.set(Access::EXECUTE, entry & NO_EXECUTE == 0);
    access.set(Access::UNCACHED, entry & UNCACHED != 0);
    access
}

/// The entry for `address` in the table of `level` (4 = root), or the level of the table that is missing.
pub fn walk<M: Machine>(
    machine: &M,
    root: u64,
    address: VirtualAddress,
    level: u32,
) -> Result<&Cell, u64> {
    let mut table = if root == 0 { return Err(u64::from(ROOT_LEVEL)) } else { Frame::new(root) };
    let mut at = ROOT_LEVEL;
    loop {
        let entry = index(machine.object::<PageTable>(table), address, at).ok_or(u64::from(at))?;
        if at == level {
            return Ok(entry);
        }
        at = at.wrapping_sub(1);
        table = target(entry.get()).ok_or(u64::from(at))?;
    }
}

fn index(table: &PageTable, address: VirtualAddress, level: u32) -> Option<&Cell> {
    let shift = level.wrapping_sub(1).wrapping_mul(9).wrapping_add(PAGE_SHIFT);
    table.entries.get(usize::try_from(address.raw().wrapping_shr(shift) & 511).ok()?)
}
