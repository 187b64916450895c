//! A peer without manners: asks and answers whatever comes to its mind, on any channel of kind custom.

use crate::channel::{Client, LONGEST, Server};
use crate::protocol::{Code, Protocol};
use crate::run::{Partition, Start};
use crate::signal::Signal;
use crate::system::System;
use abi::channel::ChannelKind;

/// A number on the wire, whatever it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number(u16);

impl Code for Number {
    fn code(self) -> u16 {
        self.0
    }
    fn from_code(code: u16) -> Option<Self> {
        Some(Self(code))
    }
}

/// What noise is spoken in.
#[derive(Clone, Copy, Debug)]
pub enum Raw {}

impl Protocol for Raw {
    const KINDS: &'static [ChannelKind] = &[ChannelKind::Custom];
    type Request = Number;
    type Status = Number;
}

/// The name of the channel on which noise asks. All that it serves it answers.
pub const NOISE: &str = "noise";

/// The peer. [`Noise::ask`] asks once, answers come by themselves.
#[derive(Debug)]
pub struct Noise {
    state: u64,
    ask: Client<Raw>,
    /// Requests and answers that it sent.
    pub said: u64,
}

impl Noise {
    /// Asks for anything.
    pub fn ask(&mut self, system: &mut System) {
        let (code, bytes, length) = self.anything();
        self.scribble(|at, bytes| self.ask.write_data(system, at, bytes));
        let bytes = &bytes[..length];
        self.said += u64::from(self.ask.send(system, Number(code), bytes).is_ok());
    }

    /// A small number or any, and bytes that are zeros, ones or anything, of any length.
    fn anything(&mut self) -> (u16, [u8; LONGEST], usize) {
        let mut bytes = [0; LONGEST];
        let kind = self.next() % 4;
        for byte in &mut bytes {
            *byte = match kind {
                0 => 0,
                1 => u8::MAX,
                _ => self.next() as u8,
            };
        }
        let sound = [0, 4, 8, 16, LONGEST][self.next() as usize % 5];
        let length = match self.next() % 4 {
            0 => self.next() as usize % LONGEST,
            _ => sound,
        };
        let code = match self.next() % 4 {
            0 => self.next(),
            _ => self.next() % 4,
        };
        (code as u16, bytes, length)
    }

    fn scribble(&self, write: impl FnOnce(usize, &[u8]) -> bool) {
        let _ = write(self.state as usize % 4096, &self.state.to_le_bytes());
    }

    /// The next number of a sequence without an end (Marsaglia's xorshift).
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn answer(&mut self, system: &mut System, server: Server<Raw>) {
        while let Some(request) = server.next(system) {
            let (code, bytes, length) = self.anything();
            self.scribble(|at, bytes| server.write_data(system, at, bytes));
            server.answer(system, &request, Number(code), &bytes[..length]);
            self.said += 1;
        }
    }
}

impl Partition for Noise {
    fn started(system: &mut System, start: &Start) -> Self {
        let state = 0x9e37_79b9_7f4a_7c15 ^ u64::from(start.starts);
        Self { state, ask: system.client(NOISE).unwrap_or_default(), said: 0 }
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        while self.ask.next(system).is_some() {}
        if let Some(server) = system.server_of(signal) {
            self.answer(system, server);
        }
    }
}
