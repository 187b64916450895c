//! Who makes the partitions that the manifest names, one request for each: the boot partition makes what it takes for a command
//! partition, hands over, and loses the right to; the command partition makes the rest.

/// Who may ask for partitions of the manifest to be made and started for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Maker {
    /// The boot partition.
    Boot = 0,
    /// The command partition, which decides what is made, started, and in which order.
    Command = 1,
    /// Nobody any more: all that was to be made is.
    Nobody = 2,
}

impl Maker {
    /// Every maker.
    pub const ALL: [Self; 3] = [Self::Boot, Self::Command, Self::Nobody];

    /// The one with this number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a variant, declared repr(u32)")]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|maker| *maker as u32 == number)
    }
}
