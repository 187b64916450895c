//! Leaves out of an ELF file what is not loaded: symbols and debug information.

/// Where things are in the file's header (ELF-64 object file format, version 1.5).
mod header {
    use std::ops::Range;
    pub(super) const SIZE: usize = 64;
    pub(super) const PROGRAM_OFFSET: usize = 32;
    pub(super) const PROGRAM_COUNT: usize = 56;
    /// Place of the section headers, and their count and index of names.
    pub(super) const SECTIONS: [Range<usize>; 2] = [40..48, 60..64];
    pub(super) const PROGRAM_SIZE: usize = 56;
    /// Within a program header: offset and length in the file.
    pub(super) const OFFSET: usize = 8;
    pub(super) const LENGTH: usize = 32;
}

/// The file up to the last byte that a program header names, with no section headers. What is no ELF
/// file comes back as it is: those who load it say so better.
#[must_use]
pub fn stripped(file: &[u8]) -> Vec<u8> {
    let Some(end) = end(file) else { return file.to_vec() };
    let mut file = file[..end].to_vec();
    for range in header::SECTIONS {
        file[range].fill(0);
    }
    file
}

/// End of the header, the program headers and all they name; `None` where the file is no such file.
fn end(file: &[u8]) -> Option<usize> {
    if file.len() < header::SIZE || !file.starts_with(b"\x7fELF") {
        return None;
    }
    let table = word(file, header::PROGRAM_OFFSET)?;
    let count = file.get(header::PROGRAM_COUNT..header::PROGRAM_COUNT + 2)?;
    let count = usize::from(u16::from_le_bytes(count.try_into().ok()?));
    let mut end = table.checked_add(count * header::PROGRAM_SIZE)?.max(header::SIZE);
    for index in 0..count {
        let entry = table + index * header::PROGRAM_SIZE;
        let offset = word(file, entry.checked_add(header::OFFSET)?)?;
        end = end.max(offset.checked_add(word(file, entry.checked_add(header::LENGTH)?)?)?);
    }
    (end <= file.len()).then_some(end)
}

fn word(file: &[u8], offset: usize) -> Option<usize> {
    let bytes = file.get(offset..offset.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file with one program header that names bytes 120 to 130, and 50 bytes behind.
    fn example() -> Vec<u8> {
        let mut file = vec![7; 180];
        file[..4].copy_from_slice(b"\x7fELF");
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[56] = 1;
        file[57] = 0;
        file[72..80].copy_from_slice(&120_u64.to_le_bytes());
        file[96..104].copy_from_slice(&10_u64.to_le_bytes());
        file
    }

    #[test]
    fn only_what_is_loaded_stays() {
        let before = example();
        let after = stripped(&before);
        assert_eq!(after.len(), 130);
        assert_eq!(after[64..], before[64..130]);
        assert_eq!(after[40..48], [0; 8]);
        assert_eq!(after[60..64], [0; 4]);
    }

    #[test]
    fn what_is_broken_stays_as_it_is() {
        for length in [0, 3, 63, 100, 129] {
            let cut = &example()[..length];
            assert_eq!(stripped(cut), cut, "{length}");
        }
        let mut wild = example();
        wild[72..80].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(stripped(&wild), wild);
    }
}
