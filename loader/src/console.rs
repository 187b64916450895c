//! Words for people: on the serial port, and on the screen for machines without one.

mod last;
mod pixels;
mod serial;
mod text;

pub use pixels::Pixels;
pub use serial::Serial;
pub use text::Text;

use core::fmt;

/// A screen, as the firmware left it.
#[derive(Debug)]
pub enum Screen {
    /// None known.
    None,
    /// VGA text memory.
    Text(Text),
    /// A linear framebuffer.
    Pixels(Pixels),
}

/// Serial port and screen.
#[derive(Debug)]
pub struct Console {
    serial: Option<Serial>,
    screen: Screen,
}

impl Console {
    /// Writes to both where they exist.
    #[must_use]
    pub fn new(serial: Option<Serial>, screen: Screen) -> Self {
        last::remember(&screen);
        Self { serial, screen }
    }

    /// The console that was made last, for the last words of a loader that failed: its owner does not go on.
    #[must_use]
    pub fn last() -> Self {
        Self { serial: Serial::find(), screen: last::screen() }
    }

    /// Base port of the serial port, 0 for none.
    #[must_use]
    pub fn serial_port(&self) -> u16 {
        self.serial.as_ref().map_or(0, Serial::base)
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(serial) = &mut self.serial {
            text.bytes().for_each(|byte| serial.put(byte));
        }
        for byte in text.bytes() {
            match &mut self.screen {
                Screen::None => {}
                Screen::Text(screen) => screen.put(byte),
                Screen::Pixels(screen) => screen.put(byte),
            }
        }
        Ok(())
    }
}
