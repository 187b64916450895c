//! Requests that are sent again, against a server that answers twice, answers what it was asked in a former life, keeps answers to itself
//! and dies at any time: whoever asked gets one answer to each, and to a request that may be done twice never the news that it is lost.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod any;

use abi::channel::ChannelKind;
use abi::types::EventBit;
use any::{Any, AnyRequest, AnyStatus};
use rt::mock::{Running, World};
use rt::{CallError, Client, Owed, Partition, Server, Signal, Start, System, Ticket};
use std::collections::BTreeMap;

/// Random acts of one world, and worlds; some, and many with `BULKHEAD_CAMPAIGN=1`.
const ACTS: u32 = 400;
const WORLDS: [u64; 2] = [60, 4_000];
/// Requests that a ring holds.
const RING: u32 = 8;

/// Numbers that follow from a seed (xorshift*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}

/// Takes everything, and answers nothing by itself.
#[derive(Default)]
struct Serving {
    owed: Vec<Owed>,
}

fn taken(system: &mut System) -> Vec<Owed> {
    let mut owed = Vec::new();
    if let Some(server) = system.server::<Any>("one") {
        while let Some(request) = server.next(system) {
            owed.push(request.owed());
        }
    }
    owed
}

impl Partition for Serving {
    fn started(system: &mut System, _: &Start) -> Self {
        let _: Option<Server<Any>> = system.server("one");
        Self::default()
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        self.owed.extend(taken(system));
    }
}

/// Asks, and notes what is answered to what.
#[derive(Default)]
struct Asking {
    answers: Vec<(Ticket, Result<AnyStatus, CallError>)>,
}

impl Partition for Asking {
    fn started(system: &mut System, _: &Start) -> Self {
        let _: Option<Client<Any>> = system.client("one");
        Self::default()
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        let client: Client<Any> = system.client("one").unwrap();
        while let Some(answer) = client.next(system) {
            self.answers.push((answer.ticket(), answer.status()));
        }
    }
}

/// A world, and what was asked in it.
struct Attack {
    world: World,
    asks: Running<Asking>,
    serves: Running<Serving>,
    chance: Chance,
    /// What this and former lives of the server were asked.
    seen: Vec<Owed>,
    /// By ticket: whether it may be done twice.
    asked: BTreeMap<u64, bool>,
    dead: bool,
}

/// The number of a ticket.
fn number(ticket: Ticket) -> u64 {
    let text = format!("{ticket:?}");
    text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

impl Attack {
    fn new(seed: u64) -> Self {
        let world = World::new();
        let (asks, serves) = (world.partition("asks"), world.partition("serves"));
        world.channel(ChannelKind::Custom, (asks, "one"), (serves, "one"));
        let (asks, serves) = (world.start(asks), world.start(serves));
        world.run();
        let chance = Chance((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { world, asks, serves, chance, seen: Vec::new(), asked: BTreeMap::new(), dead: false }
    }

    fn ask(&mut self) {
        let twice = self.chance.below(3) > 0;
        let sent = self.asks.with(|_, system| {
            let client: Client<Any> = system.client("one").unwrap();
            if twice {
                client.send_idempotent(system, AnyRequest::Later, b"again")
            } else {
                client.send(system, AnyRequest::Later, b"once")
            }
        });
        if let Ok(ticket) = sent {
            assert_eq!(self.asked.insert(number(ticket), twice), None, "a number was given twice");
        }
    }

    /// Answers anything that was ever seen, be it answered or of a former life.
    fn answer(&mut self) {
        if self.dead || self.seen.is_empty() {
            return;
        }
        let owed = self.seen[self.chance.below(self.seen.len())];
        self.serves.with(|_, system| {
            let server: Server<Any> = system.server("one").unwrap();
            server.answer_owed(system, owed, AnyStatus::Ok, b"?");
        });
    }

    fn act(&mut self) {
        match self.chance.below(16) {
            0..5 => self.ask(),
            5..11 => self.answer(),
            11 if !self.dead => {
                self.world.kill(&self.serves);
                self.dead = true;
            }
            12 => {
                self.world.restart(&self.serves);
                self.dead = false;
            }
            13 => {
                self.world.restart_untold(&self.serves);
                self.dead = false;
                if self.chance.below(2) == 0 {
                    self.world.event(self.asks.place(), EventBit::PEER);
                }
            }
            14 => self.world.event(self.asks.place(), EventBit::PEER),
            _ => self.world.run(),
        }
        if !self.dead {
            let owed = self.serves.with(|main, _| std::mem::take(&mut main.owed));
            self.seen.extend(owed);
        }
    }

    /// One answer to each at most, and none that says that what may be done twice is lost.
    fn check(&self) {
        let answers = self.asks.with(|main, _| main.answers.clone());
        let mut answered = BTreeMap::new();
        for (ticket, status) in answers {
            let twice = self.asked.get(&number(ticket));
            let twice = *twice.unwrap_or_else(|| panic!("{ticket:?} was never asked"));
            assert!(status.is_ok() || !twice, "{ticket:?}: {status:?}");
            assert!(answered.insert(number(ticket), ()).is_none(), "{ticket:?} was answered twice");
        }
    }

    /// An honest life at last: everything is answered.
    fn settle(&mut self) {
        self.world.restart(&self.serves);
        for _ in 0..4 * RING {
            self.world.run();
            self.serves.with(|main, system| {
                let server: Server<Any> = system.server("one").unwrap();
                for owed in std::mem::take(&mut main.owed) {
                    server.answer_owed(system, owed, AnyStatus::Ok, b"!");
                }
            });
        }
        self.world.run();
        let answered = self.asks.with(|main, system| {
            let client: Client<Any> = system.client("one").unwrap();
            assert_eq!(client.room(system), RING);
            main.answers.len()
        });
        assert_eq!(answered, self.asked.len(), "something was never answered");
    }
}

// covers: REC-2
#[test]
fn whatever_a_server_answers_each_request_has_one_answer() {
    let worlds = WORLDS[usize::from(std::env::var_os("BULKHEAD_CAMPAIGN").is_some())];
    let (mut asked, mut again) = (0, 0);
    for seed in 0..worlds {
        let mut attack = Attack::new(seed);
        for _ in 0..ACTS {
            attack.act();
        }
        attack.settle();
        attack.check();
        asked += attack.asked.len();
        again += attack.seen.len().saturating_sub(attack.asked.len());
    }
    println!("{asked} requests in {worlds} worlds, {again} more were seen again");
    assert!(asked > 0 && again > 0);
}
