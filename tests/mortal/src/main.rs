//! Dies in every way when told so: see README.md.

#![cfg_attr(target_os = "none", no_std, no_main)]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use mortal::WAYS;
use rt::protocol::{Console, ConsoleRequest};
use rt::{Client, Line, Partition, Signal, Start, System};

/// What is written where a restart must clean, and into lasting memory.
const MARK: u64 = 0x6d6f_7274_616c_2121;
/// What the filled words hold at the start.
const FRESH: u64 = 1;

static ZEROED: [AtomicU64; 512] = [const { AtomicU64::new(0) }; 512];
static FILLED: [AtomicU64; 512] = [const { AtomicU64::new(FRESH) }; 512];

/// The partition.
struct Main {
    console: Client<Console>,
    line: Line,
}

impl Main {
    fn listen(&self, system: &mut System) {
        if let Err(error) = self.console.send(system, ConsoleRequest::Read, &[]) {
            rt::log!("mortal: no input: {error:?}");
        }
    }

    /// Does what was typed. Nothing but `dirty` and what is unknown comes back.
    fn obey(text: &str, system: &System) {
        if let Some((_, way)) = WAYS.iter().find(|(name, _)| *name == text) {
            way();
        }
        match text {
            "exit" => rt::exit(),
            "dirty" => dirty(system),
            text => rt::log!("mortal: what is '{text}'?"),
        }
    }
}

/// Fills what a restart must clean, and what it must keep.
fn dirty(system: &System) {
    ZEROED.iter().chain(&FILLED).for_each(|word| word.store(MARK, Relaxed));
    if let Some(lasting) = system.lasting() {
        lasting.write_bytes(0, &MARK.to_le_bytes());
    }
    rt::log!("mortal: dirty");
}

/// Whether what a restart must clean is clean, and lasting memory holds the mark.
fn look(system: &System) -> (bool, bool) {
    let is = |words: &[AtomicU64], value| words.iter().all(|word| word.load(Relaxed) == value);
    let clean = is(&ZEROED, 0) && is(&FILLED, FRESH);
    let mut kept = [0; 8];
    if let Some(lasting) = system.lasting() {
        lasting.read_bytes(0, &mut kept);
    }
    (clean, u64::from_le_bytes(kept) == MARK)
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        let (clean, kept) = look(system);
        rt::log!("mortal: life {}, clean {clean}, kept {kept}", start.starts);
        let main = Self { console: system.console().unwrap_or_default(), line: Line::default() };
        main.listen(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if !signal.is(self.console) {
            return;
        }
        while let Some(answer) = self.console.next(system) {
            for &key in answer.bytes() {
                if let Some(line) = self.line.key(key) {
                    Self::obey(line, system);
                }
            }
            self.listen(system);
        }
    }
}

rt::entry!(Main);

#[cfg(not(target_os = "none"))]
fn main() {}
