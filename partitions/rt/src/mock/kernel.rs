//! The kernel and the resource manager, as far as one thread needs them.

use super::pages;
use super::{DEBUG_SLOT, DOORBELLS};
use crate::log::{self, Voice};
use abi::call::{Call, Error};
use abi::image::Name;
use abi::information::{
    CHANGES, INFORMATION_HEADER, INFORMATION_MAGIC, Information, Resource, StartReason, TimePage,
};
use abi::types::EventBit;
use core::mem::swap;
use std::cell::RefCell;
use std::rc::Rc;
use std::vec::Vec;
use zerocopy::{FromZeros, IntoBytes};

/// One turn of a partition: whether it did anything, and its next deadline.
type Turn = Rc<dyn Fn() -> (bool, u64)>;

/// Where a doorbell leads.
#[derive(Clone, Copy)]
pub struct Doorbell {
    pub to: usize,
    pub bit: u64,
}

/// A partition.
pub struct Member {
    name: Name,
    pub events: u64,
    pub resources: Vec<Resource>,
    pub doorbells: Vec<Doorbell>,
    pub text: Vec<u8>,
    pub rung: u64,
    pub turn: Option<Turn>,
    page: u64,
    report: u64,
    sequence: u64,
    starts: u32,
    reason: StartReason,
    voice: Voice,
}

impl Member {
    pub fn new(name: Name) -> Self {
        Self {
            name,
            events: 0,
            resources: Vec::new(),
            doorbells: Vec::new(),
            text: Vec::new(),
            rung: 0,
            turn: None,
            page: pages::make(abi::layout::INFORMATION_PAGES as usize).0,
            report: pages::make(1).0,
            sequence: 0,
            starts: 1,
            reason: StartReason::Boot,
            voice: Voice::new(),
        }
    }

    /// Its program is gone, its memory clean.
    pub fn bury(&mut self) {
        self.turn = None;
        self.events = 0;
        self.voice = Voice::new();
    }
}

/// The world.
#[derive(Default)]
pub struct State {
    pub members: Vec<Member>,
    pub channels: u32,
    current: Option<usize>,
    clock: u64,
    time_page: u64,
}

std::thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Lets `action` use the state; never across a turn of a partition.
pub fn with_state<R>(action: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(action)
}

/// An empty world.
pub fn reset() {
    with_state(|state| {
        *state = State::default();
        state.time_page = pages::make(1).0;
    });
}

impl State {
    /// Writes a partition's information pages.
    pub fn publish(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.sequence += 2;
        let mut header = Information::new_zeroed();
        header.magic = INFORMATION_MAGIC;
        header.sequence = member.sequence;
        header.version = abi::ABI_VERSION;
        header.partition = place as u32;
        header.name = member.name;
        (header.starts, header.reason) = (member.starts, member.reason as u32);
        // All of it may be new.
        header.changes = member.sequence * CHANGES as u64;
        (header.contexts, header.resources) = (1, member.resources.len() as u32);
        pages::write(member.page, header.as_bytes());
        pages::write(member.page + INFORMATION_HEADER as u64, member.resources.as_bytes());
    }

    /// The number of changes of a partition's pages is odd, or as it was.
    pub fn hold(&mut self, place: usize, held: bool) {
        let member = &self.members[place];
        let sequence = member.sequence + u64::from(held);
        let at = core::mem::offset_of!(Information, sequence) as u64;
        pages::write(member.page + at, &sequence.to_le_bytes());
    }

    /// A new life for a partition: new epochs on its channels, and its peers are told.
    pub fn renew(&mut self, place: usize, reason: StartReason) {
        let member = &mut self.members[place];
        member.starts += 1;
        member.reason = reason;
        let channels: Vec<u32> =
            member.resources.iter().map(|one| one.id).filter(|&id| id != 0).collect();
        for other in 0..self.members.len() {
            let mut told = false;
            for resource in &mut self.members[other].resources {
                if channels.contains(&resource.id) {
                    resource.epoch += 1;
                    told = other != place;
                }
            }
            if told {
                self.members[other].events |= EventBit::PEER.mask();
            }
            self.publish(other);
        }
    }

    fn ring(&mut self, slot: u64) -> Result<(), Error> {
        let from = self.current.ok_or(Error::NoCapability)?;
        let index = (slot as usize).checked_sub(DOORBELLS.into()).ok_or(Error::NoCapability)?;
        let doorbell = *self.members[from].doorbells.get(index).ok_or(Error::NoCapability)?;
        let to = &mut self.members[doorbell.to];
        if to.turn.is_none() {
            return Err(Error::Stale);
        }
        to.events |= doorbell.bit;
        to.rung += 1;
        Ok(())
    }

