//! The first partition's memory, where its maps of the machine are: whoever calls what, the kernel writes nothing there.

use crate::machine::TestMachine;
use std::sync::atomic::Ordering::Relaxed;

/// Frames that the loader gave the first partition, see `hand_over`: program, boot image, boot information.
const FRAMES: [u64; 10] = [40, 41, 42, 43, 44, 45, 46, 47, 50, 51];

/// What word `index` of a frame holds: nothing that looks like the kernel's own.
const fn word(frame: u64, index: usize) -> u64 {
    0x5eed_0000_0000_0000 | frame << 16 | index as u64
}

/// Those of the frames that have been the first partition's all the time, each with what the ledger says of it.
pub struct Untouched(Vec<(u64, u64)>);

impl Untouched {
    /// Fills them, as the partition does.
    pub fn fill(machine: &TestMachine) -> Self {
        for frame in FRAMES {
            let words = machine.words(frame).iter().enumerate();
            words.for_each(|(index, place)| place.store(word(frame, index), Relaxed));
        }
        let ledger = machine.ledger_words();
        Self(FRAMES.map(|frame| (frame, owner(ledger[frame as usize]))).to_vec())
    }

    /// Looks at those that still are. One that was given away may be zeroed and used anew.
    pub fn check(&mut self, machine: &TestMachine) {
        let ledger = machine.ledger_words();
        self.0.retain(|(frame, own)| owner(ledger[*frame as usize]) == *own);
        for (frame, _) in &self.0 {
            let words = machine.words(*frame).iter().enumerate();
            let written =
                words.filter(|(index, place)| place.load(Relaxed) != word(*frame, *index));
            assert_eq!(
                written.count(),
                0,
                "the kernel wrote into frame {frame} of the first partition"
            );
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Use and owner.
const fn owner(ledger: u64) -> u64 {
    ledger & 0xffff_ffff
}
