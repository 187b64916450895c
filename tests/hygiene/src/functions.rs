//! Finds functions and how long they are.

use crate::Complaint;
use crate::scan;

/// Most lines of code in a function's body.
pub const LONGEST: usize = 60;
/// The median of all functions must not be above this.
pub const MEDIAN: usize = 8;

/// A function of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`.
    pub line: usize,
    /// Lines of code in its body, without those that hold only braces of the body itself.
    pub lines: usize,
    /// It is assembly, or says itself why it is long.
    pub excused: bool,
}

/// The functions with a body in a text that went through [`scan::code`].
#[must_use]
pub fn functions(code: &str) -> Vec<Function> {
    code.match_indices("fn ").filter_map(|(at, _)| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let before = code[..at].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let name: String =
        code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let open = at + body(&code[at..])?;
    let end = scan::end_of_item(code, open);
    let inner = code.get(open + 1..end.saturating_sub(1))?;
    (!name.is_empty()).then(|| Function {
        name,
        line: scan::line_of(code, at),
        lines: scan::code_lines(inner),
        excused: inner.contains("asm!(") || excused(code, at),
    })
}

/// Where the body opens, counted from the `fn`; `None` for a declaration.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, character) in code.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Whether the attributes above the function expect the lint on long functions, or make it naked assembly.
fn excused(code: &str, at: usize) -> bool {
    let above = &code[..at];
    let start = above.rfind(['}', ';']).map_or(0, |end| end + 1);
    above[start..].contains("clippy::too_many_lines") || above[start..].contains("naked")
}

/// Complaints about functions that are too long.
#[must_use]
pub fn too_long(path: &str, text: &str) -> Vec<Complaint> {
    functions(&scan::code(text))
        .into_iter()
        .filter(|function| function.lines > LONGEST && !function.excused)
        .map(|f| {
            let text = format!("function {} has {} lines, {LONGEST} are allowed", f.name, f.lines);
            Complaint::new(path, f.line, text)
        })
        .collect()
}

/// The median length of the functions, 0 where there are none.
#[must_use]
pub fn median(functions: &[Function]) -> usize {
    let mut lengths: Vec<usize> = functions.iter().map(|function| function.lines).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found_and_an_excused_one_is_not() {
        let body = "    step();\n".repeat(LONGEST + 1);
        let long = format!("//! x\nfn long() {{\n{body}}}\nfn short() {{}}\n");
        let complaints = too_long("a.rs", &long);
        assert_eq!(complaints.len(), 1);
        assert_eq!((complaints[0].line, complaints[0].path.as_str()), (2, "a.rs"));
        let excuse =
            format!("#[expect(clippy::too_many_lines, reason = \"table\")]\n{}", &long[6..]);
        assert!(too_long("a.rs", &excuse).is_empty());
    }

    #[test]
    fn assembly_may_be_long() {
        let body = "    \"nop\",\n".repeat(LONGEST + 1);
        let text = format!("//! x\nfn table() {{\n    asm!(\n{body}    );\n}}\n");
        assert!(too_long("a.rs", &text).is_empty());
        assert_eq!(too_long("a.rs", &text.replace("asm!", "name")).len(), 1);
    }

    #[test]
    fn comments_do_not_count_and_declarations_have_no_body() {
        let text = "trait T { fn a(&self) -> [u8; 4]; fn b() {\n // x\n one();\n } }";
        let found = functions(&scan::code(text));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].lines), ("b", 1));
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let text = "fn a() {\n1;\n}\nfn b() {\n1;\n2;\n}\nfn c() {\n1;\n2;\n3;\n4;\n}\n";
        assert_eq!(median(&functions(text)), 2);
    }
}
