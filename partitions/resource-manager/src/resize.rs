//! Gives a partition more heap while it runs, and takes back what its runtime does not use.
//!
//! A row says how much heap the partition shall have (`heap_pages`), what is mapped (`heap_mapped`), and what it owns. It owns more than is
//! mapped only between two transactions: then somebody died while it got pages, or while they were taken. Either way what is beyond
//! goes, and who asked is not answered.

use crate::manager::{Machine, Manager, SELF};
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{ChannelOperation, PartitionOperation, first_slot};
use abi::information::Report;
use abi::layout;
use abi::message::resource::{Change, Index, PartitionState, ResourceStatus};
use abi::types::{EventBit, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use core::mem::offset_of;
use program_loader::{Calls, REGION_PAGES, Refusal, Window};
use resource_db::{Extent, Owner, PartitionRow, Piece, Stage, heap_tables};

/// Most pages of a heap.
pub const MOST: u32 = ((layout::HEAP_END - layout::HEAP) / PAGE_SIZE) as u32;
/// Nanoseconds that a runtime has to say what it does not use.
pub const ANSWER_TIME: u64 = 500_000_000;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Changes how many pages of heap a partition has: more of them at once, fewer as soon as its runtime says which it does not use, and
    /// at its next start in any case.
    ///
    /// # Errors
    /// `Disagrees` where it has another heap than the asker believes, `NoMemory`, `Limit` where the heap is in too many
    /// pieces; what the kernel answers.
    pub fn set_memory(&mut self, change: Change) -> Result<Reply, Trouble> {
        let id = PartitionId::new(change.partition);
        let row = self.row(id)?;
        if id == SELF {
            return Err(ResourceStatus::NotAllowed.into());
        }
        if row.stage() != Stage::Made || row.moving != 0 {
            return Err(ResourceStatus::Busy.into());
        }
        if row.heap_pages != change.before {
            return Err(ResourceStatus::Disagrees.into());
        }
        if change.after > MOST {
            return Ok(Reply::with(ResourceStatus::Limit, &Index { index: MOST }));
        }
        if change.after > row.heap_mapped {
            self.grow_heap(id, &row, change.after)?;
        } else {
            self.change(id, |row| {
                row.heap_pages = change.after;
                row.heap_request = row.heap_request.wrapping_add(1);
            })?;
        }
        self.heap_deadline = self.machine.now().saturating_add(ANSWER_TIME);
        self.changing = true;
        self.tell_heap(id);
        self.continue_heap(id)?;
        Ok(Reply::WhenSettled(id, self.heap_deadline))
    }

    /// Takes pages, maps them behind those it has, and writes down that it has them.
    fn grow_heap(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        after: u32,
    ) -> Result<(), Trouble> {
        let free = row.pieces.iter().rposition(|piece| *piece != Piece::default());
        let free = free.map_or(0, |last| last + 1);
        let pages = after.saturating_sub(row.heap_mapped);
        let tables = heap_tables(after).saturating_sub(row.heap_tables);
        let count = u64::from(tables) + u64::from(pages);
        let mut larger = *row;
        larger.heap_tables += tables;
        let slot = larger.pieces.get_mut(free).ok_or(ResourceStatus::Busy)?;
        let place = self.place_near(row, count)?;
        self.books.begin();
        let owner = Owner::Partition(id);
        let [Extent { start, .. }] = self.books.allocate_each([count], place, owner)?;
        let piece = Piece { start, tables, pages };
        *slot = piece;
        self.books.set_partition(id, &larger)?;
        self.books.commit();
        if let Err(trouble) = self.map_piece(&larger, &piece) {
            self.trim_heap(id)?;
            return Err(trouble);
        }
        self.change(id, |row| {
            (row.heap_pages, row.heap_mapped) = (after, after);
            row.heap_request = row.heap_request.wrapping_add(1);
        })?;
        Ok(())
    }

    /// Maps a new piece of a heap, with the tables that takes.
    fn map_piece(&mut self, row: &PartitionRow, piece: &Piece) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        for (address, frame) in tables_of(row, piece).zip(piece.start.raw()..) {
            let arguments = [address, 1, frame, 0];
            self.machine.partition(partition, PartitionOperation::AddTable, arguments)?;
        }
        let Extent { start, count } = piece.pages_from(0);
        let address = VirtualAddress::new(page(row.heap_mapped));
        Ok(self.loader().zeroed(partition, address, start, count)?)
    }

    /// Takes from a partition the heap that it owns beyond what is mapped, the last piece first.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn trim_heap(&mut self, id: PartitionId) -> Result<(), Trouble> {
        loop {
            let row = self.row(id)?;
            let runs = row.heap_runs().zip(0_usize..);
            let beyond = |((number, run), index): &((u32, Extent), usize)| {
                let empty = index.checked_sub(1).and_then(|place| row.pieces.get(place));
                let tables = empty.is_some_and(|piece| piece.pages == 0 && piece.tables > 0);
                u64::from(*number) + run.count > row.heap_mapped.into() && run.count > 0 || tables
            };
            let Some(((number, run), index)) = runs.filter(beyond).last() else { return Ok(()) };
            self.trim_run(id, &row, (number, run), index.checked_sub(1))?;
        }
    }

    /// Takes what is beyond of one run of pages: of the heap as it was made, or of a later piece.
    fn trim_run(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        (number, run): (u32, Extent),
        place: Option<usize>,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let pages = u32::try_from(run.count).unwrap_or(u32::MAX);
        let kept = row.heap_mapped.saturating_sub(number).min(pages);
        let start = run.start.checked_add(kept.into()).unwrap_or(run.start);
        let mut gone = Extent { start, count: (pages - kept).into() };
        let address = VirtualAddress::new(page(number + kept));
        self.machine.unmap(partition, address, gone.count)?;
        self.machine.release(first_slot::MEMORY, gone.start, gone.count)?;
        let mut after = *row;
        match place.and_then(|place| after.pieces.get_mut(place)) {
            None => after.heap.count = kept.into(),
            Some(piece) if kept > 0 => piece.pages = kept,
            Some(piece) => {
                self.remove_tables(row, piece)?;
                gone = piece.extent();
                after.heap_tables -= piece.tables;
                *piece = Piece::default();
            }
        }
        self.books.begin();
        self.books.give(gone, Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &after)?;
        self.books.commit();
        Ok(())
    }

    /// Removes the tables of a piece that has no pages any more. Nobody may run on them meanwhile.
    fn remove_tables(&mut self, row: &PartitionRow, piece: &Piece) -> Result<(), Trouble> {
        if piece.tables == 0 {
            return Ok(());
        }
        self.stop_contexts(row)?;
        let partition = Slot::new(row.partition_slot);
        for address in tables_of(row, piece) {
            let arguments = [address, 1, 0, 0];
            match self.machine.partition(partition, PartitionOperation::RemoveTable, arguments) {
                // It was never there, or is not any more.
                Err(Refusal { error: Error::NotMapped, .. }) => {}
                answer => {
                    answer?;
                }
            }
        }
        let goes_on = self.runs(row) && row.moving == 0 && row.stage() == Stage::Made;
        if goes_on { self.start_contexts(row) } else { Ok(()) }
    }

    /// Takes a partition's heap as far towards what it shall be as its runtime allows.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn continue_heap(&mut self, id: PartitionId) -> Result<(), Trouble> {
        self.trim_heap(id)?;
        let row = self.row(id)?;
        if row.heap_mapped <= row.heap_pages {
            return Ok(());
        }
        let kept = match row.state {
            state if state == PartitionState::Stopped as u32 => 0,
            _ if self.runs(&row) => match self.unused_heap(&row) {
                Some(kept) => kept,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.shrink_heap(id, kept)?;
        self.tell_heap(id);
        Ok(())
    }

    /// Pages that a runtime keeps of its heap, if it has answered the last request.
    fn unused_heap(&mut self, row: &PartitionRow) -> Option<u32> {
        let mut word = |offset: usize| {
            let arguments = [offset as u64, 0, 0, 0];
            let channel = Slot::new(row.information_slot);
            let peek = self.machine.patient(channel, ChannelOperation::Peek as u64, arguments);
            peek.map(|[word, ..]| word).ok()
        };
        let request = word(offset_of!(Report, heap_request))?;
        let kept = word(offset_of!(Report, heap_kept))?.div_ceil(PAGE_SIZE);
        (request == row.heap_request.into()).then(|| u32::try_from(kept).unwrap_or(u32::MAX))
    }

    /// Has a partition keep so many pages of its heap, but not fewer than it shall have.
    fn shrink_heap(&mut self, id: PartitionId, kept: u32) -> Result<(), Trouble> {
        self.change(id, |row| {
            row.heap_mapped = kept.max(row.heap_pages).min(row.heap_mapped);
            row.heap_answered = row.heap_request;
        })?;
        self.trim_heap(id)
    }

    /// Takes from a partition all heap but its first pages.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn trim_to(&mut self, id: PartitionId, pages: u32) -> Result<PartitionRow, Trouble> {
        if self.row(id)?.heap_mapped > pages {
            self.change(id, |row| row.heap_mapped = pages)?;
        }
        self.trim_heap(id)?;
        self.row(id)
    }

    /// Brings the heap of a partition that does not run to what it shall be.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn settle_heap(&mut self, id: PartitionId) -> Result<PartitionRow, Trouble> {
        self.trim_heap(id)?;
        let row = self.row(id)?;
        if row.heap_mapped > row.heap_pages {
            self.shrink_heap(id, 0)?;
        }
        self.row(id)
    }

    /// Tells a partition what heap it has and shall have. One that cannot be told reads it when it is started.
    pub fn tell_heap(&mut self, id: PartitionId) {
        if self.inform(id).is_ok() {
            self.ring(id, EventBit::PEER);
        }
    }

    /// Takes up what a manager before this one left of a change of heap.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn take_up_heap(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        if row.pieces == [Piece::default(); resource_db::PIECES] && row.heap_request == 0 {
            return Ok(());
        }
        self.trim_heap(id)?;
        if self.runs(row) && row.moving == 0 {
            // It may have died while they were stopped.
            self.start_contexts(row)?;
        }
        self.tell_heap(id);
        Ok(())
    }

    /// Whether nothing is to be expected of a change of heap any more by who waits until then at most.
    #[must_use]
    pub fn heap_settled(&self, row: &PartitionRow, until: u64) -> bool {
        row.heap_mapped <= row.heap_pages
            || row.heap_answered == row.heap_request
            || !self.runs(row)
            || self.machine.now() >= until
    }
}

/// Addresses of the tables of the last piece of a heap.
fn tables_of(row: &PartitionRow, piece: &Piece) -> impl Iterator<Item = u64> + use<> {
    let end = row.heap_tables;
    (end.saturating_sub(piece.tables)..end).map(|table| page(table * REGION_PAGES as u32))
}

/// Address of a page of the heap.
fn page(number: u32) -> u64 {
    layout::HEAP + u64::from(number) * PAGE_SIZE
}
