//! A client's end is not a server's.
use rt::protocol::Console;
use rt::{Client, Server, System};

fn find(system: &mut System) -> Option<Client<Console>> {
    let server: Option<Server<Console>> = system.server("console");
    server
}

fn main() {}
