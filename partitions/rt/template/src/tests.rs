//! The partition on the host, against a console made for the test.

use crate::partition::Main;
use abi::channel::ChannelKind;
use rt::mock::{Running, World};
use rt::protocol::{Console, ConsoleRequest, ConsoleStatus};
use rt::{Owed, Partition, Server, Signal, Start, System};

/// Notes what is written; what is typed at it goes to who reads.
struct Terminal {
    users: Server<Console>,
    shown: String,
    reads: Vec<Owed>,
}

impl Partition for Terminal {
    fn started(system: &mut System, _: &Start) -> Self {
        let users = system.server("users").unwrap();
        Self { users, shown: String::new(), reads: vec![] }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.users.next(system) {
            if request.code() == Some(ConsoleRequest::Write) {
                self.shown += core::str::from_utf8(request.bytes()).unwrap();
                self.users.answer(system, &request, ConsoleStatus::Ok, &[]);
            } else {
                self.reads.push(request.owed());
            }
        }
    }
}

/// Starts the partition at a terminal; the two run whenever the world does.
fn start(world: &World) -> (Running<Terminal>, Running<Main>) {
    let (place, terminal) = (world.partition("template-name"), world.partition("terminal"));
    world.channel(ChannelKind::Console, (place, "console"), (terminal, "users"));
    let both = (world.start(terminal), world.start(place));
    world.run();
    both
}

/// Types a line, key by key; gives all that is on the terminal afterwards.
fn type_line(world: &World, terminal: &Running<Terminal>, line: &str) -> String {
    for key in line.bytes().chain(*b"\r") {
        terminal.with(|terminal, system| {
            let read = terminal.reads.pop().expect("it listens");
            terminal.users.answer_owed(system, read, ConsoleStatus::Ok, &[key]);
        });
        world.run();
    }
    terminal.with(|terminal, _| terminal.shown.clone())
}

#[test]
fn it_greets_and_repeats_what_is_typed() {
    let world = World::new();
    let (terminal, _main) = start(&world);
    assert!(type_line(&world, &terminal, "hi").ends_with("you typed: hi\n"));
    let shown = type_line(&world, &terminal, "again");
    assert_eq!(shown, "template-name: start 1\nhi\nyou typed: hi\nagain\nyou typed: again\n");
}

#[test]
#[should_panic(expected = "as you wish")]
fn it_panics_when_asked() {
    let world = World::new();
    let (terminal, _main) = start(&world);
    type_line(&world, &terminal, "panic");
}
