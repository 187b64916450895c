//! A 16550 in software, after its data sheet, with the line to an edge-triggered interrupt controller.

use crate::uart::{Registers, Traffic, Uart, piece};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Default)]
pub struct Chip {
    scratch: u8,
    interrupts: u8,
    line_control: u8,
    modem_control: u8,
    buffers: bool,
    divisor: [u8; 2],
    /// "The transmitter became empty" was not yet answered by a read of the identification register.
    empty_news: bool,
    pub received: VecDeque<u8>,
    sending: VecDeque<u8>,
    pub sent: Vec<u8>,
    /// Level of the interrupt line, and rising edges not yet served.
    line: bool,
    pub edges: usize,
    pub overrun: usize,
    /// Sends at once, as emulators do.
    pub instant: bool,
}

impl Chip {
    fn identification(&self) -> u8 {
        if self.interrupts & 1 != 0 && !self.received.is_empty() {
            4
        } else if self.interrupts & 2 != 0 && self.empty_news {
            2
        } else {
            1
        }
    }

    /// The line follows what is pending; OUT2 gates it.
    fn update(&mut self) {
        let line = self.identification() != 1 && self.modem_control & 8 != 0;
        self.edges += usize::from(line && !self.line);
        self.line = line;
    }

    /// The shift register takes some bytes.
    pub fn transmit(&mut self, count: usize) {
        for byte in self.sending.drain(..count.min(self.sending.len())) {
            self.sent.push(byte);
            self.empty_news = true;
        }
        if !self.sending.is_empty() {
            self.empty_news = false;
        }
        self.update();
    }

    pub fn receive(&mut self, byte: u8) {
        match self.received.len() {
            16 => self.overrun += 1,
            _ => self.received.push_back(byte),
        }
        self.update();
    }

    /// Turned on or off, both buffers are emptied; else each where its bit says so.
    fn control_buffers(&mut self, value: u8) {
        let on = value & 1 != 0;
        if on != self.buffers || value & 2 != 0 {
            self.received.clear();
        }
        if on != self.buffers || value & 4 != 0 {
            self.sending.clear();
        }
        self.buffers = on;
    }

    fn read(&mut self, offset: usize) -> u8 {
        let value = match offset {
            0 => self.received.pop_front().unwrap_or(0),
            1 => self.interrupts,
            2 => self.identification() | if self.buffers { 0xc0 } else { 0 },
            3 => self.line_control,
            4 => self.modem_control,
            5 => {
                let empty = if self.sending.is_empty() { 0x60 } else { 0 };
                empty | u8::from(!self.received.is_empty())
            }
            7 => self.scratch,
            _ => 0,
        };
        if offset == 2 && value & 0xf == 2 {
            self.empty_news = false;
        }
        self.update();
        value
    }

    fn write(&mut self, offset: usize, value: u8) {
        match offset {
            0 | 1 if self.line_control & 0x80 != 0 => self.divisor[offset] = value,
            0 => {
                assert!(self.sending.len() < 16, "the buffer overflows");
                self.sending.push_back(value);
                self.empty_news = false;
                self.update();
                if self.instant {
                    self.transmit(1);
                }
            }
            1 => {
                // Enabling it while the transmitter is empty is news as well.
                self.empty_news |= value & !self.interrupts & 2 != 0 && self.sending.is_empty();
                self.interrupts = value;
            }
            2 => self.control_buffers(value),
            3 => self.line_control = value,
            4 => self.modem_control = value,
            7 => self.scratch = value,
            _ => {}
        }
        self.update();
    }
}

#[derive(Clone, Default)]
pub struct Wires(pub Rc<RefCell<Chip>>);

impl Registers for Wires {
    fn read(&mut self, offset: usize) -> Option<u8> {
        Some(self.0.borrow_mut().read(offset))
    }
    fn write(&mut self, offset: usize, value: u8) {
        self.0.borrow_mut().write(offset, value);
    }
}

/// The same port with another writer beside: by turns the bytes are refused, because that one is about to write, has written, or has
/// all that fits.
#[derive(Clone, Default)]
struct Contended {
    wires: Wires,
    turns: Rc<RefCell<VecDeque<u8>>>,
}

/// What the other one writes.
const OTHER: &[u8; 16] = b"(the other line)";

