//! The report page: what this partition tells the resource manager of itself.

#[cfg(target_os = "none")]
use crate::heap::resize;
use crate::machine;
#[cfg(not(target_os = "none"))]
use crate::machine::resize_heap as resize;
use crate::memory::Window;
use crate::system::System;
use abi::information::Report;
use abi::types::{Nanoseconds, PAGE_SIZE};
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
    /// See [`Report::depths`].
    pub const DEPTHS: usize = offset_of!(Report, depths);
    /// See [`Report::wait_until`].
    pub const WAIT_UNTIL: usize = offset_of!(Report, wait_until);
}

/// The report page, where the partition has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Page(Option<Window>);

/// The sign of life of a program that has no event loop: it is up.
pub fn up() {
    Page::find().store(offset::ALIVE, 1);
}

/// What becomes of the partition's slots while its event loop sleeps. The deeper, the more others have of them, and the longer it takes to
/// come back. Looked at where the manifest says `idle-states`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u64)]
pub enum IdleState {
    /// They stay; what is not used is others'. Back at once (C1).
    #[default]
    Shallow = 1,
    /// One stays. Back in that one, with all of them within three frames (C2).
    Medium = 2,
    /// None stays. Back within three frames (C3).
    Deep = 3,
}

impl System {
    /// How deep the event loop sleeps from now on, when there is nothing to do.
    pub const fn set_idle_state(&mut self, depth: IdleState) {
        self.depth = depth;
    }

    /// Says how deep the wait is that begins, and until when; the same after it, with [`IdleState::Shallow`].
    pub(crate) fn say_depth(&self, depth: IdleState, until: Nanoseconds) {
        if self.depth != IdleState::Shallow {
            self.report.store(offset::WAIT_UNTIL, until.raw());
            self.report.store(offset::DEPTHS, depth.number());
        }
    }

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

impl IdleState {
    #[expect(clippy::as_conversions, reason = "the number of a state, declared repr(u64)")]
    const fn number(self) -> u64 {
        self as u64
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
