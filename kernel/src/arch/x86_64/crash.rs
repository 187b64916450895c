//! The kernel's own end: the crash record, which survives a reset, and the way to the reset.

use super::control_register;
use super::debug_port;
use super::dispatch::Frame;
use super::hardware::Hardware;
use super::memory;
use super::reset;
use abi::fault::exception_name;
use abi::types::{self, PAGE_SIZE};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// First word of a crash record: "BULKDEAD".
const MAGIC: u64 = u64::from_le_bytes(*b"BULKDEAD");
/// Words before the text: magic, checksum, length in bytes.
const HEAD: usize = 3;
/// Most bytes of the text.
const TEXT: usize = PAGE_SIZE as usize - 8 * HEAD;
/// Nanoseconds the kernel must have run before it resets after a crash that followed another one.
const PROOF: u64 = 60_000_000_000;

type Words = [AtomicU64; memory::WORDS];

static STOPPING: AtomicBool = AtomicBool::new(false);
/// Number of the frame for the record; 0 until the loader's is known.
static FRAME: AtomicU64 = AtomicU64::new(0);
/// Whether the previous run left a record.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// Whether some processor has crashed, or resets the machine.
pub fn is_stopping() -> bool {
    STOPPING.load(Ordering::Acquire)
}

/// Stops the other processors; false if one of them already does that.
pub fn stop_others() -> bool {
    if STOPPING.swap(true, Ordering::AcqRel) {
        return false;
    }
    if let Some(hardware) = Hardware::try_get() {
        hardware.apic.send_nmi_to_others();
    }
    true
}

/// Stops this processor for good.
pub fn halt() -> ! {
    loop {
        reset::wait_forever();
    }
}

/// The record of the previous run, taken out of the frame that outlived it, and kept in `copy`.
#[derive(Clone, Copy)]
pub struct Previous {
    words: &'static Words,
    length: u64,
}

impl Previous {
    /// Looks for a record in `frame`, which from now on is the place for this run's.
    pub fn take(frame: types::Frame, copy: types::Frame) -> Self {
        let (found, words) = (memory::words(frame), memory::words(copy));
        FRAME.store(frame.raw(), Ordering::Release);
        let length = valid(found).unwrap_or(0);
        for (to, from) in words.iter().zip(&found[HEAD..]) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        found[0].store(0, Ordering::Relaxed);
        AGAIN.store(length != 0, Ordering::Relaxed);
        Self { words, length }
    }

    /// Word `index`, 0 beyond the record, and its length in bytes.
    pub fn word(&self, index: u64) -> (u64, u64) {
        let inside = index < self.length.div_ceil(8);
        let word = self.words.get(index as usize).filter(|_| inside);
        (word.map_or(0, |word| word.load(Ordering::Relaxed)), self.length)
    }

    /// Writes it to the debug port.
    pub fn print(&self) {
        if self.length == 0 {
            return;
        }
        debug_port::write(b"kernel: the previous run ended with:\r\n");
        show(self.words, self.length as usize, debug_port::write);
    }
}

/// Length of a record that is whole.
fn valid(words: &[AtomicU64]) -> Option<u64> {
    let [magic, sum, length] = [0, 1, 2].map(|index| words[index].load(Ordering::Relaxed));
    let whole = magic == MAGIC && length <= TEXT as u64 && sum == checksum(words, length);
    whole.then_some(length)
}

/// FNV-1a over the words of the text, and its length.
fn checksum(words: &[AtomicU64], length: u64) -> u64 {
    let text = words[HEAD..].iter().take(length.div_ceil(8) as usize);
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    text.fold(mix(0xcbf2_9ce4_8422_2325, length), |sum, word| {
        mix(sum, word.load(Ordering::Relaxed))
    })
}

/// Takes the text of a record: into its frame, or to the debug port while that is not known.
struct Recorder {
    words: Option<&'static Words>,
    used: usize,
}

impl Recorder {
    fn start() -> Self {
        let frame = FRAME.load(Ordering::Acquire);
        Self { words: (frame != 0).then(|| memory::words(types::Frame::new(frame))), used: 0 }
    }

    fn put(&mut self, byte: u8) {
        let Some(words) = self.words else { return debug_port::write_last(&[byte]) };
        if self.used == TEXT {
            return;
        }
        let (word, shift) = (&words[HEAD + self.used / 8], self.used % 8 * 8);
        let before = if shift == 0 { 0 } else { word.load(Ordering::Relaxed) };
        word.store(before | u64::from(byte) << shift, Ordering::Relaxed);
        self.used += 1;
    }

    /// Makes the record valid, the magic last, and only then shows it: the debug port may be slow, or held by a processor
    /// that was stopped, which has to be waited out.
    fn finish(self) {
        let Some(words) = self.words else { return };
        words[2].store(self.used as u64, Ordering::Relaxed);
        words[1].store(checksum(words, self.used as u64), Ordering::Relaxed);
        words[0].store(MAGIC, Ordering::Release);
        show(&words[HEAD..], self.used, debug_port::write_last);
    }
}

/// Writes the first `length` bytes of the text in `words`.
fn show(words: &[AtomicU64], length: usize, write: fn(&[u8])) {
    for (index, word) in words.iter().take(length.div_ceil(8)).enumerate() {
        write(&word.load(Ordering::Relaxed).to_le_bytes()[..(length - 8 * index).min(8)]);
    }
}

impl Write for Recorder {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if byte == b'\n' {
                self.put(b'\r');
            }
            self.put(byte);
        }
        Ok(())
    }
}

/// Records `what`, stops the machine and, unless it crashes time and again, resets it.
pub fn crash(what: fmt::Arguments<'_>) -> ! {
    if !stop_others() {
        halt();
    }
    let mut recorder = Recorder::start();
    let time = Hardware::try_get().map_or(0, |hardware| hardware.clock.now());
    // The recorder never fails.
    let _ = writeln!(recorder, "kernel: stopped {time} ns after its start\n{what}");
    recorder.finish();
    if AGAIN.load(Ordering::Relaxed) && time < PROOF {
        debug_port::write_last(
            b"kernel: this is the second crash in a row, the machine stays off\r\n",
        );
        halt();
    }
    reset::machine()
}

/// An exception in the kernel.
pub fn exception(frame: &Frame) -> ! {
    let address = control_register::fault_address();
    // As far as it is known; GS may still be that of a partition here.
    let processor = Hardware::try_get().map_or(0, |hardware| hardware.apic.id());
    crash(format_args!(
        "{} on the processor with APIC id {processor}, cr2 {address:#x}, cr3 {:#x}\n{frame}",
        exception_name(frame.vector()),
        control_register::root(),
    ))
}
