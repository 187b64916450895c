//! The devices of the books, and whose they are: a part of `hardware`.

use super::Outcome;
use crate::list::{List, read_listed};
use crate::surroundings::Surroundings;
use abi::message::database::{DeviceRecord, MemoryOwner, Table};
use abi::message::transaction::DeviceKind;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use resource_service::query;

/// Most devices that are listed: more than any books have room for.
const MOST: usize = 4096;

/// One line for each device that somebody may be granted.
pub fn show<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let devices: Vec<DeviceRecord> = read_listed(surroundings, query(Table::Devices), MOST)?;
    if devices.is_empty() {
        return Ok(());
    }
    let list = List::fetch(surroundings)?;
    for one in &devices {
        let (what, owner) = (What(one), owner(&list, one));
        write!(surroundings, "owner of       {what}: {owner}")?;
        if let Some(processor) = one.bound.checked_sub(1) {
            write!(surroundings, ", rung on processor {processor}")?;
        }
        writeln!(surroundings)?;
    }
    Ok(())
}

fn owner(list: &List, one: &DeviceRecord) -> String {
    match MemoryOwner::from_code(one.owner) {
        Some(MemoryOwner::Partition) => {
            let name = list.name(one.owner_id);
            name.map_or_else(|| format!("partition {}", one.owner_id), ToString::to_string)
        }
        Some(MemoryOwner::Available) => String::from("nobody"),
        Some(other) => format!("{other:?}").to_lowercase(),
        None => String::from("?"),
    }
}

/// A device in words.
pub struct What<'r>(pub &'r DeviceRecord);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeviceRecord { first, count, kind, .. } = *self.0;
        let last = first.saturating_add(count.saturating_sub(1));
        match DeviceKind::from_code(kind) {
            Some(DeviceKind::Ports) if last > first => write!(f, "ports {first:#x} to {last:#x}"),
            Some(DeviceKind::Ports) => write!(f, "port {first:#x}"),
            Some(DeviceKind::Interrupt) => write!(f, "line {first}"),
            Some(DeviceKind::Registers) => write!(f, "registers at {first:#x}"),
            Some(DeviceKind::Framebuffer) => f.write_str("the framebuffer"),
            Some(DeviceKind::Function) => {
                write!(f, "PCI {:02x}:{:02x}.{}", first >> 8, first >> 3 & 31, first & 7)
            }
            None => f.write_str("?"),
        }
    }
}
