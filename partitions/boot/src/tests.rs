//! The rescuer against a resource manager that answers anything, late, or not at all.

use crate::Rescuer;
use abi::channel::{ChannelKind, INLINE};
use abi::image::name_from;
use abi::message::resource::{Index, ResourceRequest, StoppedRecord};
use abi::types::EventBit;
use boot_image::damage::Chance;
use rt::mock::World;
use rt::protocol::{Code, Protocol};
use rt::time::milliseconds;
use rt::{Partition, Server, Signal, Start, System};
use std::cell::RefCell;
use std::rc::Rc;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

/// A number on the wire, whatever it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Number(u16);

impl Code for Number {
    fn code(self) -> u16 {
        self.0
    }
    fn from_code(code: u16) -> Option<Self> {
        Some(Self(code))
    }
}

/// The resource manager's channel, spoken on without manners.
struct Raw;

impl Protocol for Raw {
    const KINDS: &'static [ChannelKind] = &[ChannelKind::Boot];
    type Request = Number;
    type Status = Number;
}

/// What happened, outside of the partitions' memory.
struct Seen {
    chance: Chance,
    /// Whether lies are told; else nobody has stopped.
    lies: bool,
    /// Partitions of which the rescuer was told that they may be restarted.
    told: Vec<u32>,
    /// Partitions that it asked to restart.
    restarted: Vec<u32>,
    asked: u64,
}

std::thread_local! {
    static SEEN: RefCell<Option<Rc<RefCell<Seen>>>> = const { RefCell::new(None) };
}

/// The resource manager.
struct Liar {
    seen: Rc<RefCell<Seen>>,
    server: Option<Server<Raw>>,
}

impl Partition for Liar {
    fn started(system: &mut System, _: &Start) -> Self {
        let seen = SEEN.with_borrow(|seen| seen.clone().expect("a test"));
        Self { seen, server: system.server("boot") }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        let Some(server) = self.server else { return };
        while let Some(request) = server.next(system) {
            let mut seen = self.seen.borrow_mut();
            let rescue = request.code() == Some(Number(ResourceRequest::Rescue as u16));
            if let (true, Some(Index { index })) = (rescue, request.body::<Index>()) {
                seen.restarted.push(index);
            }
            if let Some((status, body)) = seen.answer() {
                drop(seen);
                server.answer(system, &request, Number(status), &body);
            }
        }
    }
}

impl Seen {
    fn answer(&mut self) -> Option<(u16, Vec<u8>)> {
        const NO_SUCH: u16 = 1;
        self.asked += 1;
        // A list of those that stopped ends some time even here, or nothing else would ever run.
        if !self.lies || self.chance.one_in(6) {
            return Some((NO_SUCH, Vec::new()));
        }
        let chance = &mut self.chance;
        let status = if chance.one_in(4) { chance.any() as u16 } else { 0 };
        let mut record = StoppedRecord {
            name: name_from("web").expect("short"),
            id: chance.below(6) as u32,
            restarts_left: chance.below(3) as u32,
            backoff: chance.near(10, 32) as u32,
            ..StoppedRecord::new_zeroed()
        };
        record.fault.iter_mut().for_each(|word| *word = chance.near(64, 64));
        let mut body = record.as_bytes().to_vec();
        match chance.below(8) {
            0 => return None,
            1 => body.truncate(chance.below(body.len())),
            2 => body.resize(INLINE, 7),
            3 => {
                let place = chance.below(24);
                chance.change(&mut body, place, 8);
            }
            _ => {}
        }
        if let (0, Ok(record)) = (status, StoppedRecord::read_from_bytes(&body))
            && record.restarts_left > 0
        {
            self.told.push(record.id);
        }
        Some((status, body))
    }
}

/// One life of a rescuer beside a manager that lies and is restarted now and then.
fn life(seed: u64) -> Rc<RefCell<Seen>> {
    let seen =
        Seen { chance: Chance::new(seed), lies: true, told: vec![], restarted: vec![], asked: 0 };
    let seen = Rc::new(RefCell::new(seen));
    SEEN.set(Some(seen.clone()));
    let world = World::new();
    let (manager, boot) = (world.partition("manager"), world.partition("boot"));
    world.channel(ChannelKind::Boot, (boot, "resource"), (manager, "boot"));
    let liar = world.start::<Liar>(manager);
    let rescuer = world.start::<Rescuer>(boot);
    for _ in 0..40 {
        if seen.borrow_mut().chance.one_in(5) {
            world.restart(&liar);
        }
        if seen.borrow_mut().chance.one_in(12) {
            world.restart(&rescuer);
        }
        world.event(boot, EventBit::FAULT);
        world.advance(milliseconds(20));
    }
    // The manager mends its ways: the rescuer still listens.
    seen.borrow_mut().lies = false;
    world.restart(&liar);
    world.advance(milliseconds(5000));
    let before = seen.borrow().asked;
    world.event(boot, EventBit::FAULT);
    world.run();
    assert!(seen.borrow().asked > before, "seed {seed}: the rescuer asks no more");
    seen
}

// covers: CHN-6
#[test]
fn whatever_the_manager_answers_only_those_it_named_are_restarted() {
    let lives = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 5000 } else { 60 };
    let mut restarts = 0;
    for seed in 0..lives {
        let seen = life(seed);
        let seen = seen.borrow();
        for id in &seen.restarted {
            assert!(seen.told.contains(id), "seed {seed}: {id} was not named");
        }
        restarts += seen.restarted.len();
    }
    assert!(restarts > 100, "{restarts} restarts");
}
