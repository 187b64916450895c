//! The partition: serial port, screen, keyboard, interrupts and channels joined to the consoles.

use crate::consoles::{Asked, Clients, Consoles, Line};
use crate::hardware::{Display, KeyboardPorts, Port};
use crate::keyboard::Keyboard;
use crate::screen::Screen;
use crate::uart::{Traffic, Uart};
use abi::image::name_text;
use abi::message::console::ConsoleStatus;
use alloc::vec::Vec;
use rt::protocol::Console;
use rt::{Interrupt, Owed, Partition, Server, Signal, Start, System, Timer};

/// Requests of one client served before the others get their turn.
const BATCH: usize = 32;
/// Bytes that are taken at a time where there is no port.
const ROOM: usize = 64;
/// How often the port is looked at while it owes an interrupt, or has none.
const LOOK_AGAIN: abi::types::Nanoseconds = rt::time::milliseconds(20);

/// Channels by the place of their console; `None` where a channel was taken away.
type Channels = Vec<Option<Server<Console>>>;

struct Answers<'a> {
    system: &'a mut System,
    channels: &'a Channels,
}

impl Clients for Answers<'_> {
    type Ticket = Owed;
    fn answer(&mut self, place: usize, ticket: Owed, status: ConsoleStatus, bytes: &[u8]) {
        if let Some(Some(channel)) = self.channels.get(place) {
            channel.answer_owed(self.system, ticket, status, bytes);
        }
    }
}

/// The line as the serial port sees it; the screen shows what is sent.
struct Both<'a, T> {
    line: T,
    screen: Option<&'a mut Screen<Display>>,
}

impl<T: Traffic> Traffic for Both<'_, T> {
    fn next(&mut self, to: &mut [u8]) -> usize {
        let count = self.line.next(to);
        let sent = to.get(..count).unwrap_or_default();
        if let Some(screen) = &mut self.screen {
            screen.show(sent);
        }
        count
    }

    fn waiting(&self) -> bool {
        self.line.waiting()
    }

    fn typed(&mut self, byte: u8) {
        self.line.typed(byte);
    }
}

/// The console service.
pub struct Main {
    uart: Option<Uart<Port>>,
    interrupt: Option<Interrupt>,
    screen: Option<Screen<Display>>,
    keyboard: Option<Keyboard<KeyboardPorts>>,
    keys: Option<Interrupt>,
    consoles: Consoles<Owed>,
    channels: Channels,
    timer: Option<Timer>,
}

impl Main {
    fn open(&mut self, system: &mut System, channel: Server<Console>) {
        let Some(about) = channel.about(system) else { return };
        let operator = name_text(&about.name) == "operator";
        match self.channels.iter_mut().enumerate().find(|(_, place)| place.is_none()) {
            Some((place, free)) if !operator => {
                *free = Some(channel);
                self.consoles.forget(place, about.peer);
            }
            _ => {
                self.consoles.add(about.peer, operator);
                self.channels.push(Some(channel));
            }
        }
    }

    /// Serves what one client asked, as far as the terminal can take it.
    fn serve_client(&mut self, system: &mut System, place: usize) {
        let Some(Some(channel)) = self.channels.get(place).copied() else { return };
        for _ in 0..BATCH {
            if !self.consoles.may_take(place) {
                return;
            }
            let Some(request) = channel.next(system) else { return };
            let asked =
                Asked { ticket: request.owed(), code: request.code(), bytes: request.bytes() };
            let mut clients = Answers { system, channels: &self.channels };
            self.consoles.request(&mut clients, place, &asked);
        }
    }

    fn serve_port(&mut self, system: &mut System) {
        let mut clients = Answers { system, channels: &self.channels };
        let line = Line { consoles: &mut self.consoles, clients: &mut clients };
        let mut both = Both { line, screen: self.screen.as_mut() };
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.serve(&mut |byte| both.typed(byte));
        }
        match &mut self.uart {
            Some(uart) => uart.serve(&mut both),
            // Without a serial port the screen, or nobody, takes everything at once.
            None => while both.next(&mut [0; ROOM]) != 0 {},
        }
        let silent = self.uart.is_some() && self.interrupt.is_none()
            || self.keyboard.is_some() && self.keys.is_none();
        // As long as there is more to say, nobody could read it: a look at it now and then will do.
        if !self.consoles.sending() {
            self.draw();
        }
        let keeps = self.uart.as_ref().is_some_and(Uart::keeps);
        if (self.consoles.sending() || keeps || silent) && self.timer.is_none() {
            self.timer = system.after(LOOK_AGAIN);
        }
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.draw();
        }
    }

    /// The port has moved on: the client it held up can go on as well.
    fn serve_both(&mut self, system: &mut System) {
        self.serve_port(system);
        self.serve_client(system, self.consoles.attached());
        self.serve_port(system);
    }

    fn place_of(&self, signal: Signal) -> Option<usize> {
        self.channels.iter().position(|channel| channel.is_some_and(|channel| signal.is(channel)))
    }
}

impl Partition for Main {
    fn started(system: &mut System, _start: &Start) -> Self {
        let heap = system.information().map_or(0, |information| information.heap);
        let budget = usize::try_from(heap).unwrap_or(0) / 2;
        let mut main = Self {
            uart: Port::serial(system, "uart").and_then(Uart::find),
            interrupt: system.interrupt("uart"),
            screen: Display::granted(system).map(Screen::new),
            keyboard: KeyboardPorts::granted(system).and_then(Keyboard::find),
            keys: system.interrupt("keyboard"),
            consoles: Consoles::new(budget),
            channels: Vec::new(),
            timer: None,
        };
        let mut from = 0;
        while let Some(channel) = system.next_server(&mut from) {
            main.open(system, channel);
        }
        main.serve_port(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if let Some(place) = self.place_of(signal) {
            self.serve_client(system, place);
            return self.serve_port(system);
        }
        // Acknowledged before its device is served: an edge that comes meanwhile is not lost.
        let rang = [self.interrupt, self.keys].into_iter().flatten().find(|&one| signal.is(one));
        if let Some(interrupt) = rang {
            // Its own interrupt: nothing can be wrong with it.
            let _ = interrupt.acknowledge();
        }
        self.serve_both(system);
    }

    fn peer_restarted(&mut self, system: &mut System, signal: Signal) {
        if let Some(place) = self.place_of(signal)
            && let Some(Some(channel)) = self.channels.get(place)
            && let Some(about) = channel.about(system)
        {
            self.consoles.forget(place, about.peer);
        }
    }

    fn client_joined(&mut self, system: &mut System, signal: Signal) {
        if let Some(channel) = system.server_of(signal) {
            self.open(system, channel);
        }
    }

    fn client_left(&mut self, system: &mut System, signal: Signal) {
        if let Some(place) = self.place_of(signal) {
            let mut clients = Answers { system, channels: &self.channels };
            self.consoles.left(&mut clients, place);
            self.channels[place] = None;
        }
    }

    fn deadline(&mut self, system: &mut System, _timer: Timer) {
        self.timer = None;
        self.draw();
        self.serve_both(system);
    }
}
