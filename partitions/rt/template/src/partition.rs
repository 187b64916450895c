//! Greets, and repeats what is typed.

use rt::protocol::{Console, ConsoleRequest};
use rt::{Client, Partition, Signal, Start, System};

/// The partition.
pub struct Main {
    console: Client<Console>,
}

impl Main {
    /// Asks the console for what is typed next; the answer comes as a signal.
    fn listen(&self, system: &mut System) {
        if let Err(error) = self.console.send(system, ConsoleRequest::Read, &[]) {
            rt::log!("template-name: no input: {error:?}");
        }
    }
}

/// Does what was typed.
fn obey(text: &str) {
    match text {
        "panic" => panic!("as you wish"),
        text => rt::log!("you typed: {text}"),
    }
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        rt::log!("template-name: start {}", start.starts);
        let main = Self { console: system.console().unwrap_or_default() };
        main.listen(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if !signal.is(self.console) {
            return;
        }
        while let Some(answer) = self.console.next(system) {
            if let Ok(text) = core::str::from_utf8(answer.bytes()) {
                obey(text);
            }
            self.listen(system);
        }
    }
}
