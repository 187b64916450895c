//! A small system in one thread, for unit tests of partitions on the host: the same code, rings and event loop
//! included, over a mock of the kernel and of the resource manager.
//!
//! Time stands still unless [`World::advance`] moves it, or nobody has anything to do and somebody waits for a deadline.

#![expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "part of tests: a mistake here should fail the test"
)]

pub(crate) mod kernel;
mod noise;
mod pages;

use crate::information::is_end;
use crate::log::{self, Voice};
use crate::memory::Window;
use crate::run::{Partition, Sleep};
use crate::system::System;
use abi::channel::{ChannelKind, PARTED, Role, SERVER_AREA};
use abi::image::name_from;
use abi::information::{Resource, ResourceKind, StartReason};
use abi::types::{EventBit, Nanoseconds};
use core::sync::atomic::Ordering;
use kernel::{Doorbell, Member, with_state};
pub use noise::{NOISE, Noise};
#[cfg(test)]
pub(crate) use pages::make;
pub(crate) use pages::owns;
use std::boxed::Box;
use std::cell::RefCell;
use std::rc::Rc;
use std::string::String;
use zerocopy::FromZeros;

/// Capability slot of the debug port in every partition of the mock.
const DEBUG_SLOT: u16 = 1;
/// First slot of doorbells.
const DOORBELLS: u16 = 2;

/// The event of the channel at a place: channels of one partition share events.
const fn event_of(place: usize) -> u8 {
    (place % 5) as u8
}

/// Names a partition of the world.
pub type Place = usize;

/// A system under test; a thread has one at a time.
#[derive(Debug)]
pub struct World(());

/// A partition's program and its view of the system.
struct Life<P> {
    partition: P,
    system: System,
}

/// A partition that runs in the world.
pub struct Running<P> {
    place: Place,
    life: Rc<RefCell<Option<Life<P>>>>,
}

impl World {
    /// An empty world; the one before on this thread ends.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it replaces the world before")]
    pub fn new() -> Self {
        log::with(|voice| *voice = Voice::new());
        kernel::reset();
        Self(())
    }

    /// Adds a partition. It may write to the debug port, where its log goes unless it has a channel "console".
    pub fn partition(&self, name: &str) -> Place {
        with_state(|state| {
            let mut member = Member::new(name_from(name).unwrap());
            let mut debug = Resource::new_zeroed();
            (debug.kind, debug.slot) = (ResourceKind::Debug as u8, DEBUG_SLOT);
            member.resources.push(debug);
            state.members.push(member);
            let place = state.members.len() - 1;
            state.publish(place);
            place
        })
    }

    /// Joins two partitions by a channel with rings of 8 entries and a page of data. Each side knows it by its own name.
    pub fn channel(&self, kind: ChannelKind, client: (Place, &str), server: (Place, &str)) {
        let (address, length) = pages::make(4);
        with_state(|state| {
            state.channels += 1;
            let id = state.channels;
            for (role, own, peer) in
                [(Role::Client, client, server), (Role::Server, server, client)]
            {
                let event = event_of(state.members[own.0].resources.len());
                let before = usize::from(role == Role::Server);
                let peer_event = event_of(state.members[peer.0].resources.len() - before);
                let member = &mut state.members[own.0];
                let mut resource = Resource::new_zeroed();
                resource.name = name_from(own.1).unwrap();
                (resource.kind, resource.role) = (ResourceKind::Channel as u8, role as u8);
                (resource.event, resource.ring_shift) = (event, 3);
                resource.slot = DOORBELLS + member.doorbells.len() as u16;
                resource.channel_kind = kind as u16;
                (resource.address, resource.length) = (address, length);
                (resource.epoch, resource.id, resource.peer) = (1, id, peer.0 as u32);
                resource.version = 1;
                member.doorbells.push(Doorbell { to: peer.0, bit: 1 << peer_event });
                member.resources.push(resource);
            }
            state.publish(client.0);
            state.publish(server.0);
        });
    }

    /// The partition leaves for good: the servers of its channels are told.
    pub fn leave(&self, client: Place) {
        self.change_served(client, |resource| resource.epoch = 0);
    }

    /// The channels of a partition that left are taken away from their servers, whether those let go of them or not.
    pub fn cut(&self, client: Place) {
        self.change_served(client, |resource| *resource = Resource::new_zeroed());
    }

    /// A partition comes in place of one that ended, before their server has looked: number, address and doorbell of the channel are
    /// those of the old one, its memory is clean.
    pub fn succeed(&self, old: Place, client: Place) {
        with_state(|state| {
            let mut own = state.members[old].resources.last().copied().unwrap();
            let to = state.members[old].doorbells[usize::from(own.slot - DOORBELLS)];
            own.epoch = 1;
            own.slot = DOORBELLS + state.members[client].doorbells.len() as u16;
            let memory = Window::new(own.address, own.length).unwrap();
            (0..memory.length()).for_each(|byte| memory.write_bytes(byte, &[0]));
            state.members[client].doorbells.push(to);
            state.members[client].resources.push(own);
            state.members.iter_mut().flat_map(|one| &mut one.doorbells).for_each(|bell| {
                bell.to = if bell.to == old { client } else { bell.to };
            });
            state.publish(client);
        });
        self.change_served(old, |resource| (resource.peer, resource.epoch) = (client as u32, 1));
    }

