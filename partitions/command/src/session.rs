//! A person at the console: prompt, line, commands, marks for tools.

use crate::dumping::{Dump, Step};
use crate::list::List;
use crate::surroundings::{Surroundings, fetch};
use crate::verbs::{self, Ran};
use crate::words::Pages;
use abi::marks::{DONE, END, PROMPT, READY, START};
use abi::message::resource::{MachineRecord, ResourceRequest};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use resource_service::Service;
use terminal::{Editor, Event};

/// The key that ends what is under way: Ctrl-C.
const CANCEL: u8 = 3;
/// Most keys that are kept while something is under way.
const AHEAD: usize = 256;

/// The state of the console between keys.
pub struct Session {
    editor: Editor,
    /// Names for completion, as they were at the last Tab.
    names: Vec<String>,
    /// The resource service.
    service: Service,
    /// How the last line that said something ended.
    status: u8,
    /// Commands of the line that are still to be done, the next one last, and how those before them ended.
    rest: Vec<String>,
    ended: Option<u8>,
    /// A dump that is being written, and what was typed meanwhile.
    dump: Option<Dump>,
    ahead: Vec<u8>,
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
        Self {
            editor: Editor::new(PROMPT),
            names: Vec::new(),
            service: Service::new(),
            status: 0,
            rest: Vec::new(),
            ended: None,
            dump: None,
            ahead: Vec::new(),
        }
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

    /// Whether a command is under way that [`Self::go_on`] continues.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.dump.is_some()
    }

    /// Does a little more of what is under way.
    pub fn go_on(&mut self, surroundings: &mut impl Surroundings) {
        let Some(dump) = &mut self.dump else { return };
        match dump.step(surroundings) {
            Step::Goes => {}
            Step::Done => self.end_dump(surroundings, 0),
            Step::Broken(trouble) => {
                // Writing to the surroundings cannot fail.
                let _ = writeln!(surroundings, "the dump is not whole: {trouble}");
                self.end_dump(surroundings, 1);
            }
        }
        surroundings.flush();
    }

    /// Ends the dump that is under way before it is whole, and leaves the rest of the line undone.
    fn give_up(&mut self, surroundings: &mut impl Surroundings, why: &str) {
        if let Some(dump) = &self.dump {
            dump.give_up(surroundings);
            let _ = writeln!(surroundings, "{why}");
            self.rest.clear();
            self.end_dump(surroundings, 1);
        }
    }

    fn end_dump(&mut self, surroundings: &mut impl Surroundings, status: u8) {
        self.dump = None;
        self.ended = self.ended.max(Some(status));
        self.commands(surroundings);
        let ahead = core::mem::take(&mut self.ahead);
        self.typed(surroundings, &ahead);
    }

    /// Prompt and line once more: what the terminal shows may be lost.
    pub fn show_again(&mut self, surroundings: &mut impl Surroundings) {
        surroundings.show(b"\n-- the console service was restarted --\n");
        if self.is_busy() {
            return self.give_up(surroundings, "what was told of it is lost: type it again");
        }
        mark_ready(surroundings);
        self.editor.show_again(&mut |bytes| surroundings.show(bytes));
        surroundings.flush();
    }

    /// Bytes were typed.
    pub fn typed(&mut self, surroundings: &mut impl Surroundings, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_busy() {
                self.typed_meanwhile(surroundings, byte);
                continue;
            }
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

    /// A byte was typed while a command is under way: Ctrl-C ends it, all else waits.
    fn typed_meanwhile(&mut self, surroundings: &mut impl Surroundings, byte: u8) {
        if byte == CANCEL {
            self.ahead.clear();
            self.give_up(surroundings, "ended");
        } else if self.ahead.len() < AHEAD {
            self.ahead.push(byte);
        }
    }

    /// Does what the line says and shows the next prompt. A line that says nothing tells once more how the one before it ended.
    fn line(&mut self, surroundings: &mut impl Surroundings) {
        surroundings.flush();
        let commands = console_grammar::commands(self.editor.line()).map(ToString::to_string);
        self.rest = commands.collect();
        self.rest.reverse();
        self.ended = None;
        self.commands(surroundings);
    }

    /// Does the commands that are left of the line, until one takes longer.
    fn commands(&mut self, surroundings: &mut impl Surroundings) {
        while let Some(text) = self.rest.pop() {
            match verbs::run(surroundings, &mut self.service, &text) {
                Ran::Ended(status) => self.ended = self.ended.max(Some(status)),
                Ran::Goes(dump) => {
                    self.dump = Some(dump);
                    return;
                }
            }
        }
        self.status = self.ended.unwrap_or(self.status);
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
