//! The report page: what this partition tells the resource manager of itself.

#[cfg(target_os = "none")]
use crate::heap::resize;
use crate::machine;
#[cfg(not(target_os = "none"))]
use crate::machine::resize_heap as resize;
use crate::memory::Window;
use crate::system::System;
use abi::information::Report;
use abi::types::PAGE_SIZE;
use core::sync::atomic::{Ordering, fence};

/// Offsets of what is reported.
pub(crate) mod offset {
    use super::Report;
    use core::mem::offset_of;
    /// See [`Report::alive`].
    pub const ALIVE: usize = offset_of!(Report, alive);
    /// See [`Report::heap_request`].
    pub const HEAP_REQUEST: usize = offset_of!(Report, heap_request);
    /// See [`Report::heap_kept`].
    pub const HEAP_KEPT: usize = offset_of!(Report, heap_kept);
}

/// The report page, where the partition has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Page(Option<Window>);

/// The sign of life of a program that has no event loop: it is up.
pub fn up() {
    Page::find().store(offset::ALIVE, 1);
}

impl System {
    /// Gives a sign of life. The event loop does so at each turn; an entry that computes for long may do so itself.
    pub fn alive(&mut self) {
        self.turns = self.turns.wrapping_add(1);
        self.report.store(offset::ALIVE, self.turns);
    }

    /// Uses the heap that the resource manager gave in addition, or says what can be given back; each request once.
    pub(crate) fn settle_heap(&mut self) {
        let Some(information) = &self.information else { return };
        let request = information.heap_request;
        if core::mem::replace(&mut self.heap_request, request) == request {
            return;
        }
        let kept = resize(information.heap, information.heap_wanted);
        self.report.store(offset::HEAP_KEPT, kept);
        // Who sees the answer sees what it is.
        fence(Ordering::Release);
        self.report.store(offset::HEAP_REQUEST, request);
    }
}

impl Page {
    /// The page of a partition that has information pages.
    pub(crate) fn find() -> Self {
        Self(machine::report().and_then(|address| Window::new(address, PAGE_SIZE)))
    }

    /// Reports `value` at an [`offset`].
    pub(crate) fn store(&self, offset: usize, value: u64) {
        if let Some(page) = &self.0 {
            page.write_bytes(offset, &value.to_le_bytes());
        }
    }
}
