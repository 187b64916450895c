//! Finds the package `\_S5` in byte code without interpreting it (ACPI 6.5, 7.4.2 and 20.2).

use super::table::{HEADER, Table};
use crate::offer::PhysicalMemory;

/// Bytes looked at from a candidate on: the name, the package's head and two numbers.
const WINDOW: usize = 16;
const NAME: &[u8; 4] = b"_S5_";
const PACKAGE: u8 = 0x12;
/// Byte code of numbers.
const ZERO: u8 = 0x00;
const ONE: u8 = 0x01;
const BYTE: u8 = 0x0a;
const WORD: u8 = 0x0b;

/// The values of SLP_TYP for PM1a and PM1b.
pub(super) fn off_types<M: PhysicalMemory>(memory: &M, table: &Table) -> Option<(u8, u8)> {
    let last = table.length().checked_sub(u32::try_from(WINDOW).ok()?)?;
    (HEADER..=last).find_map(|offset| {
        let first = table.bytes::<1, M>(memory, offset)?;
        if !NAME.starts_with(&first) {
            return None;
        }
        package(&table.bytes::<WINDOW, M>(memory, offset)?)
    })
}

/// The first two numbers of the package named at the start of `code`.
fn package(code: &[u8; WINDOW]) -> Option<(u8, u8)> {
    let rest = code.strip_prefix(NAME)?;
    let (&PACKAGE, rest) = rest.split_first()? else { return None };
    // The length has as many further bytes as its first byte's upper two bits say.
    let (&length, _) = rest.split_first()?;
    let rest = rest.get(usize::from(length.wrapping_shr(6)).checked_add(1)?..)?;
    let (&elements, rest) = rest.split_first()?;
    let (first, rest) = number(rest)?;
    let second = if elements > 1 { number(rest)?.0 } else { 0 };
    (elements > 0).then_some((first, second))
}

/// A number and what follows it.
fn number(code: &[u8]) -> Option<(u8, &[u8])> {
    match code {
        [value @ (ZERO | ONE), rest @ ..] | [BYTE, value, rest @ ..] => Some((*value, rest)),
        [WORD, value, _, rest @ ..] => Some((*value, rest)),
        _ => None,
    }
}
