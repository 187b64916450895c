//! What the machine is made of, as the loader and the kernel found it, one record after the other.

use crate::manager::{Facts, Machine, Manager};
use crate::requests::Reply;
use crate::setup::ranges;
use crate::trouble::Trouble;
use abi::boot::BootInformation;
use abi::control::{KernelOperation, first_slot};
use abi::message::resource::{HardwareKind as Kind, HardwareRecord, Index, ResourceStatus};
use program_loader::{Calls, Window};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The record at a place of the list.
    ///
    /// # Errors
    /// `NoSuch` past the end.
    pub fn hardware_record(&mut self, index: Index) -> Result<Reply, Trouble> {
        let facts = [0, 1, 2, 3].map(|what| self.fact(what));
        let found = records(&self.facts, facts).nth(index.index as usize);
        let (kind, values) = found.ok_or(ResourceStatus::NoSuch)?;
        Ok(Reply::record(&HardwareRecord { kind: kind as u32, reserved: 0, values }))
    }

    /// A fact of the kernel; 0 where it does not know.
    pub fn fact(&mut self, what: u64) -> u64 {
        let operation = KernelOperation::Fact as u64;
        let answer = self.machine.patient(first_slot::KERNEL, operation, [what, 0, 0, 0]);
        answer.map_or(0, |values| values[0])
    }
}

/// Kinds with their values, in the order of the kinds.
fn records(
    facts: &Facts,
    [features, source, tsc, timer]: [u64; 4],
) -> impl Iterator<Item = (Kind, [u64; 4])> {
    let (boot, machine) = (facts.boot, &facts.boot.machine);
    let first = [
        (Kind::Boot, [boot.door.into(), machine.rsdp.raw(), machine.serial.into(), 0]),
        (Kind::Features, [features, 0, 0, 0]),
        (Kind::Time, [source, tsc, timer, machine.pm_timer.into()]),
    ];
    let processors = machine.processors.iter().take(machine.processor_count as usize).zip(0..);
    let node = |processor| facts.node_of_processor(processor).into();
    let processors =
        processors.map(move |(&id, at)| (Kind::Processor, [id.into(), node(at), 0, 0]));
    let controllers = machine.io_apics.iter().take(machine.io_apic_count as usize);
    let controllers = controllers
        .map(|one| (Kind::IoApic, [one.id.into(), one.physical.raw(), one.base.into(), 0]));
    let overrides = machine.overrides.iter().take(machine.override_count as usize);
    let overrides = overrides
        .map(|one| (Kind::Override, [one.source.into(), one.line.into(), one.flags.into(), 0]));
    let (off, shown) = (machine.power_off, machine.framebuffer);
    let values = [off.port_a, off.value_a, off.port_b, off.value_b].map(u64::from);
    let size = [shown.width, shown.height, shown.depth].map(u64::from);
    let framebuffer = (Kind::Framebuffer, [shown.address.raw(), size[0], size[1], size[2]]);
    let framebuffer = (shown.address.raw() != 0).then_some(framebuffer);
    let memory = ranges(boot)
        .map(|range| (Kind::Memory, [range.start.raw(), range.count, range.kind.into(), 0]));
    first
        .into_iter()
        .chain(processors)
        .chain(controllers)
        .chain(overrides)
        .chain([(Kind::PowerOff, values)])
        .chain(framebuffer)
        .chain(memory)
        .chain(tables(boot))
        .chain(nodes(facts))
}

/// Nodes, whose the memory is, and how far from whom.
fn nodes(facts: &Facts) -> impl Iterator<Item = (Kind, [u64; 4])> {
    let count = facts.nodes();
    let source = u64::from(facts.node_source().number());
    let ranges = facts
        .node_ranges()
        .iter()
        .map(|range| (Kind::NodeMemory, [range.node.into(), range.start.raw(), range.count, 0]));
    let several = if count > 1 { count } else { 0 };
    let distances = (0..several).map(move |node| {
        let mut distances = facts.boot.nodes.distances_from(node);
        distances.iter_mut().skip(count as usize).for_each(|absent| *absent = 0);
        let mut values = [0; 4];
        for (value, bytes) in values.iter_mut().zip(distances.as_chunks().0) {
            *value = u64::from_le_bytes(*bytes);
        }
        (Kind::Distances, values)
    });
    [(Kind::Nodes, [count.into(), source, 0, 0])].into_iter().chain(ranges).chain(distances)
}

/// Signatures, eight in each record.
fn tables(boot: &BootInformation) -> impl Iterator<Item = (Kind, [u64; 4])> {
    let used = boot.tables.chunks(8).take_while(|tables| tables.first() != Some(&0));
    used.map(|tables| {
        let mut values = [0; 4];
        for (value, pair) in values.iter_mut().zip(tables.chunks(2)) {
            *value = pair.iter().rev().fold(0, |value, &table| value << 32 | u64::from(table));
        }
        (Kind::Tables, values)
    })
}
