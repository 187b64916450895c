//! Greets, and repeats what is typed.

use rt::protocol::{Console, ConsoleRequest};
use rt::{Client, Line, Partition, Signal, Start, System};

/// The partition.
pub struct Main {
    console: Client<Console>,
    line: Line,
}

impl Main {
    /// Asks the console for the keys that are pressed next; the answer comes as a signal.
    fn listen(&self, system: &mut System) {
        if let Err(error) = self.console.send(system, ConsoleRequest::Read, &[]) {
            rt::log!("template-name: no input: {error:?}");
        }
    }
}

/// Does what was typed, once Enter ends the line.
fn obey(text: &str) {
    match text {
        "panic" => panic!("as you wish"),
        text => rt::log!("you typed: {text}"),
    }
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        rt::log!("template-name: start {}", start.starts);
        let console = system.console().unwrap_or_default();
        let main = Self { console, line: Line::default() };
        main.listen(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if !signal.is(self.console) {
            return;
        }
        while let Some(answer) = self.console.next(system) {
            for &key in answer.bytes() {
                if let Some(line) = self.line.key(key) {
                    obey(line);
                }
            }
            self.listen(system);
        }
    }
}
