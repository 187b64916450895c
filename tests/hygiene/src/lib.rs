//! Rules of the tree that no compiler knows: budgets, where `unsafe` may stand, that SPEC and `abi` agree.
//!
//! Every rule is a function from text to complaints, tested here with a tiny bad example; `tests/tree.rs` applies
//! them to the whole tree.

pub mod budget;
pub mod covers;
pub mod drivers;
pub mod functions;
pub mod manifests;
pub mod numbers;
pub mod rust_abi;
pub mod scan;
pub mod spec;
pub mod tree;
pub mod words;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// File, relative to the root of the tree.
    pub path: String,
    /// Line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong, as a sentence.
    pub text: String,
}

impl Complaint {
    /// A complaint about a line of a file.
    #[must_use]
    pub fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// All complaints, a line each, for the message of a failing test.
#[must_use]
pub fn report(complaints: &[Complaint]) -> String {
    complaints.iter().map(|complaint| format!("{complaint}\n")).collect()
}
