//! Power-management timer and switching off (ACPI 6.5, 5.2.9).

use super::root::Root;
use super::sleep;
use super::table::Table;
use crate::offer::PhysicalMemory;
use abi::boot::{Machine, PowerOff};

/// Offsets of fields.
mod field {
    pub const DSDT: u32 = 40;
    pub const PM1A_CONTROL: u32 = 64;
    pub const PM1B_CONTROL: u32 = 68;
    pub const PM_TIMER: u32 = 76;
    pub const FLAGS: u32 = 112;
    pub const X_DSDT: u32 = 140;
    pub const X_PM1A_CONTROL: u32 = 172;
    pub const X_PM1B_CONTROL: u32 = 184;
    pub const X_PM_TIMER: u32 = 208;
}

/// The timer has 32 bits.
const TIMER_WIDE: u32 = 1 << 8;
/// There is no such hardware.
const HARDWARE_REDUCED: u32 = 1 << 20;
/// Address space of I/O ports (ACPI 6.5, 5.2.3.2).
const PORTS: u8 = 1;
/// Writing this bit goes to sleep (ACPI 6.5, 4.8.3.2.1).
const SLEEP_ENABLE: u16 = 1 << 13;

/// Reads ports and the values that switch off.
pub(super) fn read<M: PhysicalMemory>(
    memory: &M,
    root: &Root,
    table: &Table,
    machine: &mut Machine,
) {
    let flags = table.u32(memory, field::FLAGS).unwrap_or(0);
    if flags & HARDWARE_REDUCED != 0 {
        return;
    }
    let port = |plain, extended| port(memory, table, plain, extended).unwrap_or(0);
    machine.pm_timer = u32::from(port(field::PM_TIMER, field::X_PM_TIMER));
    machine.pm_timer_wide = u32::from(flags & TIMER_WIDE != 0);
    let Some((type_a, type_b)) = sleep_types(memory, root, table) else { return };
    machine.power_off = PowerOff {
        port_a: port(field::PM1A_CONTROL, field::X_PM1A_CONTROL),
        port_b: port(field::PM1B_CONTROL, field::X_PM1B_CONTROL),
        value_a: value(type_a),
        value_b: value(type_b),
    };
}

const fn value(sleep_type: u8) -> u16 {
    // SLP_TYP has three bits, from bit 10 on.
    let [low, high] = [0, (sleep_type & 7).wrapping_shl(2)];
    u16::from_le_bytes([low, high]) | SLEEP_ENABLE
}

/// A port block by its extended field if that is set, else by its plain one; `None` for no port.
fn port<M: PhysicalMemory>(memory: &M, table: &Table, plain: u32, extended: u32) -> Option<u16> {
    let space = table.bytes::<1, M>(memory, extended);
    let address = table.u64(memory, extended.saturating_add(4));
    match (space, address) {
        (Some([PORTS]), Some(address)) if address != 0 => u16::try_from(address).ok(),
        _ => u16::try_from(table.u32(memory, plain)?).ok(),
    }
}

/// The sleep types of the off state, from the DSDT or else from a secondary table.
fn sleep_types<M: PhysicalMemory>(memory: &M, root: &Root, fadt: &Table) -> Option<(u8, u8)> {
    let dsdt = fadt.u64(memory, field::X_DSDT).filter(|&address| address != 0);
    let dsdt = dsdt.or_else(|| fadt.u32(memory, field::DSDT).map(u64::from));
    let dsdt = dsdt.and_then(|address| Table::with_signature(memory, address, *b"DSDT"));
    let secondary = root
        .addresses(memory)
        .filter_map(|address| Table::with_signature(memory, address, *b"SSDT"));
    dsdt.into_iter().chain(secondary).find_map(|table| sleep::off_types(memory, &table))
}
