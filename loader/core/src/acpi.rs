//! Reads the few ACPI tables that the kernel needs (ACPI 6.5, chapter 5).
//!
//! Tables are firmware's: lengths, pointers and checksums may be wrong, and none of it may stop the
//! boot. What is not found or not sound is left out of [`Machine`].

mod fadt;
mod madt;
mod nodes;
mod root;
mod sleep;
mod table;

use crate::map::MemoryMap;
use crate::offer::{PhysicalMemory, Rsdp};
use abi::boot::{ACPI_TABLES, IoApic, Machine, REGISTER_PAGES};
use abi::layout::KERNEL_DEVICES;
use abi::nodes::Nodes;
use abi::types::{PAGE_SIZE, PhysicalAddress, VirtualAddress};
use arrayvec::ArrayVec;
use root::Root;
use table::Table;
use zerocopy::FromZeros;

/// Where the local APIC is unless a table says otherwise.
const LOCAL_APIC: u64 = 0xfee0_0000;
/// Where the I/O APIC is in machines that have no table of them.
const IO_APIC: u64 = 0xfec0_0000;
/// Bytes of the registers of a local APIC and of an HPET's first part, and of an I/O APIC.
const LARGE_BLOCK: u64 = 0x400;
const IO_APIC_BLOCK: u64 = 0x20;

/// A page of device registers that the kernel needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// Where the kernel will see the page.
    pub address: u64,
    /// Physical address of the registers.
    pub physical: PhysicalAddress,
}

/// What the tables say.
#[derive(Debug)]
pub struct Findings {
    /// For the kernel.
    pub machine: Machine,
    /// Pages to be mapped at [`KERNEL_DEVICES`] and after.
    pub devices: ArrayVec<Device, REGISTER_PAGES>,
    /// The root pointer where only a copy is known: it is to be put into memory.
    pub copy: Option<[u8; 36]>,
    /// Signatures of the tables that there are.
    pub tables: ArrayVec<u32, ACPI_TABLES>,
    /// Which memory is near to which processors.
    pub nodes: Nodes,
}

/// Reads the tables. `processor` is the APIC id of this processor, which is listed first. Registers that would lie in what `map`
/// calls memory are none.
#[must_use]
pub fn read<M: PhysicalMemory>(
    memory: &M,
    rsdp: &Rsdp,
    processor: u32,
    map: &MemoryMap,
) -> Findings {
    let mut machine = Machine::new_zeroed();
    let mut local_apic = PhysicalAddress::new(LOCAL_APIC);
    madt::add_processor(&mut machine, processor);
    let root = Root::find(memory, rsdp);
    let mut hpet = None;
    if let Some(root) = &root {
        machine.rsdp = root.rsdp;
        if let Some(table) = root.table(memory, *b"APIC") {
            madt::read(memory, &table, &mut machine, &mut local_apic);
        }
        if let Some(table) = root.table(memory, *b"FACP") {
            fadt::read(memory, root, &table, &mut machine);
        }
        hpet = root.table(memory, *b"HPET").and_then(|table| hpet_address(memory, &table));
    }
    if machine.io_apic_count == 0 {
        madt::add_usual_io_apic(&mut machine, PhysicalAddress::new(IO_APIC));
    }
    let devices = place_devices(&mut machine, local_apic, hpet, map);
    let copy = match (rsdp, &root) {
        (Rsdp::Copy(bytes), Some(root)) if root.rsdp.raw() == 0 => Some(*bytes),
        _ => None,
    };
    let nodes = nodes::read(memory, root.as_ref(), &machine, map);
    let tables = root.map(|root| signatures(memory, &root)).unwrap_or_default();
    Findings { machine, devices, copy, tables, nodes }
}

/// The first tables' signatures, sound or not: for people who look for what is wrong with a machine.
fn signatures<M: PhysicalMemory>(memory: &M, root: &Root) -> ArrayVec<u32, ACPI_TABLES> {
    let signature = |address| {
        let mut bytes = [0; 4];
        let printable = |byte: &u8| byte.is_ascii_graphic();
        let read = memory.read(PhysicalAddress::new(address), &mut bytes);
        (read && bytes.iter().all(printable)).then_some(u32::from_le_bytes(bytes))
    };
    root.addresses(memory).filter_map(signature).take(ACPI_TABLES).collect()
}

/// Address of the registers, if they are in memory (IA-PC HPET 1.0a, 3.2.4).
fn hpet_address<M: PhysicalMemory>(memory: &M, table: &Table) -> Option<PhysicalAddress> {
    const IN_MEMORY: u8 = 0;
    let space = table.bytes::<1, M>(memory, 40)?;
    let address = table.u64(memory, 44)?;
    (space == [IN_MEMORY] && address != 0).then_some(PhysicalAddress::new(address))
}

/// Gives each page of registers its place and writes that into `machine`. What cannot be registers is left out; of the local APIC, which
/// every processor has, the usual address holds then.
fn place_devices(
    machine: &mut Machine,
    local_apic: PhysicalAddress,
    hpet: Option<PhysicalAddress>,
    map: &MemoryMap,
) -> ArrayVec<Device, REGISTER_PAGES> {
    let mut devices = ArrayVec::new();
    let sound = map.may_be_device(local_apic, LARGE_BLOCK);
    let local_apic = if sound { local_apic } else { PhysicalAddress::new(LOCAL_APIC) };
    machine.local_apic = place(&mut devices, local_apic);
    let hpet = hpet.filter(|&hpet| map.may_be_device(hpet, LARGE_BLOCK));
    machine.hpet = hpet.map_or(VirtualAddress::new(0), |hpet| place(&mut devices, hpet));
    let found = machine.io_apics;
    let count = usize::try_from(core::mem::take(&mut machine.io_apic_count)).unwrap_or(0);
    let sound = |io_apic: &&IoApic| map.may_be_device(io_apic.physical, IO_APIC_BLOCK);
    for io_apic in found.iter().take(count).filter(sound) {
        let address = place(&mut devices, io_apic.physical);
        let io_apic = IoApic { address, ..*io_apic };
        madt::push(&mut machine.io_apics, &mut machine.io_apic_count, io_apic);
    }
    devices
}

/// Adds a page; `REGISTER_PAGES` is the number of calls there can be.
fn place(
    devices: &mut ArrayVec<Device, REGISTER_PAGES>,
    physical: PhysicalAddress,
) -> VirtualAddress {
    let index = u64::try_from(devices.len()).unwrap_or(0);
    let address = KERNEL_DEVICES.wrapping_add(index.wrapping_mul(PAGE_SIZE));
    if devices.try_push(Device { address, physical }).is_err() {
        return VirtualAddress::new(0);
    }
    VirtualAddress::new(address | (physical.raw() % PAGE_SIZE))
}
