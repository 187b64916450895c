//! An answer has a status of its own protocol.
use rt::protocol::{Console, ResourceStatus};
use rt::{Request, Server, System};

fn answer(system: &mut System, server: Server<Console>, request: &Request<Console>) {
    server.answer(system, request, ResourceStatus::Ok, &[]);
}

fn main() {}
