//! `hardware`: what the machine is made of, in a form that can be sent with a report.

use super::Outcome;
use crate::surroundings::{Surroundings, fetch_next};
use crate::words::Pages;
use abi::boot::MemoryKind;
use abi::control::Feature;
use abi::message::resource::{HardwareKind, HardwareRecord, Index, ResourceRequest};
use abi::types::PAGE_SIZE;
use core::fmt;

/// Every feature by the name its makers gave it.
const FEATURES: [(Feature, &str); 8] = [
    (Feature::SMEP, "SMEP"),
    (Feature::SMAP, "SMAP"),
    (Feature::UMIP, "UMIP"),
    (Feature::GLOBAL_PAGES, "global-pages"),
    (Feature::X2APIC, "x2APIC"),
    (Feature::TSC_DEADLINE, "TSC-deadline"),
    (Feature::INVARIANT_TSC, "invariant-TSC"),
    (Feature::MACHINE_CHECK, "machine-check"),
];

/// One line for each thing the loader and the kernel found.
pub fn show<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let mut index = 0_u32;
    while let Some(record) =
        fetch_next::<HardwareRecord>(surroundings, ResourceRequest::Hardware, &Index { index })?
    {
        match HardwareKind::from_number(record.kind) {
            Some(kind) => line(surroundings, kind, record.values)?,
            None => writeln!(surroundings, "kind {:<9} {:x?}", record.kind, record.values)?,
        }
        index = index.saturating_add(1);
    }
    Ok(())
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
            names(to, "done without", FEATURES.iter().filter(|feature| !has(feature)))
        }
        HardwareKind::Time => {
            writeln!(to, "time           from {}", source(first))?;
            writeln!(to, "TSC            {second} ticks a second")?;
            writeln!(to, "timer          {third} ticks a second")?;
            writeln!(to, "ACPI timer     {}", Place(fourth))
        }
        HardwareKind::Processor => writeln!(to, "processor      APIC id {first}"),
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
