//! I/O ports.
#![expect(unsafe_code, reason = "port instructions")]

use abi::call::PortOperation;
use x86::io;

/// One access. Reads return the value, writes return 0.
///
/// Safe to call in Rust's sense: ports reach devices, never memory of the kernel's own. Which device may be
/// reached by whom is what port capabilities decide.
pub fn access(port: u16, operation: PortOperation, value: u32) -> u32 {
    let [byte, second, ..] = value.to_le_bytes();
    let word = u16::from_le_bytes([byte, second]);
    match operation {
        PortOperation::In8 => u32::from(read8(port)),
        // SAFETY: a port read; see the function's note.
        PortOperation::In16 => u32::from(unsafe { io::inw(port) }),
        // SAFETY: a port read; see the function's note.
        PortOperation::In32 => unsafe { io::inl(port) },
        PortOperation::Out8 => write(|| write8(port, byte)),
        // SAFETY: a port write; see the function's note.
        PortOperation::Out16 => write(|| unsafe { io::outw(port, word) }),
        // SAFETY: a port write; see the function's note.
        PortOperation::Out32 => write(|| unsafe { io::outl(port, value) }),
    }
}

fn write(action: impl FnOnce()) -> u32 {
    action();
    0
}

/// Reads a byte.
pub fn read8(port: u16) -> u8 {
    // SAFETY: a port read; see `access`.
    unsafe { io::inb(port) }
}

/// Reads four bytes.
pub fn read32(port: u16) -> u32 {
    access(port, PortOperation::In32, 0)
}

/// Writes a byte.
pub fn write8(port: u16, value: u8) {
    // SAFETY: a port write; see `access`.
    unsafe { io::outb(port, value) }
}
