//! The debug port: a serial port, polled, that may be absent.
#![expect(unsafe_code, reason = "a serial port is driven at the base the loader found")]

use core::fmt::{self, Write};
use core::hint::spin_loop;
use spin::mutex::TicketMutex;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550};

/// How often a full transmitter is asked before the byte is given up: longer than a byte takes at
/// 9,600 baud, so that a broken port delays the kernel but never stops it.
const PATIENCE: u32 = 20_000;

static PORT: TicketMutex<Option<Uart16550<PioBackend>>> = TicketMutex::new(None);

/// Starts to use the serial port at `base`; 0 or a base where nothing answers leaves the debug port mute.
pub fn open(base: u32) {
    *PORT.lock() = u16::try_from(base).ok().filter(|base| *base != 0).and_then(start);
}

fn start(base: u16) -> Option<Uart16550<PioBackend>> {
    // SAFETY: the loader found a serial port here; the lock around `PORT` makes the kernel its one user.
    let mut port = unsafe { Uart16550::new_port(base) }.ok()?;
    port.init(Config::default()).ok()?;
    Some(port)
}

/// Writes bytes as they are.
pub fn write(bytes: &[u8]) {
    if let Some(port) = PORT.lock().as_mut() {
        send(port, bytes);
    }
}

/// Writes bytes of a processor that panics: does not wait for a lock that its holder may never release.
pub fn write_urgently(bytes: &[u8]) {
    for _ in 0..PATIENCE {
        if let Some(mut port) = PORT.try_lock() {
            if let Some(port) = port.as_mut() {
                send(port, bytes);
            }
            return;
        }
        spin_loop();
    }
}

fn send(port: &mut Uart16550<PioBackend>, bytes: &[u8]) {
    let mut rest = bytes;
    let mut patience = PATIENCE;
    while !rest.is_empty() && patience > 0 {
        match port.send_bytes(rest) {
            0 => patience -= 1,
            sent => {
                rest = rest.get(sent..).unwrap_or_default();
                patience = PATIENCE;
            }
        }
    }
}

/// The debug port as a target of `write!`.
pub struct DebugPort;

impl Write for DebugPort {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(line) => {
                    write(line.as_bytes());
                    write(b"\r\n");
                }
                None => write(piece.as_bytes()),
            }
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