impl Registers for Contended {
    fn read(&mut self, offset: usize) -> Option<u8> {
        self.wires.read(offset)
    }
    fn write(&mut self, offset: usize, value: u8) {
        assert_ne!(offset, 0, "there is one writer");
        self.wires.write(offset, value);
    }
    fn send(&mut self, bytes: &[u8]) -> usize {
        let turn = self.turns.borrow_mut().pop_front().unwrap_or(0);
        match turn % 4 {
            1 => 0,
            2 => {
                self.wires.fill(OTHER);
                0
            }
            3 => self.wires.fill(&bytes[..bytes.len().min(1)]),
            _ => self.wires.fill(bytes),
        }
    }
}

/// A bus with nothing on it: every read gives the same.
struct Nothing(Option<u8>);

impl Registers for Nothing {
    fn read(&mut self, _: usize) -> Option<u8> {
        self.0
    }
    fn write(&mut self, _: usize, _: u8) {}
}

#[derive(Default)]
struct Bytes {
    out: VecDeque<u8>,
    typed: Vec<u8>,
}

impl Traffic for Bytes {
    fn next(&mut self, to: &mut [u8]) -> usize {
        let count = piece(self.out.make_contiguous(), to.len());
        to.iter_mut().zip(self.out.drain(..count)).map(|(to, byte)| *to = byte).count()
    }
    fn waiting(&self) -> bool {
        !self.out.is_empty()
    }
    fn typed(&mut self, byte: u8) {
        self.typed.push(byte);
    }
}

#[test]
fn a_port_that_is_not_there_is_noticed() {
    assert!(
        [None, Some(0xff), Some(0)].into_iter().all(|value| Uart::find(Nothing(value)).is_none())
    );
}

#[test]
fn it_is_set_up_as_terminals_expect() {
    let wires = Wires::default();
    let _uart = Uart::find(wires.clone()).expect("a port");
    let chip = wires.0.borrow();
    assert_eq!((chip.divisor, chip.line_control, chip.modem_control), ([1, 0], 3, 0xb));
    assert_eq!(chip.interrupts, 5, "received bytes and errors, nothing to send yet");
}

#[test]
fn the_next_life_loses_nothing_of_what_the_port_holds() {
    let wires = Wires::default();
    let mut uart = Uart::find(wires.clone()).expect("a port");
    let mut bytes = Bytes { out: b"last words".iter().copied().collect(), ..Bytes::default() };
    uart.serve(&mut bytes);
    wires.0.borrow_mut().receive(b'x');
    wires.0.borrow_mut().edges = 0;
    drop(uart);
    let mut uart = Uart::find(wires.clone()).expect("a port");
    assert_eq!(wires.0.borrow().edges, 1, "what was typed between the lives is announced");
    uart.serve(&mut bytes);
    wires.0.borrow_mut().transmit(16);
    assert_eq!(
        (bytes.typed.as_slice(), wires.0.borrow().sent.as_slice()),
        (b"x".as_slice(), b"last words".as_slice())
    );
    // One that died in the middle of it leaves a line that is set up anew.
    wires.0.borrow_mut().line_control = 0x80;
    let _uart = Uart::find(wires.clone()).expect("a port");
    assert_eq!((wires.0.borrow().line_control, wires.0.borrow().divisor), (3, [1, 0]));
}

#[test]
fn a_port_that_never_stops_receiving_is_left_after_a_while() {
    /// Found and set up, it receives for ever.
    struct Flood(u8);
    impl Registers for Flood {
        fn read(&mut self, offset: usize) -> Option<u8> {
            Some(match offset {
                5 => 0x61,
                7 => self.0,
                _ => 0x04,
            })
        }
        fn write(&mut self, offset: usize, value: u8) {
            if offset == 7 {
                self.0 = value;
            }
        }
    }
    let mut uart = Uart::find(Flood(0)).expect("a port");
    let mut bytes = Bytes::default();
    uart.serve(&mut bytes);
    assert_eq!(bytes.typed.len(), 256);
}

impl Bytes {
    /// Serves as long as the controller reports edges, and as often as real interrupts can come.
    fn interrupts(&mut self, uart: &mut Uart<Wires>, wires: &Wires) {
        while core::mem::take(&mut wires.0.borrow_mut().edges) > 0 {
            uart.serve(self);
        }
    }
}

