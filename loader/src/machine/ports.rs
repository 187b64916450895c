//! I/O ports.
#![expect(unsafe_code, reason = "port input and output")]

/// Reads a byte.
///
/// # Safety
/// Reading the port has no effect on memory or on what the firmware still uses.
#[must_use]
pub unsafe fn read(port: u16) -> u8 {
    // SAFETY: in ring 0; harmless by the contract of this function.
    unsafe { x86::io::inb(port) }
}

/// Writes a byte.
///
/// # Safety
/// Writing to the port has no effect on memory or on what the firmware still uses.
pub unsafe fn write(port: u16, value: u8) {
    // SAFETY: in ring 0; harmless by the contract of this function.
    unsafe { x86::io::outb(port, value) };
}
