//! The end that answers cannot ask.
use rt::protocol::{Console, ConsoleRequest};
use rt::{Server, System};

fn ask(system: &mut System, server: Server<Console>) {
    let _ = server.send(system, ConsoleRequest::Read, &[]);
}

fn main() {}
