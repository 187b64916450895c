//! Which page tables a partition needs.
//!
//! All of a partition lies in the first GiB, so it has one table on each of the levels 4, 3 and 2, and one of level 1
//! for each region of 2 MiB in which something is mapped.

use abi::types::{PAGE_SIZE, VirtualAddress};

/// Pages that one table of the last level maps.
pub const REGION_PAGES: u64 = 512;

/// Regions in the first GiB.
const REGIONS: u64 = 512;

/// Tables that all regions of an address space share: those of levels 4 (the root), 3 and 2.
pub const UPPER_TABLES: u64 = 3;

/// log2 of the bytes of a region.
const REGION_SHIFT: u32 = 21;

/// The regions of an address space that need a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Regions {
    words: [u64; 8],
}

impl Regions {
    /// Adds those of `pages` pages from `address` on; `false` where they leave the first GiB.
    #[must_use]
    pub fn add(&mut self, address: u64, pages: u64) -> bool {
        if pages == 0 {
            return true;
        }
        let bytes = pages.saturating_mul(PAGE_SIZE).saturating_sub(1);
        let (first, last) = (
            address.wrapping_shr(REGION_SHIFT),
            address.saturating_add(bytes).wrapping_shr(REGION_SHIFT),
        );
        if last >= REGIONS {
            return false;
        }
        for region in first..=last {
            let [word, bit] = place(region);
            if let Some(word) = usize::try_from(word).ok().and_then(|at| self.words.get_mut(at)) {
                *word |= bit;
            }
        }
        true
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many tables they take.
    #[must_use]
    pub fn tables(&self) -> u64 {
        UPPER_TABLES.saturating_add(self.count())
    }

    /// Addresses of all regions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = VirtualAddress> + '_ {
        let words = (0_u64..).step_by(64).zip(self.words);
        words.flat_map(|(first, word)| {
            let regions = Ones(word).map(move |bit| first.wrapping_add(bit));
            regions.map(|region| VirtualAddress::new(region.wrapping_shl(REGION_SHIFT)))
        })
    }
}

/// Numbers of the bits of a word that are set, ascending.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let bit = (self.0 != 0).then(|| u64::from(self.0.trailing_zeros()));
        self.0 &= self.0.wrapping_sub(1);
        bit
    }
}

/// Index of a region's word, and its bit in there.
fn place(region: u64) -> [u64; 2] {
    let shift = u32::try_from(region % 64).unwrap_or(0);
    [region / 64, 1_u64.wrapping_shl(shift)]
}
