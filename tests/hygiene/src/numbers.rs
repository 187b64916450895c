//! No number of `abi` stands anywhere else.

use crate::rust_abi::{Abi, number};
use crate::{Complaint, scan};

/// Addresses and magic numbers of `abi` that nobody writes by accident.
#[must_use]
pub fn telling(abi: &Abi) -> Vec<(String, u64)> {
    let addresses = abi.constants.get("layout").into_iter().flatten();
    let telling = |value: u64| value >= 0x40_0000 && !value.is_power_of_two();
    addresses.filter(|(_, value)| telling(*value)).cloned().collect()
}

/// Complaints about literals in code that repeat one of them, and about spelled-out magics.
#[must_use]
pub fn repeated(
    path: &str,
    text: &str,
    telling: &[(String, u64)],
    magics: &[String],
) -> Vec<Complaint> {
    let code = scan::without_tests(&scan::code(text));
    let mut complaints = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for value in literals(line) {
            if let Some((name, _)) = telling.iter().find(|(_, known)| *known == value) {
                let text = format!("{value:#x} is abi's {name}");
                complaints.push(Complaint::new(path, index + 1, text));
            }
        }
        let original = text.lines().nth(index).unwrap_or_default();
        if line.contains("b\"") && magics.iter().any(|magic| original.contains(magic.as_str())) {
            complaints.push(Complaint::new(path, index + 1, "spells out a magic of abi"));
        }
    }
    complaints
}

/// The magic words, as literals of bytes, that a text of `abi` defines.
#[must_use]
pub fn magics(text: &str) -> Vec<String> {
    let literals = text.split("*b\"").skip(1);
    literals.filter_map(|rest| Some(format!("b\"{}\"", rest.split_once('"')?.0))).collect()
}

fn literals(line: &str) -> impl Iterator<Item = u64> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter_map(|word| {
        let bare =
            ["u64", "usize", "u32"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        bare.starts_with("0x").then(|| number(bare))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_address_is_found() {
        let layout = "pub const A: u64 = 0x0810_0000; pub const B: u64 = 0x2000_0000;";
        let abi = Abi::read(&[("layout".to_owned(), layout.to_owned())]);
        let telling = telling(&abi);
        assert_eq!(telling.len(), 1, "powers of two are anybody's");
        assert_eq!(repeated("a.rs", "//! x\nlet a = 0x810_0000_u64;\n", &telling, &[]).len(), 1);
        assert_eq!(
            repeated("a.rs", "//! x\nlet a = 0x810_0001; // 0x8100000\n", &telling, &[]).len(),
            0
        );
    }

    #[test]
    fn a_spelled_out_magic_is_found() {
        let magics = magics("pub const M: u64 = u64::from_le_bytes(*b\"ABCDEFGH\");");
        assert_eq!(magics, ["b\"ABCDEFGH\""]);
        assert_eq!(repeated("a.rs", "//! x\nlet a = b\"ABCDEFGH\";\n", &[], &magics).len(), 1);
        assert_eq!(repeated("a.rs", "//! x\nlet a = b\"HGFEDCBA\";\n", &[], &magics).len(), 0);
    }
}
