//! `hardware`: what the machine is made of, in a form that can be sent with a report.

use super::Outcome;
use crate::nodes;
use crate::surroundings::{Surroundings, fetch_next};
use crate::words::Pages;
use abi::boot::MemoryKind;
use abi::control::Feature;
use abi::message::resource::{
    FunctionRecord, HardwareKind, HardwareRecord, Index, ResourceRequest,
};
use abi::types::PAGE_SIZE;
use core::fmt;

/// Most lines that are asked for.
const MOST: u32 = 4096;
/// Every feature by the name its makers gave it.
const FEATURES: [(Feature, &str); 9] = [
    (Feature::SMEP, "SMEP"),
    (Feature::SMAP, "SMAP"),
    (Feature::UMIP, "UMIP"),
    (Feature::GLOBAL_PAGES, "global-pages"),
    (Feature::X2APIC, "x2APIC"),
    (Feature::TSC_DEADLINE, "TSC-deadline"),
    (Feature::INVARIANT_TSC, "invariant-TSC"),
    (Feature::MACHINE_CHECK, "machine-check"),
    (Feature::ISOLATED_PAGE_TABLES, "isolated-page-tables"),
];

/// One line for each thing the loader and the kernel found, then one for each PCI function.
pub fn show<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let (major, minor) = (abi::ABI_VERSION >> 16, abi::ABI_VERSION & 0xffff);
    writeln!(surroundings, "version        {}, ABI {major}.{minor}", env!("CARGO_PKG_VERSION"))?;
    for index in 0..MOST {
        let (request, index) = (ResourceRequest::Hardware, Index { index });
        let Some(record) = fetch_next::<HardwareRecord>(surroundings, request, &index)? else {
            break;
        };
        match HardwareKind::from_number(record.kind) {
            Some(kind) => line(surroundings, kind, record.values)?,
            None => writeln!(surroundings, "kind {:<9} {:x?}", record.kind, record.values)?,
        }
    }
    functions(surroundings)?;
    super::devices::show(surroundings)
}

/// The PCI functions, as other systems show them.
fn functions<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let mut index = 0;
    while let Some(record) =
        fetch_next::<FunctionRecord>(surroundings, ResourceRequest::Function, &Index { index })?
    {
        // An answer that leads back would lead round and round.
        if record.next <= index {
            break;
        }
        index = record.next;
        if record.identity != u32::MAX {
            function(surroundings, &record)?;
        }
    }
    Ok(())
}

fn function(to: &mut impl Surroundings, record: &FunctionRecord) -> fmt::Result {
    let (bus, device, function) =
        (record.address >> 8, record.address >> 3 & 31, record.address & 7);
    let (vendor, id) = (record.identity & 0xffff, record.identity >> 16);
    let (class, revision) = (record.class >> 8, record.class & 0xff);
    write!(to, "PCI {bus:02x}:{device:02x}.{function}    {vendor:04x}:{id:04x} ")?;
    write!(to, "class {class:06x} revision {revision:02x}")?;
    if record.subsystem != 0 {
        let (vendor, id) = (record.subsystem & 0xffff, record.subsystem >> 16);
        write!(to, " subsystem {vendor:04x}:{id:04x}")?;
    }
    writeln!(to, " {}", class_name(class >> 8))
}

/// What a class and subclass is, for those that a report is likely to be about (PCI Code and ID Assignment 1.11, 1).
const fn class_name(class: u32) -> &'static str {
    match class {
        0x0100 => "SCSI",
        0x0101 => "IDE",
        0x0106 => "SATA",
        0x0107 => "SAS",
        0x0108 => "NVMe",
        0x0200 => "Ethernet",
        0x0280 => "network",
        0x0300 => "VGA",
        0x0380 => "display",
        0x0403 => "audio",
        0x0600 => "host bridge",
        0x0601 => "ISA bridge",
        0x0604 => "PCI bridge",
        0x0680 => "bridge",
        0x0700 => "serial port",
        0x0805 => "SD host",
        0x0c03 => "USB",
        0x0c05 => "SMBus",
        0x0c07 => "IPMI",
        _ => "",
    }
}

