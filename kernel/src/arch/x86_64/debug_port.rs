//! The debug port: a serial port, polled, that may be absent.
#![expect(unsafe_code, reason = "a serial port is driven at the base the loader found")]

use core::fmt::{self, Write};
use spin::mutex::{TicketMutex, TicketMutexGuard};
use uart_16550::backend::PioBackend;
use uart_16550::{BaudRate, Config, Uart16550};

/// How often a full transmitter is asked before the port is not waited for any more: longer than a full FIFO takes at 9,600 baud,
/// so that a broken port delays the kernel once and never stops it.
const PATIENCE: u32 = 1_000_000;
/// Nanoseconds for which the rest of what somebody began to write keeps others away, while it could go on: that takes some frames.
const TURN: u64 = 1_000_000_000;

static PORT: TicketMutex<Option<Port>> = TicketMutex::new(None);

/// The serial port, and how often it may still take nothing before it counts as broken.
struct Port {
    uart: Uart16550<PioBackend>,
    patience: u32,
    /// Who has a rest to write, and until when that is waited for.
    turn: (u64, u64),
}

/// Starts to use the serial port at `base`; 0 or a base where nothing answers leaves the debug port mute.
pub fn open(base: u32) {
    *PORT.lock() = u16::try_from(base).ok().filter(|base| *base != 0).and_then(start);
}

fn start(base: u16) -> Option<Port> {
    // SAFETY: the loader found a serial port here; the lock around `PORT` makes the kernel its one writer.
    let mut uart = unsafe { Uart16550::new_port(base) }.ok()?;
    // As the loader has set it, and io-console does.
    uart.init(Config { baud_rate: BaudRate::Baud115200, ..Config::default() }).ok()?;
    Some(Port { uart, patience: PATIENCE, turn: (0, 0) })
}

/// Writes of the bytes of `who` what the port takes at once; how many that was: all of them where there is no port, none while
/// another processor writes, or another one that `runs` has a rest to write.
pub fn offer(bytes: &[u8], who: u64, now: u64, runs: impl FnOnce(u64) -> bool) -> usize {
    let Some(mut place) = PORT.try_lock() else { return 0 };
    let Some(port) = &mut *place else { return bytes.len() };
    let (writer, until) = port.turn;
    if writer != who && now < until && runs(writer) {
        return 0;
    }
    let sent = port.send(bytes);
    let end = if writer == who && now < until { until } else { now + TURN };
    port.turn = (who, if sent == bytes.len() { 0 } else { end });
    sent
}

/// Writes bytes as they are, in one piece.
pub fn write(bytes: &[u8]) {
    send(&mut PORT.lock(), bytes);
}

/// Writes bytes in the middle of whatever this processor did: it may have the port, so that is not waited for without end.
pub fn write_urgently(bytes: &[u8]) {
    let _ = lock_soon().map(|mut port| send(&mut port, bytes));
}

fn lock_soon() -> Option<TicketMutexGuard<'static, Option<Port>>> {
    (0..PATIENCE).find_map(|_| PORT.try_lock())
}

/// Writes bytes of the processor that ends the kernel: all others were stopped, and what it did itself never goes on.
pub fn write_last(bytes: &[u8]) {
    while lock_soon().map(|mut port| send(&mut port, bytes)).is_none() {
        // SAFETY: who has had the port for so long was ended while it had it, and touches it no more.
        unsafe { PORT.force_unlock() };
    }
}

fn send(place: &mut Option<Port>, mut bytes: &[u8]) {
    let Some(port) = place else { return };
    while !bytes.is_empty() {
        bytes = bytes.get(port.send(bytes)..).unwrap_or_default();
    }
}

impl Port {
    /// Writes what the port takes at once. One that took nothing for long enough seems to take everything, until it does again.
    fn send(&mut self, bytes: &[u8]) -> usize {
        let sent = self.uart.send_bytes(bytes);
        self.patience = if sent == 0 { self.patience.saturating_sub(1) } else { PATIENCE };
        if self.patience == 0 { bytes.len() } else { sent }
    }
}

/// The debug port as a target of `write!`.
pub struct DebugPort;

impl Write for DebugPort {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (number, line) in text.split('\n').enumerate() {
            write(if number == 0 { b"" } else { b"\r\n" });
            write(line.as_bytes());
        }
        Ok(())
    }
}

/// Writes a line to the debug port.
macro_rules! report {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        // The debug port never fails: where there is none, nobody reads.
        let _ = writeln!($crate::arch::x86_64::debug_port::DebugPort, $($argument)*);
    }};
}
pub(crate) use report;
