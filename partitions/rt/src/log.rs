//! What a partition says: to its console where it has one, else to the debug port, else to nobody.
//!
//! Saying something never waits but for the debug port: text waits in a small store, and when that is full the oldest goes.

use crate::capability::{Capability, object};
use crate::cell::Guarded;
use crate::end::End;
use crate::sys;
use abi::channel::INLINE;
use abi::message::console::ConsoleRequest;
use abi::types::Slot;
use core::fmt::{self, Write};
use ring::Head;

/// Bytes kept while the console is busy or away.
const KEPT: usize = 2048;

/// Where text goes.
pub(crate) struct Voice {
    /// The end of the channel named "console".
    pub console: Option<End>,
    /// The debug port.
    pub debug: Option<Slot>,
    text: [u8; KEPT],
    /// Index of the oldest byte, and how many there are.
    first: usize,
    count: usize,
}

impl Voice {
    /// Speaks to nobody yet.
    pub const fn new() -> Self {
        Self { console: None, debug: None, text: [0; KEPT], first: 0, count: 0 }
    }

    /// Appends text; the oldest goes where there is no room.
    fn keep(&mut self, text: &[u8]) {
        for &byte in text {
            let end = self.first.wrapping_add(self.count) % KEPT;
            if let Some(place) = self.text.get_mut(end) {
                *place = byte;
            }
            if self.count < KEPT {
                self.count = self.count.wrapping_add(1);
            } else {
                self.first = self.first.wrapping_add(1) % KEPT;
            }
        }
    }

    /// Copies the oldest bytes out, without forgetting them.
    fn oldest<'a>(&self, to: &'a mut [u8]) -> &'a [u8] {
        let length = self.count.min(to.len());
        for (place, at) in to.iter_mut().zip(self.first..).take(length) {
            *place = self.text.get(at % KEPT).copied().unwrap_or(0);
        }
        to.get(..length).unwrap_or(&[])
    }

    fn forget(&mut self, length: usize) {
        self.first = self.first.wrapping_add(length) % KEPT;
        self.count = self.count.saturating_sub(length);
    }

    /// Whether text waits for room in the console's ring.
    pub const fn waiting(&self) -> bool {
        self.count != 0
    }

    /// Sends what can be sent.
    pub fn pump(&mut self) {
        while self.count != 0 && self.send_some() {}
        if let Some(console) = &mut self.console {
            console.tell();
        }
    }

    fn send_some(&mut self) -> bool {
        let mut bytes = [0; INLINE];
        let length = self.oldest(&mut bytes).len();
        let text = bytes.get(..length).unwrap_or(&[]);
        let sent = match (&mut self.console, self.debug) {
            (Some(console), _) => write(console, text).then_some(length),
            (None, Some(slot)) => offer(slot, text),
            (None, None) => Some(length),
        };
        self.forget(sent.unwrap_or(0));
        sent.is_some()
    }
}

/// Offers the debug port all there is, so that the rest of a line comes next; `None` where it takes nothing any more.
fn offer(slot: Slot, text: &[u8]) -> Option<usize> {
    let sent = Capability::<object::Debug>::in_slot(slot).offer(text).ok()?;
    if sent == 0 {
        // Others may go on while the port is full.
        sys::yield_slot();
    }
    Some(sent)
}

/// Asks the console to write; nobody waits for the answer.
fn write(console: &mut End, text: &[u8]) -> bool {
    let id = console.send_quietly(Head::new(ConsoleRequest::Write.code()), text);
    if let Ok(id) = id {
        console.forget(id);
    }
    id.is_ok()
}

#[cfg(target_os = "none")]
static VOICE: Guarded<Voice> = Guarded::new(Voice::new());

/// Lets `action` use the voice; `None` while it is in use.
#[cfg(target_os = "none")]
pub(crate) fn with<R>(action: impl FnOnce(&mut Voice) -> R) -> Option<R> {
    VOICE.with(action)
}

#[cfg(not(target_os = "none"))]
std::thread_local! {
    static VOICE: Guarded<Voice> = const { Guarded::new(Voice::new()) };
}

/// Lets `action` use the voice of the partition that runs on this thread; `None` while it is in use.
#[cfg(not(target_os = "none"))]
pub(crate) fn with<R>(action: impl FnOnce(&mut Voice) -> R) -> Option<R> {
    VOICE.with(|voice| voice.with(action))
}

/// Says something without a console, on the debug port in `slot`: for partitions without information pages.
pub fn use_debug(slot: Slot) {
    with(|voice| voice.debug = Some(slot));
}

/// Takes formatted text into the voice.
struct Speaker;

impl Write for Speaker {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        with(|voice| take(voice, text.as_bytes()));
        Ok(())
    }
}

/// Text beyond what is kept is passed on piece by piece where somebody takes it at once.
fn take(voice: &mut Voice, text: &[u8]) {
    for piece in text.chunks(INLINE) {
        if voice.count.saturating_add(piece.len()) > KEPT {
            voice.pump();
        }
        voice.keep(piece);
    }
}

/// Says bytes as they are: a piece of a letter, say, that was typed.
pub(crate) fn say_bytes(bytes: &[u8]) {
    with(|voice| {
        take(voice, bytes);
        voice.pump();
    });
}

/// Says formatted text. Used by [`crate::log!`] and [`crate::print!`].
pub fn say(text: fmt::Arguments<'_>) {
    // A Display that fails has said less; there is nobody to tell.
    let _ = Speaker.write_fmt(text);
    with(Voice::pump);
}

/// Says last words: on the console, and on the debug port beside it.
#[cfg(target_os = "none")]
pub(crate) fn last_words(text: fmt::Arguments<'_>) {
    say(text);
    let debug = with(|voice| {
        let debug = voice.debug.filter(|_| voice.console.is_some());
        voice.console = None;
        debug
    });
    if debug.flatten().is_some() {
        say(text);
    }
}

/// Says a line on the partition's console.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::log::say(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Says text on the partition's console, without ending the line.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::log::say(::core::format_args!($($argument)*)) };
}
