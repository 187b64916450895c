//! Which ends the event loop has to look at, and where ends are found by their event or their record.
//!
//! The loop looks at every client's end, and at a server's end until that is at rest: armed, with nothing left behind and nothing to tell.
//! From then on whatever comes for it is told by its event or by a change of its record, and that puts it back. So a turn of a server costs
//! what has come, not what could.

use crate::end::End;
use crate::places::Places;
use crate::signal::Source;
use crate::system::System;
use abi::types::EventBit;

/// Where a list ends.
const NONE: u16 = u16::MAX;
/// Lists of each kind.
const LISTS: usize = 64;

/// The ends that are to be looked at, and beginnings of lists of ends, which are linked by [`End::next`].
#[derive(Debug)]
pub(crate) struct Agenda {
    awake: Places,
    /// By event, and by the last bits of the record's place.
    first: [[u16; LISTS]; 2],
    /// No place before this one is free.
    free: usize,
}

impl Default for Agenda {
    fn default() -> Self {
        Self { awake: Places::default(), first: [[NONE; LISTS]; 2], free: 0 }
    }
}

/// By what ends are found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The bit of the event word by which the peer reports.
    Event,
    /// The place of the record in the information pages.
    Place,
}

impl By {
    /// Both.
    const ALL: [Self; 2] = [Self::Event, Self::Place];

    /// Its place in arrays of both.
    const fn number(self) -> usize {
        match self {
            Self::Event => 0,
            Self::Place => 1,
        }
    }

    /// The list that an end stands in.
    fn list_of(self, end: &End) -> usize {
        match self {
            Self::Event => usize::from(end.resource.event) % LISTS,
            Self::Place => list_of_place(end.place),
        }
    }
}

/// The list in which ends with a record at this place stand.
pub(crate) fn list_of_place(place: u32) -> usize {
    usize::try_from(place).unwrap_or(0) % LISTS
}

impl System {
    /// The next end that is to be looked at, from a place on, which is moved behind it.
    pub(crate) fn next_awake(&self, from: &mut usize) -> Option<usize> {
        let found = self.agenda.awake.next(*from)?;
        *from = found.saturating_add(1);
        Some(found)
    }

    /// An end is to be looked at.
    pub(crate) fn look_again(&mut self, index: usize) {
        if let Ok(index) = u32::try_from(index) {
            self.agenda.awake.set(index, true);
        }
    }

    /// The same, by where the end is.
    #[inline(never)]
    pub(crate) fn look_again_at(&mut self, source: Source) {
        if let Source::End(index) = source {
            self.look_again(index.into());
        }
    }

    /// An end that is at rest, or that is gone, needs no look.
    pub(crate) fn let_rest(&mut self, index: usize) {
        if self.ends.get(index).and_then(Option::as_ref).is_none_or(End::rests)
            && let Ok(index) = u32::try_from(index)
        {
            self.agenda.awake.set(index, false);
        }
    }

    /// Ends of a list, from the first on.
    pub(crate) fn first(&self, by: By, list: usize) -> Option<usize> {
        let first = self.agenda.first.get(by.number())?.get(list).copied();
        first.filter(|index| *index != NONE).map(usize::from)
    }

    /// The end after one of a list.
    pub(crate) fn after_in(&self, by: By, index: usize) -> Option<usize> {
        let end = self.ends.get(index)?.as_ref()?;
        end.next.get(by.number()).filter(|next| **next != NONE).map(|next| usize::from(*next))
    }

    /// The ends of a list for which something holds; the first one.
    pub(crate) fn find_end(
        &self,
        by: By,
        list: usize,
        mut holds: impl FnMut(&End) -> bool,
    ) -> Option<usize> {
        let mut next = self.first(by, list);
        while let Some(index) = next {
            if self.ends.get(index)?.as_ref().is_some_and(&mut holds) {
                return Some(index);
            }
            next = self.after_in(by, index);
        }
        None
    }

    /// Keeps an end where there is room; where it is.
    pub(crate) fn keep(&mut self, mut end: End) -> Option<usize> {
        let rest = self.ends.get(self.agenda.free..)?;
        let index = self.agenda.free.checked_add(rest.iter().position(Option::is_none)?)?;
        let number = u16::try_from(index).ok().filter(|number| *number != NONE)?;
        for by in By::ALL {
            let list = by.list_of(&end);
            let first = self.agenda.first.get_mut(by.number())?.get_mut(list)?;
            *end.next.get_mut(by.number())? = core::mem::replace(first, number);
        }
        *self.ends.get_mut(index)? = Some(end);
        self.agenda.free = index.checked_add(1)?;
        self.look_again(index);
        Some(index)
    }

    /// Takes an end out of all lists.
    pub(crate) fn take_end(&mut self, index: usize) -> Option<End> {
        let number = u16::try_from(index).ok()?;
        for by in By::ALL {
            let end = self.ends.get(index)?.as_ref()?;
            let (list, after) = (by.list_of(end), *end.next.get(by.number())?);
            let is_before = |end: &End| end.next.get(by.number()) == Some(&number);
            let link = match self.find_end(by, list, is_before) {
                Some(before) => self.ends.get_mut(before)?.as_mut()?.next.get_mut(by.number())?,
                None => self.agenda.first.get_mut(by.number())?.get_mut(list)?,
            };
            *link = after;
        }
        let end = self.ends.get_mut(index)?.take();
        self.agenda.free = self.agenda.free.min(index);
        self.let_rest(index);
        end
    }

    /// What tests look for after each turn: whoever is not looked at is at rest, and everybody is found by event and place.
    #[cfg(not(target_os = "none"))]
    pub(crate) fn check_agenda(&self) {
        for (index, end) in self.ends.iter().enumerate() {
            let Some(end) = end else { continue };
            let awake = u32::try_from(index).is_ok_and(|index| self.agenda.awake.contains(index));
            assert!(awake || end.rests(), "nobody looks at an end that does not rest");
            for by in By::ALL {
                let found = self.find_end(by, by.list_of(end), |one| core::ptr::eq(one, end));
                assert_eq!(found, Some(index), "an end in no list");
            }
        }
    }

    /// Ends that were rung are awake; those whose partition left something behind get another chance.
    pub(crate) fn wake_ends(&mut self, events: u64) {
        let mut bits = events;
        while bits != 0 {
            let bit = u8::try_from(bits.trailing_zeros()).ok().and_then(EventBit::new);
            bits &= bits.wrapping_sub(1);
            let mut next = bit.and_then(|bit| self.first(By::Event, bit.index().into()));
            while let Some(index) = next {
                next = self.after_in(By::Event, index);
                self.wake_end(index, events);
            }
        }
        let mut from = 0;
        while let Some(index) = self.next_awake(&mut from) {
            let end = self.ends.get_mut(index).and_then(Option::as_mut);
            if let Some(end) = end.filter(|end| end.left.is_none()) {
                end.give_chance(events);
            }
        }
    }

    /// Wakes an end that was rung.
    fn wake_end(&mut self, index: usize, events: u64) {
        let end = self.ends.get_mut(index).and_then(Option::as_mut);
        if end.is_some_and(|end| end.left.is_none() && end.wake(events)) {
            self.look_again(index);
        }
    }
}

#[cfg(test)]
#[path = "agenda_tests.rs"]
mod tests;
