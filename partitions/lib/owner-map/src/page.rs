//! Pages and scales.

use core::fmt;

/// A page of 4 KiB in the first 4 TiB: its address divided by 4096. Also a partition's number: that of its descriptor (paragraph 214).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Page(u32);

impl Page {
    /// One past the highest number.
    const END: u32 = 1 << 30;

    /// The page with this number; `None` where it is 2^30 or more.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number < Self::END { Some(Self(number)) } else { None }
    }

    /// The page that the document writes `[G,M,K]`; `None` where one of them is 1024 or more.
    #[must_use]
    pub const fn at(giga: u32, mega: u32, kilo: u32) -> Option<Self> {
        if giga < 1024 && mega < 1024 && kilo < 1024 {
            Some(Self(giga << 20 | mega << 10 | kilo))
        } else {
            None
        }
    }

    /// The page that is this frame; `None` where it lies above 4 TiB.
    #[must_use]
    pub fn of_frame(frame: u64) -> Option<Self> {
        u32::try_from(frame).ok().and_then(Self::new)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its frame.
    #[must_use]
    pub fn frame(self) -> u64 {
        u64::from(self.0)
    }

    /// The page after it; `None` after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).and_then(Self::new)
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{},{}]", self.0 >> 20, self.0 >> 10 & 1023, self.0 & 1023)
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How much one entry of an index page describes (figure 7 of the document).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scale {
    /// 4 KiB.
    Kilo = 0,
    /// 4 MiB.
    Mega = 1,
    /// 4 GiB.
    Giga = 2,
    /// 4 TiB.
    Tera = 3,
}

impl Scale {
    /// All of them, the finest first.
    pub const ALL: [Self; 4] = [Self::Kilo, Self::Mega, Self::Giga, Self::Tera];

    /// The scale with this number, 0 for the finest.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at)).copied()
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Kilo => 0,
            Self::Mega => 1,
            Self::Giga => 2,
            Self::Tera => 3,
        }
    }

    /// log2 of [`frames`](Self::frames).
    #[must_use]
    pub fn shift(self) -> u32 {
        self.number().wrapping_mul(10)
    }

    /// Frames of 4 KiB that one entry describes.
    #[must_use]
    pub fn frames(self) -> u64 {
        1_u64.wrapping_shl(self.shift())
    }

    /// The next finer scale; `None` below the finest.
    #[must_use]
    pub fn finer(self) -> Option<Self> {
        self.number().checked_sub(1).and_then(Self::from_number)
    }

    /// Index of `frame` in an index page of this scale.
    #[must_use]
    pub fn index(self, frame: u64) -> u16 {
        u16::try_from(frame.wrapping_shr(self.shift()) & 1023).unwrap_or(0)
    }
}
