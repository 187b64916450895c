//! The end that asks cannot answer.
use rt::protocol::{Console, ConsoleStatus};
use rt::{Client, Request, System};

fn answer(system: &mut System, client: Client<Console>, request: &Request<Console>) {
    client.answer(system, request, ConsoleStatus::Ok, &[]);
}

fn main() {}
