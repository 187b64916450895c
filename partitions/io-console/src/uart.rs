//! Driver of a 16550 serial port, by interrupts: never waits, and every call does a bounded amount of work.
//!
//! Register layout and bits: National Semiconductor PC16550D data sheet, as in the crate `uart_16550`, whose own
//! driver waits in loops for the device; a port that hangs must not hang the consoles.

use uart_16550::spec::FIFO_SIZE;
use uart_16550::spec::registers::{FCR, FifoTriggerLevel, IER, ISR, LCR, LSR, MCR, offsets};

/// The eight registers of the port. A register that cannot be reached reads as `None`.
pub trait Registers {
    /// Reads the register at this offset.
    fn read(&mut self, offset: usize) -> Option<u8>;
    /// Writes the register at this offset.
    fn write(&mut self, offset: usize, value: u8);
    /// Sends bytes for which an empty buffer has room; how many were taken, fewer where somebody else writes.
    fn send(&mut self, bytes: &[u8]) -> usize {
        self.fill(bytes)
    }
    /// Writes bytes into the buffer, which is empty; how many that are.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        bytes.iter().for_each(|&byte| self.write(offsets::DATA, byte));
        bytes.len()
    }
}

/// The bytes that go through the port.
pub trait Traffic {
    /// Takes the next bytes to send in one piece, as many as there are and [`piece`] says; how many that is.
    fn next(&mut self, to: &mut [u8]) -> usize;
    /// Whether there are some.
    fn waiting(&self) -> bool;
    /// A byte was received.
    fn typed(&mut self, byte: u8);
}

/// Rounds of one [`Uart::serve`], each of one byte received or one buffer sent.
const ROUNDS: u32 = 256;
/// Bytes of the longest mark for tools (`kernel/doc/0004`): it starts with [`ESCAPE`] and is sent in one piece.
const MARK: usize = 12;
const _: () = assert!(MARK <= FIFO_SIZE);
/// Starts a sequence for the terminal.
const ESCAPE: u8 = 0x1b;
/// Bits of the identification register that say the buffers are on.
const BUFFERS_ON: u8 = 0xc0;
/// Divisor for 115,200 baud from the usual clock of 1.8432 MHz.
const DIVISOR: [u8; 2] = [1, 0];

/// How many of the bytes that wait go into one piece, of which no more than `most`. Others write between pieces: not into a mark.
#[must_use]
pub fn piece(waiting: &[u8], most: usize) -> usize {
    let waiting = waiting.get(..most).unwrap_or(waiting);
    let last = most.saturating_sub(MARK).saturating_add(1);
    let late = waiting.get(last..).unwrap_or_default();
    let mark = late.iter().position(|byte| *byte == ESCAPE);
    mark.map_or(waiting.len(), |mark| last.saturating_add(mark))
}

/// A serial port that is there.
#[derive(Debug)]
pub struct Uart<R> {
    registers: R,
    enabled: IER,
    /// What is to be sent in one piece, and how many bytes that are.
    piece: [u8; FIFO_SIZE],
    length: usize,
}

impl<R: Registers> Uart<R> {
    /// Finds the port and sets it up: 115,200 baud, 8 bits, no parity, one stop bit, buffers on. `None` where nothing answers.
    pub fn find(registers: R) -> Option<Self> {
        let (enabled, piece) = (IER::empty(), [0; FIFO_SIZE]);
        let mut uart = Self { registers, enabled, piece, length: 0 };
        if !uart.answers() {
            return None;
        }
        uart.set_up();
        Some(uart)
    }

    /// The scratch register keeps what is written; a bus with nothing on it does not.
    fn answers(&mut self) -> bool {
        let kept = |pattern: u8| {
            self.registers.write(offsets::SPR, pattern);
            self.registers.read(offsets::SPR) == Some(pattern)
        };
        [0x5a, 0xa5].into_iter().all(kept) && self.status() != LSR::all()
    }

