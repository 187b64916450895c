//! Reads enums, layouts and constants out of the source of `abi`, so that none can be forgotten.

use crate::scan;
use std::collections::BTreeMap;

/// A structure's fields with offset and size, and its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Name, offset and bytes of each field.
    pub fields: Vec<(String, u64, u64)>,
    /// Bytes of the whole.
    pub size: u64,
    /// Alignment of the whole.
    pub alignment: u64,
}

/// What `abi` defines.
#[derive(Clone, Debug, Default)]
pub struct Abi {
    /// Enums and sets of flags: names and numbers in their order.
    pub enums: BTreeMap<String, Vec<(String, u64)>>,
    /// Structures in memory or on the wire.
    pub structures: BTreeMap<String, Layout>,
    /// Numeric constants by the file and module they stand in, such as `layout` or `channel::word`.
    pub constants: BTreeMap<String, Vec<(String, u64)>>,
}

impl Abi {
    /// Reads the files, given as (module, text).
    #[must_use]
    pub fn read(files: &[(String, String)]) -> Self {
        let mut abi = Self::default();
        let blank: Vec<_> = files.iter().map(|(name, text)| (name, scan::code(text))).collect();
        for (module, code) in &blank {
            abi.read_constants(module, code);
        }
        for (_, code) in &blank {
            abi.read_enums(code);
        }
        // A structure may hold one that is defined further down: read until no more are found.
        while blank.iter().any(|(_, code)| abi.read_structures(code)) {}
        abi
    }

    /// The constant of that name, wherever it is.
    #[must_use]
    pub fn constant(&self, name: &str) -> Option<u64> {
        let mut all = self.constants.values().flatten();
        all.find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    fn read_constants(&mut self, module: &str, code: &str) {
        for (at, _) in code.match_indices("pub const ") {
            let statement = code[at + 10..].split(';').next().unwrap_or_default();
            let Some((head, value)) = statement.split_once('=') else { continue };
            let name = head.split(':').next().unwrap_or_default().trim();
            let inner = inner_module(code, at);
            let place =
                if inner.is_empty() { module.to_owned() } else { format!("{module}::{inner}") };
            if let Some(value) = number(value) {
                self.constants.entry(place).or_default().push((name.to_owned(), value));
            }
        }
    }

    fn read_enums(&mut self, code: &str) {
        for (name, body) in items(code, "pub enum ").into_iter().chain(operations(code)) {
            let variants = body.split(',').filter_map(|part| {
                let (name, value) = part.split_once('=')?;
                Some((name.split_whitespace().last()?.to_owned(), number(value)?))
            });
            self.enums.insert(name, variants.collect());
        }
        for (name, body) in items(code, "pub struct ") {
            let flags: Vec<_> = body.split(';').filter_map(flag).collect();
            if !flags.is_empty() {
                self.enums.insert(name.split(':').next().unwrap_or_default().to_owned(), flags);
            }
        }
    }

    /// Whether a structure was found that was not known before.
    fn read_structures(&mut self, code: &str) -> bool {
        let mut found = false;
        for (name, body) in items(code, "pub struct ") {
            if self.structures.contains_key(&name) || !body.contains("pub ") {
                continue;
            }
            if let Some(layout) = self.layout(&body) {
                self.structures.insert(name, layout);
                found = true;
            }
        }
        found
    }

    fn layout(&self, body: &str) -> Option<Layout> {
        let mut layout = Layout { alignment: 1, ..Layout::default() };
        for part in body.split("pub ").skip(1) {
            let (name, kind) = part.split_once(':')?;
            let kind = kind.trim().trim_end_matches(['\n', ' ', ',']);
            let (size, alignment) = self.size(kind)?;
            let offset = layout.size.next_multiple_of(alignment);
            layout.fields.push((name.trim().to_owned(), offset, size));
            layout.size = offset + size;
            layout.alignment = layout.alignment.max(alignment);
        }
        layout.size = layout.size.next_multiple_of(layout.alignment);
        Some(layout)
    }

    /// Size and alignment of a type.
    fn size(&self, kind: &str) -> Option<(u64, u64)> {
        if let Some(inner) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (element, count) = inner.rsplit_once(';')?;
            let (size, alignment) = self.size(element.trim())?;
            let count = number(count).or_else(|| self.constant(count.trim()))?;
            return Some((size * count, alignment));
        }
        match kind {
            "u8" => Some((1, 1)),
            "u16" => Some((2, 2)),
            "u32" => Some((4, 4)),
            "u64" | "Frame" | "PhysicalAddress" | "VirtualAddress" => Some((8, 8)),
            "Name" => Some((self.constant("NAME_LENGTH")?, 1)),
            other => self.structures.get(other).map(|layout| (layout.size, layout.alignment)),
        }
    }
}