proptest! {
    /// Served on edges only, with the transmitter as slow as it likes, all bytes arrive in order and none is stuck.
    #[test]
    fn no_byte_is_lost_or_stuck(
        steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), 0_usize..20, prop::collection::vec(any::<u8>(), 0..8)), 1..40),
        instant in any::<bool>(),
    ) {
        let wires = Wires::default();
        let mut uart = Uart::find(wires.clone()).expect("a port");
        wires.0.borrow_mut().instant = instant;
        let mut bytes = Bytes::default();
        let (mut written, mut typed) = (Vec::new(), Vec::new());
        for (out, shifted, keys) in steps {
            written.extend_from_slice(&out);
            bytes.out.extend(out);
            uart.serve(&mut bytes);
            for key in keys {
                typed.push(key);
                wires.0.borrow_mut().receive(key);
            }
            wires.0.borrow_mut().transmit(shifted);
            bytes.interrupts(&mut uart, &wires);
        }
        while !wires.0.borrow().sending.is_empty() {
            wires.0.borrow_mut().transmit(16);
            bytes.interrupts(&mut uart, &wires);
        }
        prop_assert_eq!(&wires.0.borrow().sent, &written);
        prop_assert_eq!((bytes.typed, bytes.out.len()), (typed, 0));
        prop_assert_eq!(wires.0.borrow().interrupts, 5, "asks for nothing when there is nothing to send");
    }
}

proptest! {
    /// Whoever writes beside it, all bytes arrive in order: on edges, and where none comes, when the timer does.
    #[test]
    fn another_writer_costs_no_byte(
        out in prop::collection::vec(b'a'..=b'z', 1..200),
        turns in prop::collection::vec(any::<u8>(), 0..60),
        instant in any::<bool>(),
    ) {
        let turns = Rc::new(RefCell::new(VecDeque::from(turns)));
        let port = Contended { turns, ..Contended::default() };
        let wires = port.wires.clone();
        wires.0.borrow_mut().instant = instant;
        // Set up by the kernel, which writes as well.
        (wires.0.borrow_mut().line_control, wires.0.borrow_mut().modem_control) = (3, 0xb);
        wires.0.borrow_mut().control_buffers(1);
        let mut uart = Uart::find(port).expect("a port");
        let mut bytes = Bytes { out: out.iter().copied().collect(), ..Bytes::default() };
        let mut timers = 0;
        while bytes.waiting() || uart.keeps() {
            uart.serve(&mut bytes);
            wires.0.borrow_mut().transmit(16);
            while core::mem::take(&mut wires.0.borrow_mut().edges) > 0 {
                uart.serve(&mut bytes);
                wires.0.borrow_mut().transmit(16);
            }
            timers += 1;
        }
        prop_assert!(timers <= 61, "each refusal costs one timer at most, not {timers}");
        let sent = String::from_utf8(wires.0.borrow().sent.clone()).unwrap();
        let own = sent.replace(std::str::from_utf8(OTHER).unwrap(), "");
        prop_assert_eq!(own.as_bytes(), out.as_slice());
    }
}

/// Others may write whenever the port's buffer is empty: what they write must not come into a mark.
#[test]
fn a_mark_is_sent_in_one_piece() {
    let mark = b"\x1b]133;D;127\x07";
    for before in 0..40 {
        let wires = Wires::default();
        let mut uart = Uart::find(wires.clone()).expect("a port");
        let mut bytes = Bytes::default();
        bytes
            .out
            .extend([vec![b'x'; before], mark.to_vec(), b"\x1b]133;A\x07> ".to_vec()].concat());
        let mut pieces = Vec::new();
        while !bytes.out.is_empty() {
            uart.serve(&mut bytes);
            let piece = wires.0.borrow().sending.clone();
            pieces.push(piece.into_iter().collect::<Vec<u8>>());
            wires.0.borrow_mut().transmit(16);
        }
        let whole = |piece: &Vec<u8>| piece.windows(mark.len()).any(|part| part == mark);
        assert!(pieces.iter().any(whole), "{before} bytes before the mark: {pieces:?}");
    }
}

#[test]
fn much_output_at_once_is_sent_by_an_instant_port_over_several_interrupts() {
    let wires = Wires::default();
    let mut uart = Uart::find(wires.clone()).expect("a port");
    wires.0.borrow_mut().instant = true;
    let mut bytes = Bytes { out: vec![b'x'; 20_000].into(), typed: Vec::new() };
    uart.serve(&mut bytes);
    assert!(!bytes.out.is_empty(), "one call is bounded");
    while core::mem::take(&mut wires.0.borrow_mut().edges) > 0 {
        uart.serve(&mut bytes);
        assert!(wires.0.borrow().edges <= 1, "it interrupts once more, not for each byte");
    }
    assert_eq!(wires.0.borrow().sent.len(), 20_000);
}