    /// Whoever writes a partition's information pages is in the middle of it, or is not any more.
    pub fn hold(&self, place: Place, held: bool) {
        with_state(|state| state.hold(place, held));
    }

    fn change_served(&self, client: Place, change: impl Fn(&mut Resource)) {
        with_state(|state| {
            for place in 0..state.members.len() {
                let channels = state.members[place].resources.iter_mut();
                let served =
                    |one: &&mut Resource| is_end(one, Role::Server) && one.peer == client as u32;
                let told = channels.filter(served).map(&change).count() > 0;
                state.members[place].events |= if told { EventBit::PEER.mask() } else { 0 };
                state.publish(place);
            }
        });
    }

    /// Whether all servers of a partition's channels have let go of them.
    #[must_use]
    pub fn parted(&self, client: Place) -> bool {
        with_state(|state| {
            let channels = state.members[client].resources.iter().filter(|one| one.id != 0);
            let word = |one: &Resource| {
                let memory = Window::new(one.address, one.length).unwrap();
                memory.load64(SERVER_AREA, Ordering::Relaxed) as u32
            };
            channels.map(word).all(|word| word == PARTED)
        })
    }

    /// Starts a partition's program.
    pub fn start<P: Partition + 'static>(&self, place: Place) -> Running<P> {
        let life = Rc::new(RefCell::new(None));
        let running = Running { place, life };
        running.begin();
        running
    }

    /// Kills a partition and starts it again with clean memory; its peers are told.
    pub fn restart<P: Partition + 'static>(&self, running: &Running<P>) {
        self.kill(running);
        with_state(|state| state.renew(running.place, StartReason::Recovered));
        running.begin();
    }

    /// As [`World::restart`], but its peers are not told: that is left to [`World::event`] with [`EventBit::PEER`].
    pub fn restart_untold<P: Partition + 'static>(&self, running: &Running<P>) {
        self.kill(running);
        with_state(|state| {
            state.renew(running.place, StartReason::Recovered);
            state.members.iter_mut().for_each(|member| member.events &= !EventBit::PEER.mask());
        });
        running.begin();
    }

    /// Kills a partition. Its peers are told only when it is started again.
    pub fn kill<P>(&self, running: &Running<P>) {
        *running.life.borrow_mut() = None;
        with_state(|state| state.members[running.place].bury());
    }

    /// Lets everybody run until nobody has anything to do.
    pub fn run(&self) {
        let mut turns = 0;
        while kernel::turn_all() {
            turns += 1;
            assert!(turns < 100_000, "the world never comes to rest");
        }
    }

    /// Lets time pass, then everybody run.
    pub fn advance(&self, length: Nanoseconds) {
        self.run();
        kernel::advance(kernel::clock() + length.raw());
        self.run();
    }

    /// What a partition wrote to the debug port.
    #[must_use]
    pub fn text(&self, place: Place) -> String {
        with_state(|state| String::from_utf8_lossy(&state.members[place].text).into_owned())
    }

    /// How often the partition's doorbells were rung.
    #[must_use]
    pub fn rung(&self, place: Place) -> u64 {
        with_state(|state| state.members[place].rung)
    }

    /// Asks a partition to stop, or tells it of another event that is not a channel's.
    pub fn event(&self, place: Place, bit: EventBit) {
        with_state(|state| state.members[place].events |= bit.mask());
    }
}

impl<P: Partition + 'static> Running<P> {
    fn begin(&self) {
        let place = self.place;
        let life = kernel::within(place, || {
            let ends = Box::leak(Box::new([const { None }; 64]));
            let mut system = System::new(ends);
            let start = system.start();
            let partition = P::started(&mut system, &start);
            system.open_others();
            Life { partition, system }
        });
        *self.life.borrow_mut() = Some(life);
        let life = Rc::clone(&self.life);
        let turn = move || {
            let Ok(mut life) = life.try_borrow_mut() else { return (false, u64::MAX) };
            let Some(life) = life.as_mut() else { return (false, u64::MAX) };
            let done = life.system.turn(&mut life.partition, Sleep::Never);
            life.system.check_agenda();
            (done, life.system.next_deadline().raw())
        };
        with_state(|state| state.members[place].turn = Some(Rc::new(turn)));
    }

    /// Where it runs.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Looks into the partition, or lets it do something, as if one of its entries ran.
    pub fn with<R>(&self, action: impl FnOnce(&mut P, &mut System) -> R) -> R {
        kernel::within(self.place, || {
            let mut life = self.life.borrow_mut();
            let life = life.as_mut().unwrap();
            action(&mut life.partition, &mut life.system)
        })
    }
}
