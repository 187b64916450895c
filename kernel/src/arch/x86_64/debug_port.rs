//! The debug port: a serial port, polled, that may be absent.
#![expect(unsafe_code, reason = "a serial port is driven at the base the loader found")]

use core::fmt::{self, Write};
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, Ordering};
use spin::mutex::TicketMutex;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550};

/// How often a full transmitter is asked before the port is given up: longer than a full FIFO takes at
/// 9,600 baud, so that a broken port delays the kernel once and never stops it.
const PATIENCE: u32 = 1_000_000;

/// Set once somebody waited for the port in vain.
static STUCK: AtomicBool = AtomicBool::new(false);
static PORT: TicketMutex<Option<Port>> = TicketMutex::new(None);

/// The serial port, and how often it may still take nothing before it counts as broken.
struct Port {
    uart: Uart16550<PioBackend>,
    patience: u32,
}

/// Starts to use the serial port at `base`; 0 or a base where nothing answers leaves the debug port mute.
pub fn open(base: u32) {
    *PORT.lock() = u16::try_from(base).ok().filter(|base| *base != 0).and_then(start);
}

fn start(base: u16) -> Option<Port> {
    // SAFETY: the loader found a serial port here; the lock around `PORT` makes the kernel its one user.
    let mut uart = unsafe { Uart16550::new_port(base) }.ok()?;
    uart.init(Config::default()).ok()?;
    Some(Port { uart, patience: PATIENCE })
}

/// Writes what the port takes at once; how many bytes that was: all of them where there is no port, none while another
/// processor writes.
pub fn offer(bytes: &[u8]) -> usize {
    PORT.try_lock().map_or(0, |mut port| send_some(&mut port, bytes))
}

/// Writes bytes as they are, in one piece.
pub fn write(bytes: &[u8]) {
    send(&mut PORT.lock(), bytes);
}

/// Writes bytes of a processor that panics: does not wait for a lock that its holder may never release.
pub fn write_urgently(bytes: &[u8]) {
    let patience = if STUCK.load(Ordering::Relaxed) { 1 } else { PATIENCE };
    for _ in 0..patience {
        if let Some(mut port) = PORT.try_lock() {
            return send(&mut port, bytes);
        }
        spin_loop();
    }
    STUCK.store(true, Ordering::Relaxed);
}

fn send(place: &mut Option<Port>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        bytes = bytes.get(send_some(place, bytes)..).unwrap_or_default();
    }
}

fn send_some(place: &mut Option<Port>, bytes: &[u8]) -> usize {
    let Some(port) = place else { return bytes.len() };
    let sent = port.uart.send_bytes(bytes);
    port.patience = if sent == 0 { port.patience - 1 } else { PATIENCE };
    if port.patience == 0 {
        *place = None;
    }
    sent
}

/// The debug port as a target of `write!`.
pub struct DebugPort;

impl Write for DebugPort {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive('\n') {
            let line = piece.strip_suffix('\n');
            write(line.unwrap_or(piece).as_bytes());
            if line.is_some() {
                write(b"\r\n");
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
