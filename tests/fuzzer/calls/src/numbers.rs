//! Numbers that look random and follow from a seed (xorshift64*, Vigna 2016).

/// A source of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Numbers(u64);

/// A seed out of several numbers (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
#[must_use]
pub fn mixed(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |seed, part| {
        let mut value = seed.wrapping_add(*part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        value = (value ^ value.wrapping_shr(30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value.wrapping_shr(27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value.wrapping_shr(31)
    })
}

impl Numbers {
    /// Those that follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mixed(&[seed]) | 1)
    }

    /// Any number.
    pub fn wide(&mut self) -> u64 {
        self.0 ^= self.0.wrapping_shr(12);
        self.0 ^= self.0.wrapping_shl(25);
        self.0 ^= self.0.wrapping_shr(27);
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.wide().wrapping_shr(11).checked_rem(end).unwrap_or(0)
    }

    /// A number with one bit set.
    pub fn bit(&mut self) -> u64 {
        u32::try_from(self.below(64)).map_or(1, |bit| 1_u64.wrapping_shl(bit))
    }

    /// True once in so many times.
    pub fn one_of(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them, 0 where there are none.
    pub fn pick(&mut self, from: &[u64]) -> u64 {
        let count = u64::try_from(from.len()).unwrap_or(0);
        usize::try_from(self.below(count))
            .ok()
            .and_then(|place| from.get(place).copied())
            .unwrap_or(0)
    }

    /// One of a range: the first, and how many.
    pub fn within(&mut self, (first, count): (u64, u64)) -> u64 {
        first.saturating_add(self.below(count))
    }
}
