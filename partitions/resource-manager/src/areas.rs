//! The memory of a partition that it can change: its stacks, what of its program is writable, its heap, and what lasts.

use crate::manager::{Machine, Manager};
use crate::space::stack_bottom;
use crate::trouble::Trouble;
use abi::boot::SEGMENTS;
use abi::control::PAGES_PER_STEP;
use abi::layout;
use abi::types::{MAX_PROCESSORS, PAGE_SIZE};
use arrayvec::ArrayVec;
use boot_image::ProgramSegment;
use program_loader::Window;
use resource_db::{PIECES, PartitionRow};

/// Most areas of a partition.
const AREAS: usize = MAX_PROCESSORS as usize + SEGMENTS + 1 + PIECES + 1;
/// Pages of a piece of a partition's memory, of which the row says that it is being looked at.
pub const PIECE: u64 = 1024;

/// Pages that follow each other in the address space as in memory.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Address of the first.
    pub address: u64,
    /// Frame of the first.
    pub frame: u64,
    /// Pages.
    pub pages: u64,
    /// Pages that the program's file has contents for, those at the start.
    pub contents: u64,
}

/// Areas one after the other: a *place* is a page of them, counted from 0.
pub struct Areas(ArrayVec<Area, AREAS>);

impl Area {
    /// What lies behind so many pages of it.
    fn behind(&self, page: u64) -> Self {
        Self {
            address: self.address + page * PAGE_SIZE,
            frame: self.frame + page,
            pages: self.pages - page,
            contents: self.contents.saturating_sub(page),
        }
    }
}

impl Areas {
    /// What lies from a place on in one area and one [`PIECE`], as much of it as one step of the kernel takes; none behind the last.
    #[must_use]
    pub fn step(&self, place: u64) -> Option<Area> {
        let mut before = 0;
        for area in &self.0 {
            if place < before + area.pages {
                let rest = area.behind(place - before);
                let pages = rest.pages.min(PAGES_PER_STEP).min(PIECE - place % PIECE);
                return Some(Area { pages, ..rest });
            }
            before += area.pages;
        }
        None
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Area> {
        self.0.iter()
    }

    /// All pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.0.iter().map(|area| area.pages).sum()
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The areas that a start of a partition clears, and what lasts where that is wanted: what says most comes first.
    ///
    /// # Errors
    /// Where its program is not in the image or bad.
    pub fn areas(&self, row: &PartitionRow, lasting: bool) -> Result<Areas, Trouble> {
        let definition = self.definition(row)?;
        // What is mapped is the program that it was started with, whatever it goes over to.
        let same = row.loaded == row.image;
        let mut frame = if same { row.program } else { row.spare }.start.raw();
        let program = self.program_in(row.loaded, definition)?;
        let mut all = ArrayVec::new();
        let stack = u64::from(definition.stack);
        for context in 0..u64::from(row.contexts) {
            let (address, start) = (stack_bottom(context, stack), row.stack.start.raw());
            add(&mut all, (address, start + context * stack, stack), 0);
        }
        for segment in program.segments() {
            if segment.is_writable() {
                let place = (segment.address().raw(), frame, segment.pages());
                add(&mut all, place, contents(segment));
            }
            frame += segment.pages();
        }
        for (page, run) in row.heap_runs() {
            let address = layout::HEAP + u64::from(page) * PAGE_SIZE;
            let mapped = u64::from(row.heap_mapped.saturating_sub(page)).min(run.count);
            add(&mut all, (address, run.start.raw(), mapped), 0);
        }
        if lasting {
            add(&mut all, (layout::LASTING, row.lasting.start.raw(), row.lasting.count), 0);
        }
        Ok(Areas(all))
    }
}

fn add(all: &mut ArrayVec<Area, AREAS>, (address, frame, pages): (u64, u64, u64), contents: u64) {
    if pages > 0 {
        // There is room for as many as a partition can have.
        let _ = all.try_push(Area { address, frame, pages, contents });
    }
}

/// Pages of a segment that hold something of the file.
fn contents(segment: &ProgramSegment<'_>) -> u64 {
    let bytes = segment.bytes().len();
    let end = if bytes == 0 { 0 } else { segment.lead() + bytes };
    (end as u64).div_ceil(PAGE_SIZE)
}
