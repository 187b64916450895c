//! A person at the console: prompt, line, commands, marks for tools.

use crate::list::List;
use crate::surroundings::{Surroundings, fetch};
use crate::verbs;
use crate::words::Pages;
use abi::marks::{DONE, END, PROMPT, READY, START};
use abi::message::resource::{MachineRecord, ResourceRequest};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use resource_service::Service;
use terminal::{Editor, Event};

/// The state of the console between keys.
pub struct Session {
    editor: Editor,
    /// Names for completion, as they were at the last Tab.
    names: Vec<String>,
    /// The resource service.
    service: Service,
    /// How the last line that said something ended.
    status: u8,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A console at which nothing was typed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { editor: Editor::new(PROMPT), names: Vec::new(), service: Service::new(), status: 0 }
    }

    /// Shows what this is, and the first prompt.
    pub fn start(&mut self, surroundings: &mut impl Surroundings) {
        let machine = fetch::<MachineRecord>(surroundings, ResourceRequest::Machine, &[0_u8; 0]);
        // Writing to the surroundings cannot fail.
        let _ = write!(surroundings, "\nBulkhead {}", env!("CARGO_PKG_VERSION"));
        if let Ok(machine) = machine {
            let plural = if machine.processors == 1 { "" } else { "s" };
            let (processors, memory) = (machine.processors, Pages(machine.frames));
            let _ = write!(surroundings, ", {processors} processor{plural}, {memory}");
        }
        let _ = writeln!(surroundings, "; type help");
        self.prompt(surroundings);
    }

    /// Shows a prompt for a new line.
    pub fn prompt(&mut self, surroundings: &mut impl Surroundings) {
        let columns = surroundings.columns();
        self.editor.set_columns(columns);
        mark_ready(surroundings);
        self.editor.begin(&mut |bytes| surroundings.show(bytes));
        surroundings.flush();
    }

    /// Prompt and line once more: what the terminal shows may be lost.
    pub fn show_again(&mut self, surroundings: &mut impl Surroundings) {
        surroundings.show(b"\n-- the console service was restarted --\n");
        mark_ready(surroundings);
        self.editor.show_again(&mut |bytes| surroundings.show(bytes));
        surroundings.flush();
    }

    /// Bytes were typed.
    pub fn typed(&mut self, surroundings: &mut impl Surroundings, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\t' {
                self.learn_names(surroundings);
            }
            match self.feed(surroundings, byte) {
                Event::None => {}
                Event::Line => self.line(surroundings),
                Event::Cancelled => self.prompt(surroundings),
                Event::End => {
                    surroundings
                        .show(b"\nshutdown switches the machine off; the console does not end\n");
                    self.prompt(surroundings);
                }
            }
        }
        surroundings.flush();
    }

    fn feed(&mut self, surroundings: &mut impl Surroundings, byte: u8) -> Event {
        let names = &self.names;
        let complete = |before: &str, found: &mut dyn FnMut(&str)| {
            console_grammar::candidates(before, names.iter().map(String::as_str), found);
        };
        self.editor.feed(byte, &complete, &mut |bytes| surroundings.show(bytes))
    }

    fn learn_names(&mut self, surroundings: &mut impl Surroundings) {
        // Without an answer the names known last are as good as any.
        if let Ok(list) = List::fetch(surroundings) {
            self.names = list.names().map(ToString::to_string).collect();
        }
    }

    /// Does what the line says and shows the next prompt. A line that says nothing tells once more how the one before it ended.
    fn line(&mut self, surroundings: &mut impl Surroundings) {
        surroundings.flush();
        let mut status = None;
        for text in console_grammar::commands(self.editor.line()) {
            let ended = verbs::run(surroundings, &mut self.service, text);
            status = status.max(Some(ended));
        }
        self.status = status.unwrap_or(self.status);
        mark_end(surroundings, self.status);
        self.prompt(surroundings);
    }
}

/// Tells tools that a prompt follows (`kernel/doc/0004`).
fn mark_ready(surroundings: &mut impl Surroundings) {
    // Writing to the surroundings cannot fail.
    let _ = write!(surroundings, "{START}{READY}{END}");
}

/// Tells tools that a line was done (`kernel/doc/0004`).
pub fn mark_end(surroundings: &mut impl Surroundings, status: u8) {
    // Writing to the surroundings cannot fail.
    let _ = write!(surroundings, "{START}{DONE}{status}{END}");
}
