//! Fills a program's pages and maps them where they belong.

use crate::calls::{Calls, Kernel, Refusal, page_after};
use crate::space::UPPER_TABLES;
use crate::window::Window;
use abi::call::Error;
use abi::control::{Access, PAGES_PER_STEP, PartitionOperation};
use abi::types::{Frame, Slot, VirtualAddress};
use boot_image::{PageContent, Program, ProgramSegment};

/// Who loads: the kernel's calls, a window, and the capabilities needed.
#[derive(Debug)]
pub struct Loader<'a, K: Kernel, W: Window> {
    /// The kernel.
    pub kernel: &'a mut K,
    /// The loader's window.
    pub window: &'a mut W,
    /// Slot of the authority over memory.
    pub memory: Slot,
    /// Slot of the loader's own partition.
    pub own: Slot,
}

/// Into what a program is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Slot of the partition, none of whose contexts runs.
    pub partition: Slot,
    /// First of the frames for all segments, one after the other; none is mapped anywhere but in the partition.
    pub frames: Frame,
}

impl<K: Kernel, W: Window> Loader<'_, K, W> {
    /// Loads every segment.
    ///
    /// # Errors
    /// What the kernel answers; the same call may be repeated.
    pub fn load(&mut self, program: &Program<'_>, target: Target) -> Result<(), Refusal> {
        match self.load_first(program, target) {
            Err(refusal) if was_begun(refusal) => self.segments(program, target, |_| true),
            answer => answer,
        }
    }

    /// Loads every segment into frames that are free, where nothing is mapped yet: in fewer calls than [`Self::segments`] takes, which
    /// does it where that is not so.
    fn load_first(&mut self, program: &Program<'_>, target: Target) -> Result<(), Refusal> {
        let (mut done, mut pages) = (0_u64, pages_of(program));
        while done < program.pages() {
            let count = program.pages().saturating_sub(done).min(PAGES_PER_STEP);
            let frame = Frame::new(target.frames.raw().wrapping_add(done));
            self.kernel.assign(self.memory, frame, count, self.own)?;
            self.write(&mut pages, frame, count)?;
            self.kernel.transfer(self.memory, frame, count, self.own, target.partition)?;
            done = done.wrapping_add(count);
        }
        let mut frame = target.frames.raw();
        for segment in program.segments() {
            let (address, count) = (segment.address(), segment.pages());
            self.kernel.map(
                target.partition,
                address,
                Frame::new(frame),
                count,
                segment.access(),
            )?;
            frame = frame.wrapping_add(count);
        }
        Ok(())
    }

    /// Gives the writable segments the contents they had at the first start, in fresh pages.
    ///
    /// # Errors
    /// What the kernel answers; the same call may be repeated.
    pub fn reload(&mut self, program: &Program<'_>, target: Target) -> Result<(), Refusal> {
        self.segments(program, target, |segment| segment.is_writable())
    }

    /// Fresh zeroed pages for the partition at `address`, instead of those that were there.
    ///
    /// # Errors
    /// What the kernel answers; the same call may be repeated.
    pub fn zeroed(
        &mut self,
        partition: Slot,
        address: VirtualAddress,
        frame: Frame,
        count: u64,
    ) -> Result<(), Refusal> {
        let first = self.kernel.assign(self.memory, frame, count, partition);
        let first =
            first.and_then(|()| self.kernel.map(partition, address, frame, count, Access::WRITE));
        match first {
            Err(refusal) if was_begun(refusal) => {}
            answer => return answer,
        }
        self.kernel.unmap(partition, address, count)?;
        self.fresh(frame, count, partition)?;
        self.kernel.map(partition, address, frame, count, Access::WRITE)
    }

    /// Gives one page of a segment, which lies in `frame`, the contents it had at the first start.
    ///
    /// # Errors
    /// What the kernel answers; the same call may be repeated.
    pub fn refill(
        &mut self,
        segment: &ProgramSegment<'_>,
        page: u64,
        partition: Slot,
        frame: Frame,
    ) -> Result<(), Refusal> {
        self.clear_window()?;
        self.pages(segment, page, 1, partition, frame)
    }

    /// Makes the page tables of an address space from frames that follow each other; those there already stay.
    ///
    /// # Errors
    /// What the kernel answers; the same call may be repeated.
    pub fn tables(
        &mut self,
        partition: Slot,
        regions: &crate::Regions,
        frames: Frame,
    ) -> Result<(), Refusal> {
        let mut frame = frames.raw();
        for (number, address) in regions.iter().enumerate() {
            let arguments = [address.raw(), 1, frame, 0];
            match self.kernel.partition(partition, PartitionOperation::AddTable, arguments) {
                Err(Refusal { error: Error::Occupied, .. }) => {}
                answer => {
                    answer?;
                }
            }
            // The first brings those above it along, which are all regions'.
            frame = frame.wrapping_add(if number == 0 { 1 + UPPER_TABLES } else { 1 });
        }
        Ok(())
    }

    fn segments(
        &mut self,
        program: &Program<'_>,
        target: Target,
        wanted: impl Fn(&ProgramSegment<'_>) -> bool,
    ) -> Result<(), Refusal> {
        self.clear_window()?;
        let mut frame = target.frames.raw();
        for segment in program.segments() {
            if wanted(segment) {
                self.segment(segment, target.partition, Frame::new(frame))?;
            }
            frame = frame.wrapping_add(segment.pages());
        }
        Ok(())
    }

    fn segment(
        &mut self,
        segment: &ProgramSegment<'_>,
        partition: Slot,
        frame: Frame,
    ) -> Result<(), Refusal> {
        let mut done = 0_u64;
        while done < segment.pages() {
            let count = segment.pages().saturating_sub(done).min(PAGES_PER_STEP);
            let frame = Frame::new(frame.raw().wrapping_add(done));
            self.pages(segment, done, count, partition, frame)?;
            done = done.wrapping_add(count);
        }
        Ok(())
    }

    /// Fills `count` pages of `segment` from `first` on, in frames from `frame` on, and maps them.
    fn pages(
        &mut self,
        segment: &ProgramSegment<'_>,
        first: u64,
        count: u64,
        partition: Slot,
        frame: Frame,
    ) -> Result<(), Refusal> {
        let address = VirtualAddress::new(page_after(segment.address(), first));
        self.kernel.unmap(partition, address, count)?;
        self.fill(segment, first, frame, count)?;
        self.kernel.transfer(self.memory, frame, count, self.own, partition)?;
        self.kernel.map(partition, address, frame, count, segment.access())
    }

    /// Fills `count` frames with the pages of `segment` from `first` on; they are the loader's own afterwards.
    fn fill(
        &mut self,
        segment: &ProgramSegment<'_>,
        first: u64,
        frame: Frame,
        count: u64,
    ) -> Result<(), Refusal> {
        self.fresh(frame, count, self.own)?;
        self.write((first..).map(|page| segment.page(page)), frame, count)
    }

    /// Writes the first `count` of `pages` into frames of the loader's own.
    fn write<'p>(
        &mut self,
        pages: impl Iterator<Item = PageContent<'p>>,
        frame: Frame,
        count: u64,
    ) -> Result<(), Refusal> {
        let window = self.window.address();
        self.kernel.map(self.own, window, frame, count, Access::WRITE)?;
        for (page, content) in (0..count).zip(pages) {
            let offset = u64::try_from(content.offset).unwrap_or(0);
            let start = page_after(VirtualAddress::new(offset), page);
            self.window.write(start, content.bytes);
        }
        self.kernel.unmap(self.own, window, count)
    }

    /// Takes out of the window what a filling that was broken off left there; one that ends leaves nothing.
    fn clear_window(&mut self) -> Result<(), Refusal> {
        self.kernel.unmap(self.own, self.window.address(), PAGES_PER_STEP)
    }

    /// Frames, whoever had them, become zeroed memory of `partition`. Those of a first start are free already.
    fn fresh(&mut self, frame: Frame, count: u64, partition: Slot) -> Result<(), Refusal> {
        match self.kernel.assign(self.memory, frame, count, partition) {
            Err(Refusal { error: Error::WrongFrame, .. }) => {}
            answer => return answer,
        }
        self.kernel.release(self.memory, frame, count)?;
        self.kernel.assign(self.memory, frame, count, partition)
    }
}

/// The pages of all segments, in their order.
fn pages_of<'p>(program: &Program<'p>) -> impl Iterator<Item = PageContent<'p>> {
    program
        .segments()
        .iter()
        .flat_map(|segment| (0..segment.pages()).map(|page| segment.page(page)))
}

/// Whether a refusal tells that part of what was asked for is there already.
const fn was_begun(refusal: Refusal) -> bool {
    matches!(refusal.error, Error::WrongFrame | Error::InUse | Error::Occupied)
}
