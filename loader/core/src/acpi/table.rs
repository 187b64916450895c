//! One ACPI table: a place in memory with a length that was found plausible.

use crate::offer::PhysicalMemory;
use abi::types::PhysicalAddress;

/// Bytes of the header that every table starts with (ACPI 6.5, 5.2.6).
pub(super) const HEADER: u32 = 36;
/// Longest table that is read.
const LONGEST: u32 = 1 << 20;
/// Bytes read at a time.
const CHUNK: usize = 256;

/// A table whose header is sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Table {
    address: u64,
    length: u32,
}

impl Table {
    /// The table at `address` if it has that signature, a possible length and the right checksum.
    pub(super) fn at<M: PhysicalMemory>(
        memory: &M,
        address: u64,
        signature: [u8; 4],
    ) -> Option<Self> {
        let table = Self::with_signature(memory, address, signature)?;
        table.sums_to_zero(memory).then_some(table)
    }

    /// The same without the checksum: whether the body is right does not matter for a scan.
    pub(super) fn with_signature<M: PhysicalMemory>(
        memory: &M,
        address: u64,
        signature: [u8; 4],
    ) -> Option<Self> {
        let whole = Self { address, length: HEADER };
        let found = whole.bytes::<4, M>(memory, 0)?;
        let length = whole.u32(memory, 4)?;
        let plausible = address != 0 && found == signature && (HEADER..=LONGEST).contains(&length);
        plausible.then_some(Self { address, length })
    }

    /// Length with the header, in bytes.
    pub(super) const fn length(&self) -> u32 {
        self.length
    }

    /// `N` bytes at `offset`, if they lie within the table.
    pub(super) fn bytes<const N: usize, M: PhysicalMemory>(
        &self,
        memory: &M,
        offset: u32,
    ) -> Option<[u8; N]> {
        let end = offset.checked_add(u32::try_from(N).ok()?)?;
        let address = self.address.checked_add(u64::from(offset))?;
        let mut bytes = [0; N];
        let read = end <= self.length && memory.read(PhysicalAddress::new(address), &mut bytes);
        read.then_some(bytes)
    }

    /// A little-endian number of 32 bits.
    pub(super) fn u32<M: PhysicalMemory>(&self, memory: &M, offset: u32) -> Option<u32> {
        self.bytes(memory, offset).map(u32::from_le_bytes)
    }

    /// A little-endian number of 64 bits.
    pub(super) fn u64<M: PhysicalMemory>(&self, memory: &M, offset: u32) -> Option<u64> {
        self.bytes(memory, offset).map(u64::from_le_bytes)
    }

    fn sums_to_zero<M: PhysicalMemory>(&self, memory: &M) -> bool {
        sums_to_zero(memory, self.address, self.length)
    }
}

/// Whether the bytes can be read and their sum is 0 modulo 256.
pub(super) fn sums_to_zero<M: PhysicalMemory>(memory: &M, address: u64, length: u32) -> bool {
    let mut sum = 0_u8;
    let mut left = usize::try_from(length).unwrap_or(0);
    let mut next = address;
    while left > 0 {
        let mut chunk = [0; CHUNK];
        let count = left.min(CHUNK);
        let Some(bytes) = chunk.get_mut(..count) else { return false };
        if !memory.read(PhysicalAddress::new(next), bytes) {
            return false;
        }
        sum = bytes.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte));
        left = left.saturating_sub(count);
        next = next.saturating_add(u64::try_from(count).unwrap_or(0));
    }
    sum == 0
}