/// Name (with what follows it up to the brace) and body of every item that starts so.
fn items(code: &str, start: &str) -> Vec<(String, String)> {
    code.match_indices(start).filter_map(|(at, _)| braced(&code[at + start.len()..])).collect()
}

fn braced(code: &str) -> Option<(String, String)> {
    let (name, rest) = code.split_once('{')?;
    if name.contains([';', '(', '$']) {
        return None;
    }
    Some((name.trim().to_owned(), rest.split('}').next()?.to_owned()))
}

/// The enums that the macros of `control.rs` and `message` make.
fn operations(code: &str) -> Vec<(String, String)> {
    let uses = |name: &'static str| {
        code.match_indices(name).filter(|(at, _)| !code[..*at].ends_with("macro_rules! "))
    };
    let uses = uses("operations! {").chain(uses("codes! {"));
    uses.filter_map(|(at, start)| braced(&code[at + start.len()..])).collect()
}

fn flag(part: &str) -> Option<(String, u64)> {
    let (name, value) = part.trim().strip_prefix("const ")?.split_once('=')?;
    Some((name.trim().to_owned(), number(value)?))
}

/// The innermost `pub mod` whose braces are open at `at`.
fn inner_module(code: &str, at: usize) -> String {
    let module = |(start, _): (usize, &str)| {
        let open = start + code[start..].find('{')?;
        let inside = open < at && scan::end_of_item(code, open) > at;
        inside.then(|| code[start + 8..open].trim().to_owned())
    };
    code.match_indices("pub mod ").filter_map(module).last().unwrap_or_default()
}

/// A literal, a shift of literals, or a newtype around a literal.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    let text = text.trim().replace('_', "");
    if let Some((left, right)) = text.split_once("<<") {
        return number(left)?.checked_shl(u32::try_from(number(right)?).ok()?);
    }
    if let Some(inner) = text.split_once("new(").and_then(|(_, rest)| rest.strip_suffix(')')) {
        return number(inner);
    }
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "pub const LONG: usize = 0x1_0;\n pub mod word { pub const A: u64 = 4; }\n\
        pub enum E { /// a = 9\n A = 1, B = 0x20, }\n pub struct Inner { pub a: u8, pub b: u32 }\n\
        pub struct Outer { pub x: [Inner; LONG], pub y: u64, }\n pub struct Set: u8 { const S = 1 << 3; }\n\
        operations! { Ops { One = 1, } }";

    #[test]
    fn everything_is_read() {
        let abi = Abi::read(&[("m".to_owned(), TEXT.to_owned())]);
        assert_eq!(abi.enums["E"], [("A".to_owned(), 1), ("B".to_owned(), 32)]);
        assert_eq!(abi.enums["Set"], [("S".to_owned(), 8)]);
        assert_eq!(abi.enums["Ops"], [("One".to_owned(), 1)]);
        assert_eq!(abi.constants["m"], [("LONG".to_owned(), 16)]);
        assert_eq!(abi.constants["m::word"], [("A".to_owned(), 4)]);
        let outer = &abi.structures["Outer"];
        assert_eq!(outer.fields, [("x".to_owned(), 0, 128), ("y".to_owned(), 128, 8)]);
        assert_eq!((outer.size, abi.structures["Inner"].size), (136, 8));
    }
}
