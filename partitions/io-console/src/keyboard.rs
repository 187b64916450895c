//! A PS/2 keyboard behind the i8042 controller, with the American layout; what its keys mean in a terminal.
//!
//! Controller: IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device Controller". It translates to
//! scan code set 1. Nothing waits without bound.

use pc_keyboard::layouts::Us104Key;
use pc_keyboard::{DecodedKey, HandleControl, KeyCode, ScancodeSet1};

/// The two ports of the controller. A port that cannot be reached reads as `None`.
pub trait Controller {
    /// What the keyboard sent (port 0x60).
    fn data(&mut self) -> Option<u8>;
    /// The state (port 0x64).
    fn status(&mut self) -> Option<u8>;
    /// To the keyboard or as an argument (port 0x60).
    fn put(&mut self, value: u8);
    /// A command to the controller (port 0x64).
    fn command(&mut self, value: u8);
}

/// State: something can be read; the controller is busy; it came from the mouse.
const FULL: u8 = 1 << 0;
const BUSY: u8 = 1 << 1;
const MOUSE: u8 = 1 << 5;
/// Commands: read and write the configuration, enable the keyboard.
const READ_CONFIGURATION: u8 = 0x20;
const WRITE_CONFIGURATION: u8 = 0x60;
const ENABLE: u8 = 0xae;
/// Configuration: interrupt of the keyboard, its clock off, translation.
const INTERRUPT: u8 = 1 << 0;
const CLOCK_OFF: u8 = 1 << 4;
const TRANSLATE: u8 = 1 << 6;
/// Looks at the state before the controller is taken for dead.
const PATIENCE: usize = 2000;
/// The letter that the layout gives the key Delete.
const DELETE: char = '\x7f';
/// Bytes read at once.
const BATCH: usize = 32;

/// A keyboard that is there.
pub struct Keyboard<C> {
    controller: C,
    keys: pc_keyboard::Keyboard<Us104Key, ScancodeSet1>,
}

impl<C: Controller> Keyboard<C> {
    /// Finds the controller and switches on the keyboard and its interrupt. `None` where nothing answers.
    pub fn find(mut controller: C) -> Option<Self> {
        let nothing = |status: u8| status == u8::MAX;
        if controller.status().is_none_or(nothing) {
            return None;
        }
        let keys = pc_keyboard::Keyboard::new(
            ScancodeSet1::new(),
            Us104Key,
            HandleControl::MapLettersToUnicode,
        );
        let mut keyboard = Self { controller, keys };
        keyboard.drain();
        keyboard.command(ENABLE);
        keyboard.command(READ_CONFIGURATION);
        keyboard.wait(FULL, FULL)?;
        let configuration = keyboard.controller.data()? & !CLOCK_OFF | INTERRUPT | TRANSLATE;
        keyboard.command(WRITE_CONFIGURATION);
        keyboard.wait(BUSY, 0)?;
        keyboard.controller.put(configuration);
        Some(keyboard)
    }

    /// Reads what was typed and hands on the bytes a terminal sends for it. To be called on every interrupt.
    pub fn serve(&mut self, typed: &mut dyn FnMut(u8)) {
        for _ in 0..BATCH {
            let Some(status) = self.controller.status().filter(|status| status & FULL != 0) else {
                return;
            };
            let Some(byte) = self.controller.data() else { return };
            if status & MOUSE == 0 {
                self.key(byte, typed);
            }
        }
    }

    fn key(&mut self, byte: u8, typed: &mut dyn FnMut(u8)) {
        let event = self.keys.add_byte(byte).ok().flatten();
        match event.and_then(|event| self.keys.process_keyevent(event)) {
            Some(DecodedKey::Unicode(DELETE)) => "\x1b[3~".bytes().for_each(typed),
            Some(DecodedKey::Unicode(letter)) => {
                let letter = text(letter, self.keys.get_modifiers().is_ctrl());
                letter.encode_utf8(&mut [0; 4]).bytes().for_each(typed);
            }
            Some(DecodedKey::RawKey(code)) => sequence(code).bytes().for_each(typed),
            None => {}
        }
    }

    fn command(&mut self, value: u8) {
        // A controller that stays busy is found out when it does not answer.
        let _ = self.wait(BUSY, 0);
        self.controller.command(value);
    }

    /// Waits until the bits `mask` of the state are `value`.
    fn wait(&mut self, mask: u8, value: u8) -> Option<()> {
        let ready = |_: &usize| self.controller.status().is_some_and(|s| s & mask == value);
        (0..PATIENCE).find(ready).map(drop)
    }

    fn drain(&mut self) {
        for _ in 0..BATCH {
            if self.controller.status().is_none_or(|status| status & FULL == 0) {
                return;
            }
            let _ = self.controller.data();
        }
    }
}

/// What a terminal sends for Enter, Backspace and Ctrl-] differs from the letters on the keys.
const fn text(letter: char, control: bool) -> char {
    match letter {
        '\n' => '\r',
        '\x08' => '\x7f',
        ']' if control => '\x1d',
        other => other,
    }
}

/// What a terminal sends for keys without a letter (ECMA-48, as xterm).
const fn sequence(code: KeyCode) -> &'static str {
    match code {
        KeyCode::ArrowUp => "\x1b[A",
        KeyCode::ArrowDown => "\x1b[B",
        KeyCode::ArrowRight => "\x1b[C",
        KeyCode::ArrowLeft => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::PageUp => "\x1b[5~",
        KeyCode::PageDown => "\x1b[6~",
        _ => "",
    }
}
