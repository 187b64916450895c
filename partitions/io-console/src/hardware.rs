//! What the manifest grants, as the drivers want it: ports of the serial port and the keyboard, memory of the screens.

use crate::keyboard::Controller;
use crate::pixels::{Letters, Pixels};
use crate::screen::Cells;
use crate::uart::Registers;
use rt::System;
use rt::capability::{Capability, object};

/// A range of ports. One that cannot be reached reads as `None`; what is written there is lost, which reading finds out.
pub struct Port {
    ports: Capability<object::Ports>,
    first: u16,
    /// The debug port, where this is the serial port that the kernel writes to as well: one writer for both.
    debug: Option<Capability<object::Debug>>,
}

impl Port {
    /// The ports granted under this name.
    pub fn granted(system: &System, name: &str) -> Option<Self> {
        system.ports(name).map(|(ports, first)| Self { ports, first, debug: None })
    }

    /// The serial port granted under this name. Where the partition may write to the debug port it is the same one.
    pub fn serial(system: &System, name: &str) -> Option<Self> {
        Some(Self { debug: system.debug(), ..Self::granted(system, name)? })
    }

    fn get(&self, offset: u16) -> Option<u8> {
        self.ports.read(self.first.checked_add(offset)?).ok()
    }

    fn put(&self, offset: u16, value: u8) {
        let _ = self.first.checked_add(offset).map(|port| self.ports.write(port, value));
    }
}

impl Registers for Port {
    fn read(&mut self, offset: usize) -> Option<u8> {
        self.get(u16::try_from(offset).ok()?)
    }

    fn write(&mut self, offset: usize, value: u8) {
        let _ = u16::try_from(offset).map(|offset| self.put(offset, value));
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        let Some(debug) = self.debug else { return self.fill(bytes) };
        debug.offer(bytes).unwrap_or(0)
    }
}

/// The ports of the keyboard controller.
pub struct KeyboardPorts {
    data: Port,
    control: Port,
}

impl KeyboardPorts {
    /// The ports granted.
    pub fn granted(system: &System) -> Option<Self> {
        let data = Port::granted(system, "keyboard-data")?;
        Some(Self { data, control: Port::granted(system, "keyboard-control")? })
    }
}

impl Controller for KeyboardPorts {
    fn data(&mut self) -> Option<u8> {
        self.data.get(0)
    }

    fn status(&mut self) -> Option<u8> {
        self.control.get(0)
    }

    fn put(&mut self, value: u8) {
        self.data.put(0, value);
    }

    fn command(&mut self, value: u8) {
        self.control.put(0, value);
    }
}

/// Index and data of the cursor's place in the VGA's controller (IBM VGA Technical Reference, registers 14 and 15).
const CURSOR_HIGH: u8 = 14;
const CURSOR_LOW: u8 = 15;

/// The text memory of a VGA and the ports of its cursor.
pub struct Vga {
    memory: rt::Device,
    controller: Option<Port>,
}

impl Vga {
    /// Memory and ports granted; `None` where no memory answers.
    pub fn granted(system: &System) -> Option<Self> {
        let memory = system.device("screen")?;
        let kept = |pattern: u16| {
            memory.write16(0, pattern);
            memory.read16(0) == pattern
        };
        let there = [0x0755, 0x07aa].into_iter().all(kept);
        there.then(|| Self { memory, controller: Port::granted(system, "screen-cursor") })
    }
}

impl Cells for Vga {
    fn set(&mut self, place: usize, cell: u16) {
        self.memory.write16(place.saturating_mul(2), cell);
    }

    fn cursor(&mut self, place: usize) {
        let Some(controller) = &self.controller else { return };
        let [high, low] = u16::try_from(place).unwrap_or(0).to_be_bytes();
        for (register, value) in [(CURSOR_HIGH, high), (CURSOR_LOW, low)] {
            controller.put(0, register);
            controller.put(1, value);
        }
    }
}

/// Bits of a pixel that can be written.
const DEPTHS: [u32; 2] = [24, 32];

/// The firmware's framebuffer.
pub struct Framebuffer {
    memory: rt::Device,
    size: (usize, usize),
    pitch: usize,
    bytes: usize,
}

impl Framebuffer {
    /// The framebuffer granted; `None` for none, or one of pixels unknown.
    pub fn granted(system: &System) -> Option<Self> {
        let rt::Framebuffer { memory, width, height, pitch, depth } =
            system.framebuffer("framebuffer").filter(|one| DEPTHS.contains(&one.depth))?;
        let number = |value: u32| usize::try_from(value).ok();
        let (pitch, bytes) = (number(pitch)?, number(depth / 8)?);
        let lines = memory.length().checked_div(pitch)?.min(number(height)?);
        let width = number(width)?.min(pitch.checked_div(bytes)?);
        Some(Self { memory, size: (width, lines), pitch, bytes })
    }
}

impl Pixels for Framebuffer {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fill(&mut self, line: usize, from: usize, count: usize, light: u8) {
        let start = line.saturating_mul(self.pitch).saturating_add(from.saturating_mul(self.bytes));
        let end = start.saturating_add(count.saturating_mul(self.bytes));
        // All bytes are the same, so four at once are right for pixels of three bytes as well.
        let first = start.next_multiple_of(4).min(end);
        let last = end & !3;
        (start..first).for_each(|place| self.memory.write8(place, light));
        let word = u32::from_ne_bytes([light; 4]);
        (first..last).step_by(4).for_each(|place| self.memory.write32(place, word));
        (last.max(first)..end).for_each(|place| self.memory.write8(place, light));
    }
}

/// Whatever shows text.
pub enum Display {
    /// The text mode that a BIOS leaves.
    Text(Vga),
    /// What UEFI leaves.
    Pixels(Letters<Framebuffer>),
}

impl Display {
    /// The screen granted: the framebuffer where there is one, for text memory may answer beside it without being seen.
    pub fn granted(system: &System) -> Option<Self> {
        let letters = Framebuffer::granted(system).and_then(Letters::new);
        letters.map(Self::Pixels).or_else(|| Vga::granted(system).map(Self::Text))
    }
}

impl Cells for Display {
    fn set(&mut self, place: usize, cell: u16) {
        match self {
            Self::Text(vga) => vga.set(place, cell),
            Self::Pixels(letters) => letters.set(place, cell),
        }
    }

    fn cursor(&mut self, place: usize) {
        match self {
            Self::Text(vga) => vga.cursor(place),
            Self::Pixels(letters) => letters.cursor(place),
        }
    }
}