fn line(
    to: &mut impl Surroundings,
    kind: HardwareKind,
    [first, second, third, fourth]: [u64; 4],
) -> fmt::Result {
    match kind {
        HardwareKind::Boot => {
            writeln!(to, "door           {}", door(first))?;
            writeln!(to, "ACPI root      {}", Place(second))?;
            writeln!(to, "serial port    {}", Place(third))
        }
        HardwareKind::Features => {
            let has = |(feature, _): &&(Feature, &str)| first & feature.bits() != 0;
            names(to, "features", FEATURES.iter().filter(has))?;
            names(to, "done without", FEATURES.iter().filter(|feature| !has(feature)))?;
            let kind = if has(&&(Feature::VIRTUAL, "")) { "virtual" } else { "real" };
            writeln!(to, "processors     {kind}")
        }
        HardwareKind::Time => {
            writeln!(to, "time           from {}", source(first))?;
            writeln!(to, "TSC            {second} ticks a second")?;
            writeln!(to, "timer          {third} ticks a second")?;
            writeln!(to, "ACPI timer     {}", Place(fourth))
        }
        HardwareKind::Processor => writeln!(to, "processor      APIC id {first}, node {second}"),
        HardwareKind::IoApic => {
            writeln!(to, "I/O APIC {first:<5} at {second:#x}, lines from {third}")
        }
        HardwareKind::Override => {
            writeln!(to, "ISA {first:<10} at line {second}, {}", trigger(third))
        }
        HardwareKind::PowerOff if first == 0 => writeln!(to, "power off      not known"),
        HardwareKind::PowerOff => {
            writeln!(to, "power off      {second:#x} to port {first:#x}")?;
            let more = third != 0;
            if more {
                writeln!(to, "               {fourth:#x} to port {third:#x}")
            } else {
                Ok(())
            }
        }
        HardwareKind::Framebuffer => {
            writeln!(to, "framebuffer    {second} x {third}, {fourth} bits, at {first:#x}")
        }
        HardwareKind::Memory => {
            let (start, end) = (first, first.saturating_add(second));
            let (start, end) = (start.saturating_mul(PAGE_SIZE), end.saturating_mul(PAGE_SIZE));
            let end = end.saturating_sub(1);
            writeln!(to, "{start:012x}-{end:012x} {:>9} {}", Pages(second), memory(third))
        }
        HardwareKind::Tables => {
            write!(to, "ACPI tables   ")?;
            let tables = [first, second, third, fourth].map(u64::to_le_bytes);
            for table in tables.as_flattened().chunks(4).filter(|table| **table != [0; 4]) {
                write!(to, " {}", core::str::from_utf8(table).unwrap_or("????"))?;
            }
            writeln!(to)
        }
        HardwareKind::Nodes | HardwareKind::NodeMemory | HardwareKind::Distances => {
            nodes::line(to, kind, [first, second, third, fourth])
        }
    }
}

/// A line of names, "none" for no name.
fn names<'f>(
    to: &mut impl Surroundings,
    head: &str,
    features: impl Iterator<Item = &'f (Feature, &'static str)>,
) -> fmt::Result {
    write!(to, "{head:<14}")?;
    let mut none = true;
    for (_, name) in features {
        none = false;
        write!(to, " {name}")?;
    }
    if none { writeln!(to, " none") } else { writeln!(to) }
}

/// An address or port; 0 stands for none.
struct Place(u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("none found") } else { write!(f, "{:#x}", self.0) }
    }
}

const fn door(number: u64) -> &'static str {
    match number {
        1 => "PVH",
        2 => "Multiboot2",
        3 => "UEFI",
        _ => "unknown",
    }
}

const fn source(number: u64) -> &'static str {
    match number {
        1 => "the time stamp counter",
        2 => "the HPET",
        3 => "the ACPI timer",
        4 => "the PIT",
        _ => "an unknown clock",
    }
}

/// MPS INTI flags (ACPI 6.5, table 5.26): 0 is as usual on the bus.
const fn trigger(flags: u64) -> &'static str {
    match (flags & 3, flags >> 2 & 3) {
        (3, 3) => "level, active low",
        (3, _) => "edge, active low",
        (_, 3) => "level, active high",
        _ => "edge, active high",
    }
}

fn memory(kind: u64) -> &'static str {
    match u32::try_from(kind).ok().and_then(MemoryKind::from_number) {
        Some(MemoryKind::Usable) => "memory",
        Some(MemoryKind::Reserved) => "reserved",
        Some(MemoryKind::AcpiReclaimable) => "ACPI tables",
        Some(MemoryKind::AcpiStorage) => "ACPI storage",
        Some(MemoryKind::Bad) => "defective",
        Some(MemoryKind::Kernel) => "kernel",
        Some(MemoryKind::BootImage) => "boot image",
        Some(MemoryKind::FirstProgram) => "resource manager",
        None => "unknown",
    }
}
