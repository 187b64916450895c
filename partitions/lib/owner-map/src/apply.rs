//! Doing and undoing. Both only set what the record says, so that either may be repeated after it was interrupted anywhere.

use crate::descriptor;
use crate::entry::Entry;
use crate::master::Master;
use crate::memory::{Memory, WORDS};
use crate::operation::{Operation, Record};
use crate::page::{Page, Scale};

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
    }
    if let Some(change) = record.moves(master) {
        let [loser, gainer] = record.before;
        descriptor::set_frames(memory, change.loser, loser);
        descriptor::set_frames(memory, change.gainer, gainer);
    }
}

/// Entries in a row of the index page that the record names.
fn set(memory: &mut impl Memory, record: &Record, count: u16, entry: Entry) {
    for index in record.index..record.index.wrapping_add(count) {
        memory.write(record.map, index, entry.word());
    }
}

/// All entries of the index page between whole and divided memory.
fn fill(memory: &mut impl Memory, master: &Master, record: &Record) {
    let (Operation::Merge { first, scale, index, owner }
    | Operation::Split { first, scale, index, owner }) = record.operation
    else {
        return;
    };
    let own = Operation::one(first, scale).covers(index);
    for entry in 0..WORDS {
        let itself = own && entry == Scale::Kilo.index(index.frame());
        let page: Page = if itself { master.manager } else { owner };
        memory.write(index, entry, Entry::Owner(page).word());
    }
}
