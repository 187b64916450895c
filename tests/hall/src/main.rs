//! Serves a crowd of clients that come and go: counts those that are there, and their greetings.

#![no_std]
#![no_main]

use hall::{Answer, Ask, Count, Greeting};
use rt::{Partition, Server, Signal, Start, System};
use zerocopy::IntoBytes;

rt::entry!(Hall, channels = 1100);

/// The hall.
#[derive(Default)]
struct Hall(Count);

impl Hall {
    fn serve(&mut self, system: &mut System, server: Server<Greeting>) {
        while let Some(request) = server.next(system) {
            match request.code() {
                Some(Ask::Greet) => {
                    self.0.greetings = self.0.greetings.saturating_add(1);
                    server.answer(system, &request, Answer::Ok, &[]);
                }
                Some(Ask::Count) => {
                    server.answer(system, &request, Answer::Ok, self.0.as_bytes());
                }
                None => server.answer(system, &request, Answer::NotUnderstood, &[]),
            }
        }
    }
}

impl Partition for Hall {
    fn started(system: &mut System, _: &Start) -> Self {
        let (mut hall, mut from) = (Self::default(), 0);
        while let Some(server) = system.next_server::<Greeting>(&mut from) {
            hall.0.clients = hall.0.clients.saturating_add(1);
            hall.serve(system, server);
        }
        hall
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if let Some(server) = system.server_of(signal) {
            self.serve(system, server);
        }
    }

    fn client_joined(&mut self, _: &mut System, _: Signal) {
        self.0.clients = self.0.clients.saturating_add(1);
        self.0.joined = self.0.joined.saturating_add(1);
    }

    fn client_left(&mut self, _: &mut System, _: Signal) {
        self.0.clients = self.0.clients.saturating_sub(1);
        self.0.left = self.0.left.saturating_add(1);
    }
}
