//! The text: a line that says what begins, lines of base64, a line with a checksum. Whoever captures a serial line has the file, with
//! nothing but `base64 -d` between the two marks; lines that somebody else wrote between them are left out, and a line that was
//! torn is found by length and checksum.

use core::fmt;

/// Bytes in a full line.
pub const LINE: usize = 57;
/// Letters in a full line.
pub const TEXT: usize = 76;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';
const BEGIN: &str = "-----BEGIN CORE ";
const END: &str = "-----END CORE ";
const RULE: &str = "-----";

/// The line before the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begin<'a> {
    /// The partition.
    pub name: &'a str,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The line after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End<'a> {
    /// The partition.
    pub name: &'a str,
    /// CRC-32 of the file (IEEE 802.3); none where it was ended before it was whole.
    pub checksum: Option<u32>,
}

impl fmt::Display for Begin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGIN}{} {} bytes{RULE}", self.name, self.bytes)
    }
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.checksum {
            Some(checksum) => write!(f, "{END}{} crc32 {checksum:08x}{RULE}", self.name),
            None => write!(f, "{END}{} not whole{RULE}", self.name),
        }
    }
}

/// What stands between the two marks of a line.
fn between<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.trim().strip_prefix(mark)?.strip_suffix(RULE)
}

impl<'a> Begin<'a> {
    /// Reads such a line.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (name, bytes) = between(line, BEGIN)?.strip_suffix(" bytes")?.split_once(' ')?;
        Some(Self { name, bytes: bytes.parse().ok()? })
    }
}

impl<'a> End<'a> {
    /// Reads such a line.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = between(line, END)?.split_once(' ')?;
        let checksum = match rest.strip_prefix("crc32 ") {
            Some(number) => Some(u32::from_str_radix(number, 16).ok()?),
            None if rest == "not whole" => None,
            None => return None,
        };
        Some(Self { name, checksum })
    }
}

/// A CRC-32 while it is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checksum(u32);

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksum {
    /// Of no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Of these bytes as well.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = table_entry(self.0 ^ u32::from(byte)) ^ self.0.wrapping_shr(8);
        }
    }

    /// The checksum.
    #[must_use]
    pub const fn value(self) -> u32 {
        !self.0
    }
}

/// The polynomial's remainder of the low byte.
fn table_entry(value: u32) -> u32 {
    const TABLE: [u32; 256] = table();
    let [low, ..] = value.to_le_bytes();
    TABLE.get(usize::from(low)).copied().unwrap_or(0)
}

#[expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a table that the compiler computes; 256 entries, each below"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut value, mut bit) = (index as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// Up to [`LINE`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes {
    bytes: [u8; LINE],
    length: usize,
}

impl Bytes {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; LINE], length: 0 }
    }

    /// Those that there are.
    #[must_use]
    pub fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Takes as many as fit; gives the rest.
    pub fn fill<'b>(&mut self, from: &'b [u8]) -> &'b [u8] {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let (some, rest) = from.split_at(room.len().min(from.len()));
        room.iter_mut().zip(some).for_each(|(to, from)| *to = *from);
        self.length = self.length.saturating_add(some.len());
        rest
    }

    /// Whether no more fit.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.length == LINE
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of a line, in `to`; how many letters it has.
pub fn encode(line: &Bytes, to: &mut [u8; TEXT]) -> usize {
    let mut length = 0_usize;
    for (three, four) in line.get().chunks(3).zip(to.chunks_exact_mut(4)) {
        let mut all = [0_u8; 4];
        all.iter_mut().skip(1).zip(three).for_each(|(to, from)| *to = *from);
        let bits = u32::from_be_bytes(all);
        for (place, letter) in (0_usize..).zip(four.iter_mut()) {
            let shift = [18, 12, 6, 0].get(place).copied().unwrap_or(0);
            let index = usize::try_from(bits.wrapping_shr(shift) & 63).unwrap_or(0);
            let there = place <= three.len();
            *letter = LETTERS.get(index).copied().filter(|_| there).unwrap_or(PAD);
        }
        length = length.saturating_add(4);
    }
    length
}

/// The bytes of a line; `None` for what is none.
#[must_use]
pub fn decode(line: &[u8]) -> Option<Bytes> {
    if line.is_empty() || line.len() > TEXT || !line.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Bytes::new();
    for (index, four) in line.chunks(4).enumerate() {
        let letters = four.iter().take_while(|letter| **letter != PAD).count();
        let padding = four.iter().skip(letters);
        let last = index.wrapping_add(1).wrapping_mul(4) == line.len();
        if letters < 2 || (letters < 4 && !last) || padding.clone().any(|byte| *byte != PAD) {
            return None;
        }
        let mut bits = 0_u32;
        for letter in four.iter().take(letters) {
            let found = LETTERS.iter().position(|one| one == letter)?;
            bits = bits.wrapping_shl(6) | u32::try_from(found).ok()?;
        }
        let missing = u32::try_from(padding.count()).ok()?;
        let all = bits.wrapping_shl(missing.wrapping_mul(6)).to_be_bytes();
        bytes.fill(all.get(1..letters)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> String {
        let mut line = Bytes::new();
        assert!(line.fill(bytes).is_empty());
        let mut text = [0; TEXT];
        let length = encode(&line, &mut text);
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    /// RFC 4648, section 10; the CRC of "123456789" is the one that catalogues name.
    #[test]
    fn it_is_what_everybody_calls_base64_and_crc32() {
        let known = [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, wanted) in known {
            assert_eq!(text(bytes.as_bytes()), wanted);
        }
        let mut checksum = Checksum::new();
        checksum.add(b"12345");
        checksum.add(b"6789");
        assert_eq!(checksum.value(), 0xcbf4_3926);
    }

    #[test]
    fn what_is_no_line_is_none() {
        for line in
            ["", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v Zm9", "Z=9v", "-----", "Zm9\u{1b}"]
        {
            assert_eq!(decode(line.as_bytes()), None, "{line:?}");
        }
        assert_eq!(decode(&[b'A'; TEXT + 4]), None, "longer than any");
    }

    #[test]
    fn marks_are_read_as_they_are_written() {
        let begin = Begin { name: "echo-asks", bytes: 12_345 };
        let text = begin.to_string();
        assert_eq!(Begin::parse(&format!("{text}\r")), Some(begin));
        assert_eq!(End::parse(&text), None);
        for checksum in [None, Some(0xab)] {
            let end = End { name: "echo-asks", checksum };
            let text = end.to_string();
            assert_eq!(End::parse(&text), Some(end), "{text}");
            assert_eq!(Begin::parse(&text), None);
        }
        for torn in [
            "-----BEGIN CORE echo-asks 12 byt",
            "-----BEGIN CORE a x bytes-----",
            "-----END CORE a crc32 -----",
        ] {
            assert!(Begin::parse(torn).is_none() && End::parse(torn).is_none(), "{torn}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 1..=LINE)) {
            let text = text(&bytes);
            let back = decode(text.as_bytes()).unwrap();
            prop_assert_eq!(back.get(), &bytes[..]);
            prop_assert_eq!(text.len(), bytes.len().div_ceil(3) * 4);
        }

        #[test]
        fn nothing_that_comes_can_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes);
            let _ = (Begin::parse(&String::from_utf8_lossy(&bytes)), End::parse("-----END CORE"));
        }
    }
}
