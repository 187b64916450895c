//! Processors and interrupt controllers (ACPI 6.5, 5.2.12).

use super::table::{HEADER, Table};
use crate::offer::PhysicalMemory;
use abi::boot::{InterruptOverride, IoApic, Machine};
use abi::types::{PhysicalAddress, VirtualAddress};

/// Types of records.
mod record {
    pub const LOCAL_APIC: u8 = 0;
    pub const IO_APIC: u8 = 1;
    pub const OVERRIDE: u8 = 2;
    pub const LOCAL_APIC_ADDRESS: u8 = 5;
    pub const LOCAL_X2APIC: u8 = 9;
}

/// The processor may be used.
const ENABLED: u32 = 1;

/// Reads every record up to the first broken one.
pub(super) fn read<M: PhysicalMemory>(
    memory: &M,
    table: &Table,
    machine: &mut Machine,
    local_apic: &mut PhysicalAddress,
) {
    if let Some(address) = table.u32(memory, HEADER) {
        *local_apic = PhysicalAddress::new(u64::from(address));
    }
    let mut offset = HEADER.saturating_add(8);
    while let Some([kind, length]) = table.bytes(memory, offset) {
        let next = offset.saturating_add(u32::from(length));
        if length < 2 || next > table.length() {
            return;
        }
        let record = Record { table, offset, length };
        // A record too short for its type is skipped.
        let _ = record.read(memory, kind, machine, local_apic);
        offset = next;
    }
}

/// A record within its table.
struct Record<'t> {
    table: &'t Table,
    offset: u32,
    length: u8,
}

impl Record<'_> {
    fn read<M: PhysicalMemory>(
        &self,
        memory: &M,
        kind: u8,
        machine: &mut Machine,
        local_apic: &mut PhysicalAddress,
    ) -> Option<()> {
        match kind {
            record::LOCAL_APIC => {
                let [_, id] = self.bytes(memory, 2)?;
                self.processor(machine, u32::from(id), self.u32(memory, 4)?);
            }
            record::LOCAL_X2APIC => {
                self.processor(machine, self.u32(memory, 4)?, self.u32(memory, 8)?);
            }
            record::IO_APIC => self.io_apic(memory, machine)?,
            record::OVERRIDE => self.interrupt_override(memory, machine)?,
            record::LOCAL_APIC_ADDRESS => {
                let address = u64::from_le_bytes(self.bytes(memory, 4)?);
                *local_apic = PhysicalAddress::new(address);
            }
            _ => {}
        }
        Some(())
    }

    fn processor(&self, machine: &mut Machine, id: u32, flags: u32) {
        if flags & ENABLED != 0 {
            add_processor(machine, id);
        }
    }

    fn io_apic<M: PhysicalMemory>(&self, memory: &M, machine: &mut Machine) -> Option<()> {
        let [id] = self.bytes(memory, 2)?;
        let physical = PhysicalAddress::new(u64::from(self.u32(memory, 4)?));
        let base = self.u32(memory, 8)?;
        let address = VirtualAddress::new(0);
        let io_apic = IoApic { address, physical, base, id: u32::from(id) };
        push(&mut machine.io_apics, &mut machine.io_apic_count, io_apic);
        Some(())
    }

    fn interrupt_override<M: PhysicalMemory>(
        &self,
        memory: &M,
        machine: &mut Machine,
    ) -> Option<()> {
        let [_bus, source] = self.bytes(memory, 2)?;
        let line = self.u32(memory, 4)?;
        let flags = u32::from(u16::from_le_bytes(self.bytes(memory, 8)?));
        let entry = InterruptOverride { source: u32::from(source), line, flags, reserved: 0 };
        push(&mut machine.overrides, &mut machine.override_count, entry);
        Some(())
    }

    fn bytes<const N: usize, M: PhysicalMemory>(&self, memory: &M, offset: u8) -> Option<[u8; N]> {
        let end = usize::from(offset).checked_add(N)?;
        let inside = end <= usize::from(self.length);
        let offset = self.offset.checked_add(u32::from(offset))?;
        if inside { self.table.bytes(memory, offset) } else { None }
    }

    fn u32<M: PhysicalMemory>(&self, memory: &M, offset: u8) -> Option<u32> {
        self.bytes(memory, offset).map(u32::from_le_bytes)
    }
}

/// Lists a processor once; firmware names some by both kinds of record. Those beyond the room are left out.
pub(super) fn add_processor(machine: &mut Machine, id: u32) {
    let count = usize::try_from(machine.processor_count).unwrap_or(0);
    if !machine.processors.iter().take(count).any(|&known| known == id) {
        push(&mut machine.processors, &mut machine.processor_count, id);
    }
}

/// Lists an I/O APIC of which no table speaks: the only one, from line 0 on.
pub(super) fn add_usual_io_apic(machine: &mut Machine, physical: PhysicalAddress) {
    let io_apic = IoApic { physical, ..IoApic::default() };
    push(&mut machine.io_apics, &mut machine.io_apic_count, io_apic);
}

/// Appends to an array with a count beside it; what finds no room is left out.
pub(super) fn push<T>(array: &mut [T], count: &mut u32, value: T) {
    let place = usize::try_from(*count).ok().and_then(|index| array.get_mut(index));
    if let Some(place) = place {
        *place = value;
        *count = count.saturating_add(1);
    }
}
