//! Finds the root of the tables and tables by their signature (ACPI 6.5, 5.2.5, 5.2.7, 5.2.8).

use super::table::{HEADER, Table, sums_to_zero};
use crate::offer::{PhysicalMemory, Rsdp};
use abi::types::PhysicalAddress;

/// First bytes of the root pointer.
const SIGNATURE: &[u8; 8] = b"RSD PTR ";
/// Bytes of the root pointer of ACPI 1 and of later ones.
const SHORT: u32 = 20;
const LONG: u32 = 36;
/// Where a BIOS leaves the pointer: the extended BIOS data area (its segment is at 0x40e), and its ROM.
const EBDA_POINTER: PhysicalAddress = PhysicalAddress::new(0x40e);
const EBDA_LENGTH: u64 = 1024;
const ROM: (u64, u64) = (0xe_0000, 0x2_0000);
/// Most tables that a root may list.
const MOST: u32 = 256;

/// The table that lists all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    /// The root pointer, 0 where only a copy is known.
    pub rsdp: PhysicalAddress,
    list: Table,
    /// Bytes of an address in the list.
    width: u32,
}

impl Root {
    /// Follows the root pointer.
    pub(super) fn find<M: PhysicalMemory>(memory: &M, rsdp: &Rsdp) -> Option<Self> {
        match rsdp {
            Rsdp::At(address) => Self::at(memory, *address).or_else(|| Self::search(memory)),
            Rsdp::Copy(bytes) => Self::search(memory)
                .or_else(|| Self::from_bytes(memory, PhysicalAddress::new(0), bytes)),
            Rsdp::Search => Self::search(memory),
        }
    }

    /// The table with this signature.
    pub(super) fn table<M: PhysicalMemory>(&self, memory: &M, signature: [u8; 4]) -> Option<Table> {
        self.addresses(memory).find_map(|address| Table::at(memory, address, signature))
    }

    /// Every table's address, whatever it is.
    pub(super) fn addresses<'m, M: PhysicalMemory>(
        &self,
        memory: &'m M,
    ) -> impl Iterator<Item = u64> + use<'m, M> {
        let root = *self;
        let bytes = root.list.length().saturating_sub(HEADER);
        let count = bytes.checked_div(root.width).unwrap_or(0).min(MOST);
        (0..count).filter_map(move |index| {
            let offset = HEADER.checked_add(index.checked_mul(root.width)?)?;
            match root.width {
                8 => root.list.u64(memory, offset),
                _ => root.list.u32(memory, offset).map(u64::from),
            }
        })
    }

    fn search<M: PhysicalMemory>(memory: &M) -> Option<Self> {
        let mut segment = [0; 2];
        let ebda = if memory.read(EBDA_POINTER, &mut segment) {
            u64::from(u16::from_le_bytes(segment)).wrapping_shl(4)
        } else {
            0
        };
        let areas = [(ebda, if ebda == 0 { 0 } else { EBDA_LENGTH }), ROM];
        areas.iter().find_map(|&(start, length)| {
            let places = (0..length).step_by(16).map(|offset| start.saturating_add(offset));
            places.map(PhysicalAddress::new).find_map(|place| Self::at(memory, place))
        })
    }

    fn at<M: PhysicalMemory>(memory: &M, address: PhysicalAddress) -> Option<Self> {
        let mut bytes = [0; 36];
        let (short, _) = bytes.split_at_mut(20);
        if !memory.read(address, short) || !short.starts_with(SIGNATURE) {
            return None;
        }
        if !sums_to_zero(memory, address.raw(), SHORT) {
            return None;
        }
        let [.., revision, _, _, _, _] = short else { return None };
        let long = *revision >= 2
            && sums_to_zero(memory, address.raw(), LONG)
            && memory.read(address, &mut bytes);
        if !long && let Some(rest) = bytes.get_mut(20..) {
            rest.fill(0);
        }
        Self::from_bytes(memory, address, &bytes)
    }

    /// From the bytes of a root pointer, whose part for ACPI 2 is zero where it has none.
    fn from_bytes<M: PhysicalMemory>(
        memory: &M,
        rsdp: PhysicalAddress,
        bytes: &[u8; 36],
    ) -> Option<Self> {
        let number = |from: usize, to: usize| {
            let bytes = bytes.get(from..to).unwrap_or_default().iter().rev();
            bytes.fold(0_u64, |value, &byte| value.wrapping_shl(8) | u64::from(byte))
        };
        let (rsdt, xsdt) = (number(16, 20), number(24, 32));
        let wide = Table::at(memory, xsdt, *b"XSDT").map(|list| Self { rsdp, list, width: 8 });
        wide.or_else(|| Table::at(memory, rsdt, *b"RSDT").map(|list| Self { rsdp, list, width: 4 }))
    }
}
