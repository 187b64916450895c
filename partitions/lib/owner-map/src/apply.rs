//! Doing and undoing. Both only set what the record says, so that either may be repeated after it was interrupted anywhere.

use crate::descriptor;
use crate::entry::Entry;
use crate::master::Master;
use crate::memory::{Memory, WORDS};
use crate::operation::{Operation, WRITE_WORDS};
use crate::page::{Page, Scale};
use crate::record::Record;

/// Makes the change.
pub(crate) fn apply(memory: &mut impl Memory, master: &Master, record: &Record) {
    match record.operation {
        Operation::ChangeOwner { run, to, .. } => set(memory, record, run.count, Entry::Owner(to)),
        Operation::Initialize { partition, kind, name } => {
            descriptor::write(memory, partition, kind, &name);
        }
        Operation::Destroy { partition } => descriptor::set_live(memory, partition, false),
        Operation::Merge { owner, .. } => set(memory, record, 1, Entry::Owner(owner)),
        Operation::Split { index, .. } => {
            fill(memory, master, record);
            set(memory, record, 1, Entry::Index(index));
        }
        Operation::Write { count, after, .. } => write(memory, record, count, &after),
    }
    if let Some(change) = record.moves(master) {
        let [loser, gainer] = record.before;
        descriptor::set_frames(memory, change.loser, loser.wrapping_sub(change.frames));
        descriptor::set_frames(memory, change.gainer, gainer.wrapping_add(change.frames));
    }
}

/// Takes the change back, whether it was made, half made or not.
pub(crate) fn undo(memory: &mut impl Memory, master: &Master, record: &Record) {
    match record.operation {
        Operation::ChangeOwner { run, from, .. } => {
            set(memory, record, run.count, Entry::Owner(from));
        }
        Operation::Initialize { partition, .. } => {
            descriptor::set_live(memory, partition, false);
        }
        Operation::Destroy { partition } => descriptor::set_live(memory, partition, true),
        Operation::Merge { index, .. } => {
            fill(memory, master, record);
            set(memory, record, 1, Entry::Index(index));
        }
        Operation::Split { owner, .. } => set(memory, record, 1, Entry::Owner(owner)),
        Operation::Write { count, before, .. } => write(memory, record, count, &before),
    }
    if let Some(change) = record.moves(master) {
        let [loser, gainer] = record.before;
        descriptor::set_frames(memory, change.loser, loser);
        descriptor::set_frames(memory, change.gainer, gainer);
    }
}

/// Entries in a row of the index page that the record names.
fn set(memory: &mut impl Memory, record: &Record, count: u16, entry: Entry) {
    memory.fill(record.map, record.index, count, entry.word());
}

/// Words of a record.
fn write(memory: &mut impl Memory, record: &Record, count: u16, words: &[u32; WRITE_WORDS]) {
    let words = words.get(..usize::from(count)).unwrap_or_default();
    memory.store(record.map, record.index, words);
}

/// All entries of the index page between whole and divided memory.
fn fill(memory: &mut impl Memory, master: &Master, record: &Record) {
    let (Operation::Merge { first, scale, index, owner }
    | Operation::Split { first, scale, index, owner }) = record.operation
    else {
        return;
    };
    let itself = Operation::one(first, scale).covers(index);
    let own = itself.then(|| Scale::Kilo.index(index.frame()));
    let start = own.unwrap_or(WORDS);
    memory.fill(index, 0, start, word(owner));
    if itself {
        memory.write(index, start, word(master.manager));
        let next = start.wrapping_add(1);
        memory.fill(index, next, WORDS.wrapping_sub(next), word(owner));
    }
}

fn word(owner: Page) -> u32 {
    Entry::Owner(owner).word()
}