    fn take_events(&mut self, mask: u64) -> u64 {
        let Some(current) = self.current else { return 0 };
        let events = self.members[current].events & mask;
        self.members[current].events &= !events;
        events
    }

    fn debug(&mut self, slot: u64, length: u64, words: &[u64]) -> Result<u64, Error> {
        if slot != u64::from(DEBUG_SLOT) {
            return Err(Error::NoCapability);
        }
        let length = length.min(32);
        if let Some(current) = self.current {
            self.members[current].text.extend_from_slice(&words.as_bytes()[..length as usize]);
        }
        Ok(length)
    }

    /// Another partition runs now; its voice takes the place of the one before.
    fn switch(&mut self, to: Option<usize>) -> Option<usize> {
        let from = self.current;
        if from == to {
            return from;
        }
        log::with(|voice| {
            if let Some(from) = from {
                swap(voice, &mut self.members[from].voice);
            }
            if let Some(to) = to {
                swap(voice, &mut self.members[to].voice);
            }
        });
        self.current = to;
        from
    }
}

/// Runs `action` as the partition at `place`.
pub fn within<R>(place: usize, action: impl FnOnce() -> R) -> R {
    let before = with_state(|state| state.switch(Some(place)));
    let result = action();
    with_state(|state| state.switch(before));
    result
}

/// One turn for every partition but those that wait in a call; true if any did anything, and the next deadline.
fn turn_each() -> (bool, u64) {
    let mut all = (false, u64::MAX);
    for place in 0..with_state(|state| state.members.len()) {
        if let Some(turn) = with_state(|state| state.members[place].turn.clone()) {
            let (done, deadline) = within(place, || turn());
            all = (all.0 | done, all.1.min(deadline));
        }
    }
    all
}

/// One turn for every partition; true if any did anything.
pub fn turn_all() -> bool {
    turn_each().0
}

/// The time.
pub fn clock() -> u64 {
    with_state(|state| state.clock)
}

/// Moves time on.
pub fn advance(to: u64) {
    with_state(|state| {
        state.clock = state.clock.max(to);
        let mut page = TimePage::new_zeroed();
        page.base = state.clock;
        pages::write(state.time_page, page.as_bytes());
    });
}

/// Waits as the current partition: the others run meanwhile, and time passes when they have nothing to do.
fn wait(mask: u64, deadline: u64) -> Result<u64, Error> {
    loop {
        let events = with_state(|state| state.take_events(mask));
        if events != 0 {
            return Ok(events);
        }
        if deadline <= clock() {
            return Err(Error::Timeout);
        }
        let (done, next) = turn_each();
        let next = next.min(deadline);
        if !done
            && with_state(|state| {
                state.current.is_some_and(|me| state.members[me].events & mask == 0)
            })
        {
            assert!(next != u64::MAX, "everybody waits for ever");
            advance(next);
        }
    }
}

fn perform(call: Call, arguments: [u64; 6]) -> Result<u64, Error> {
    let [a, b, c, ..] = arguments;
    match call {
        Call::Wait => wait(a, b),
        Call::Ring => with_state(|state| state.ring(a)).map(|()| 0),
        Call::Call => {
            with_state(|state| state.ring(a))?;
            wait(b, c)
        }
        Call::Debug => with_state(|state| state.debug(a, b, &arguments[2..])),
        Call::Yield => Ok(0),
        _ => Err(Error::NoSuchCall),
    }
}

/// Enters the mock of the kernel.
pub fn call(number: u64, arguments: [u64; 6]) -> (u64, [u64; 4]) {
    let Some(call) = Call::from_number(number) else { return (Error::NoSuchCall as u64, [0; 4]) };
    match perform(call, arguments) {
        Ok(value) => (0, [value, 0, 0, 0]),
        Err(error) => (error as u64, [0; 4]),
    }
}

/// Address of the current partition's information pages.
pub fn information() -> Option<u64> {
    with_state(|state| state.current.map(|current| state.members[current].page))
}

/// Address of the current partition's report page.
pub fn report() -> Option<u64> {
    with_state(|state| state.current.map(|current| state.members[current].report))
}

/// Address of the time page.
pub fn time_page() -> u64 {
    with_state(|state| state.time_page)
}