    /// A port that stands as wanted is left as it is: a life before this one, or the kernel, may still have bytes in its
    /// buffer, and what was typed meanwhile waits there.
    fn set_up(&mut self) {
        let eight_bits = LCR::WORD_LENGTH0 | LCR::WORD_LENGTH1;
        let ready = MCR::DTR | MCR::RTS | MCR::OUT_2_INT_ENABLE;
        if !self.stands(eight_bits, ready) {
            let [low, high] = DIVISOR;
            let fifos = FCR::FIFO_ENABLE.set_fifo_trigger_level(FifoTriggerLevel::Eight);
            let steps = [
                (offsets::LCR, 0),
                (offsets::IER, 0),
                (offsets::LCR, LCR::DLAB.bits()),
                (offsets::DLL, low),
                (offsets::DLM, high),
                (offsets::LCR, eight_bits.bits()),
                (offsets::FCR, fifos.bits()),
                (offsets::MCR, ready.bits()),
            ];
            steps.into_iter().for_each(|(offset, value)| self.registers.write(offset, value));
        }
        // Down first: what a former life enabled brings its edge again.
        self.enable(IER::empty());
        self.enable(IER::DATA_READY | IER::RECEIVER_LINE_STATUS);
    }

    /// Whether the line and the modem signals are as wanted, and the buffers on.
    fn stands(&mut self, line: LCR, modem: MCR) -> bool {
        let mut reads = |offset| self.registers.read(offset).unwrap_or(0);
        reads(offsets::LCR) == line.bits()
            && reads(offsets::MCR) == modem.bits()
            && reads(offsets::ISR) & BUFFERS_ON == BUFFERS_ON
    }

    /// Receives what came and sends what there is room for. To be called on every interrupt, after it was
    /// acknowledged, and whenever there is something new to send.
    pub fn serve(&mut self, traffic: &mut dyn Traffic) {
        for _ in 0..ROUNDS {
            let status = self.status();
            if self.receive(status, traffic) | self.send(status, traffic) {
                continue;
            }
            self.ask_for_interrupts(traffic.waiting() || self.keeps());
            if self.quiet() {
                return;
            }
        }
        // There is more than one call may do: the line goes down and up, so that an edge brings the next.
        self.enable(IER::empty());
        self.ask_for_interrupts(traffic.waiting() || self.keeps());
    }

    fn receive(&mut self, status: LSR, traffic: &mut dyn Traffic) -> bool {
        let ready = status.contains(LSR::DATA_READY);
        if ready && let Some(byte) = self.registers.read(offsets::DATA) {
            traffic.typed(byte);
        }
        ready
    }

    /// Whether it holds bytes that others, who wrote at the same time, kept from being sent.
    pub const fn keeps(&self) -> bool {
        self.length != 0
    }

    /// Fills the transmitter's buffer, if it is empty. Meanwhile the port does not ask for more: one that sends at once, as
    /// emulated ones do, would interrupt for each byte.
    fn send(&mut self, status: LSR, traffic: &mut dyn Traffic) -> bool {
        let more = traffic.waiting() || self.keeps();
        if !more || !status.contains(LSR::THR_EMPTY) {
            return false;
        }
        self.ask_for_interrupts(false);
        if !self.keeps() {
            self.length = traffic.next(&mut self.piece).min(FIFO_SIZE);
        }
        let sent = self.registers.send(self.piece.get(..self.length).unwrap_or(&[]));
        self.piece.rotate_left(sent.min(FIFO_SIZE));
        self.length = self.length.saturating_sub(sent);
        sent != 0
    }

    /// An empty transmitter is news only while there is something to send.
    fn ask_for_interrupts(&mut self, sending: bool) {
        let mut wanted = IER::DATA_READY | IER::RECEIVER_LINE_STATUS;
        wanted.set(IER::THR_EMPTY, sending);
        if wanted != self.enabled {
            self.enable(wanted);
        }
    }

    /// Whether the port asks for nothing any more. Reading this register is what answers an empty transmitter.
    fn quiet(&mut self) -> bool {
        let asks = self.registers.read(offsets::ISR).map(ISR::from_bits_retain);
        asks.is_none_or(|asks| asks.contains(ISR::INTERRUPT_STATUS))
    }

    fn enable(&mut self, interrupts: IER) {
        self.enabled = interrupts;
        self.registers.write(offsets::IER, interrupts.bits());
    }

    /// The line status; of a port that is gone: nothing received, no room.
    fn status(&mut self) -> LSR {
        LSR::from_bits_retain(self.registers.read(offsets::LSR).unwrap_or(0))
    }
}
