//! A console does not understand what the resource manager is asked.
use rt::protocol::{Console, ResourceRequest};
use rt::{Client, System};

fn ask(system: &mut System, console: Client<Console>) {
    let _ = console.send(system, ResourceRequest::ALL[0], &[]);
}

fn main() {}
