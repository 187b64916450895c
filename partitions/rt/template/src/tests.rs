//! The partition on the host, against a console made for the test.

use crate::partition::Main;
use abi::channel::ChannelKind;
use rt::mock::World;
use rt::protocol::{Console, ConsoleRequest, ConsoleStatus};
use rt::{Owed, Partition, Server, Signal, Start, System};

/// Notes what is written, and types "hi" once.
struct Terminal {
    users: Server<Console>,
    shown: String,
    reads: Vec<Owed>,
    typed: bool,
}

impl Partition for Terminal {
    fn started(system: &mut System, _: &Start) -> Self {
        let users = system.server("users").unwrap();
        Self { users, shown: String::new(), reads: vec![], typed: false }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.users.next(system) {
            match request.code() {
                Some(ConsoleRequest::Write) => {
                    self.shown += core::str::from_utf8(request.bytes()).unwrap();
                    self.users.answer(system, &request, ConsoleStatus::Ok, &[]);
                }
                Some(ConsoleRequest::Read) if !self.typed => {
                    self.typed = true;
                    self.users.answer(system, &request, ConsoleStatus::Ok, b"hi");
                }
                _ => self.reads.push(request.owed()),
            }
        }
    }
}

#[test]
fn it_greets_and_repeats_what_is_typed() {
    let world = World::new();
    let (place, terminal) = (world.partition("template-name"), world.partition("terminal"));
    world.channel(ChannelKind::Console, (place, "console"), (terminal, "users"));
    let terminal = world.start::<Terminal>(terminal);
    let _main = world.start::<Main>(place);
    world.run();
    terminal.with(|terminal, _| {
        assert!(terminal.shown.contains("template-name: start 1\n"));
        assert!(terminal.shown.contains("you typed: hi\n"));
        assert_eq!(terminal.reads.len(), 1, "it listens for more");
    });
}
