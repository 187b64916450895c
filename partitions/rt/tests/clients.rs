//! Clients that come and go while their server runs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod any;

use abi::channel::ChannelKind;
use abi::types::EventBit;
use any::{Any, AnyRequest, AnyStatus};
use rt::mock::{Running, World};
use rt::{
    Answer, CallError, Client, Nanoseconds, Owed, Partition, Server, Signal, Start, System, Ticket,
};
use std::cell::RefCell;

/// Serves, and notes who comes and goes.
#[derive(Default)]
struct Serving {
    owed: Vec<(Server<Any>, Owed)>,
    joined: Vec<Server<Any>>,
    left: Vec<Signal>,
    restarted: u32,
}

impl Partition for Serving {
    fn started(system: &mut System, _: &Start) -> Self {
        system.servers::<Any>();
        Self::default()
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        let server = system.server_of::<Any>(signal).unwrap();
        while let Some(request) = server.next(system) {
            match request.code() {
                Some(AnyRequest::Now) => {
                    server.answer(system, &request, AnyStatus::Ok, request.bytes());
                }
                _ => self.owed.push((server, request.owed())),
            }
        }
    }
    fn peer_restarted(&mut self, _: &mut System, _: Signal) {
        self.restarted += 1;
    }
    fn client_joined(&mut self, system: &mut System, signal: Signal) {
        self.joined.extend(system.server_of(signal));
    }
    fn client_left(&mut self, system: &mut System, signal: Signal) {
        assert!(system.server_of::<Any>(signal).is_none(), "its handles lead nowhere");
        self.left.push(signal);
    }
}

/// Asks what the test tells it to.
#[derive(Default)]
struct Asking {
    answers: u32,
}

impl Partition for Asking {
    fn started(system: &mut System, _: &Start) -> Self {
        let _: Option<Client<Any>> = system.client("one");
        Self::default()
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        let client = system.client::<Any>("one").unwrap();
        while let Some(answer) = client.next(system) {
            assert_eq!(answer.status(), Ok(AnyStatus::Ok));
            self.answers += 1;
        }
    }
}

/// A pair that is joined from the start.
fn pair(world: &World) -> (Running<Asking>, Running<Serving>) {
    let (asks, serves) = (world.partition("asks"), world.partition("serves"));
    world.channel(ChannelKind::Custom, (asks, "one"), (serves, "one"));
    (world.start(asks), world.start(serves))
}

fn ask(world: &World, client: &Running<Asking>, request: AnyRequest) {
    client.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, request, b"x").unwrap();
    });
    world.run();
}

// covers: CHN-1
#[test]
fn clients_come_and_go_while_a_server_runs() {
    let world = World::new();
    let (asks, serves) = pair(&world);
    world.run();
    for round in 1..=40 {
        let late = world.partition("late");
        world.channel(ChannelKind::Custom, (late, "one"), (serves.place(), "late"));
        world.event(serves.place(), EventBit::PEER);
        let late = world.start::<Asking>(late);
        world.run();
        ask(&world, &late, AnyRequest::Now);
        assert_eq!(late.with(|main, _| main.answers), 1);
        serves.with(|main, system| {
            assert_eq!((main.joined.len(), main.left.len()), (round, round - 1));
            let joined = *main.joined.last().unwrap();
            assert_eq!(joined.about(system).unwrap().peer, late.place() as u32);
            assert_eq!(main.restarted, 0, "who came is no peer that was restarted");
        });
        world.kill(&late);
        world.leave(late.place());
        assert!(!world.parted(late.place()));
        world.run();
        assert!(world.parted(late.place()));
        world.cut(late.place());
        world.run();
        serves.with(|main, system| {
            assert_eq!(main.left.len(), round);
            let joined = *main.joined.last().unwrap();
            assert!(joined.about(system).is_none() && joined.next(system).is_none());
            assert_eq!(system.servers::<Any>().len(), 1, "the one that stays");
        });
    }
    // The one that was there all the time is served as ever.
    ask(&world, &asks, AnyRequest::Now);
    assert_eq!(asks.with(|main, _| main.answers), 1);
}

/// Serves whoever signals, and asked for nobody when it started.
struct Unprepared;

impl Partition for Unprepared {
    fn started(_: &mut System, _: &Start) -> Self {
        Self
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        let server = system.server_of::<Any>(signal).unwrap();
        while let Some(request) = server.next(system) {
            server.answer(system, &request, AnyStatus::Ok, request.bytes());
        }
    }
}

#[test]
fn clients_that_were_not_asked_for_are_served() {
    let world = World::new();
    let serves = world.partition("serves");
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let asks = world.partition("asks");
            world.channel(ChannelKind::Custom, (asks, "one"), (serves, "one"));
            asks
        })
        .collect();
    let clients: Vec<_> = clients.into_iter().map(|place| world.start::<Asking>(place)).collect();
    let serves = world.start::<Unprepared>(serves);
    for round in 1..=2 {
        for client in &clients {
            ask(&world, client, AnyRequest::Now);
            assert_eq!(client.with(|main, _| main.answers), round);
        }
        world.restart(&serves);
        world.run();
    }
}

thread_local! {
    /// What happens between a server's look at its clients and the end of its `started`.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Serves, and is slow to start.
struct Slow(Serving);

impl Partition for Slow {
    fn started(system: &mut System, start: &Start) -> Self {
        let serving = Serving::started(system, start);
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        Self(serving)
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        self.0.signal(system, signal);
    }
    fn client_joined(&mut self, system: &mut System, signal: Signal) {
        self.0.client_joined(system, signal);
    }
}

#[test]
fn who_comes_while_a_server_starts_is_told_of() {
    let world: &World = Box::leak(Box::new(World::new()));
    let (serves, late) = (world.partition("serves"), world.partition("late"));
    MEANWHILE.set(Some(Box::new(move || {
        world.channel(ChannelKind::Custom, (late, "one"), (serves, "late"));
        world.event(serves, EventBit::PEER);
    })));
    let serves = world.start::<Slow>(serves);
    let late = world.start::<Asking>(late);
    world.run();
    assert_eq!(serves.with(|main, _| main.0.joined.len()), 1);
    ask(world, &late, AnyRequest::Now);
    assert_eq!(late.with(|main, _| main.answers), 1);
}

/// A server that was cut off in the middle of its work touches nothing of the channel any more.
#[test]
fn a_channel_that_was_cut_off_is_let_go_of_without_a_touch() {
    let world = World::new();
    let (asks, serves) = pair(&world);
    world.run();
    ask(&world, &asks, AnyRequest::Later);
    world.kill(&asks);
    world.cut(asks.place());
    world.run();
    serves.with(|main, system| {
        assert_eq!((main.left.len(), main.owed.len()), (1, 1));
        let (server, owed) = main.owed.pop().unwrap();
        server.answer_owed(system, owed, AnyStatus::Ok, b"nobody hears this");
    });
    world.run();
    assert!(!world.parted(asks.place()), "nobody says anything in memory that is another's by now");
}

/// A server that was busy for so long that it was cut off from a client, and another came in its place, looks only then.
#[test]
fn who_comes_in_the_place_of_another_is_served() {
    let world = World::new();
    let (mut asks, serves) = pair(&world);
    world.run();
    for round in 1..=3 {
        ask(&world, &asks, AnyRequest::Now);
        ask(&world, &asks, AnyRequest::Later);
        world.kill(&asks);
        let heir = world.partition("heir");
        world.succeed(asks.place(), heir);
        asks = world.start(heir);
        world.run();
        serves.with(|main, system| {
            assert_eq!((main.left.len(), main.joined.len(), main.restarted), (round, round, 0));
            let joined = *main.joined.last().unwrap();
            assert_eq!(joined.about(system).unwrap().peer, heir as u32);
            let (server, owed) = main.owed.pop().unwrap();
            server.answer_owed(system, owed, AnyStatus::Ok, b"asked by another");
        });
        ask(&world, &asks, AnyRequest::Now);
        assert_eq!(asks.with(|main, _| main.answers), 1);
    }
}

#[test]
fn a_call_beside_other_questions_loses_no_answer_to_those() {
    let world = World::new();
    let (asks, serves) = pair(&world);
    let later = asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Later, &[]).unwrap()
    });
    world.run();
    let call = |aside: &mut Vec<Ticket>| {
        asks.with(|_, system| {
            let one = system.client::<Any>("one").unwrap();
            let refused = one.call(system, AnyRequest::Now, b"x", Nanoseconds::NEVER).err();
            assert_eq!(refused, Some(CallError::Busy));
            let note = |answer: Answer<Any>| aside.push(answer.ticket());
            let answer = one.call_aside(system, AnyRequest::Now, b"x", Nanoseconds::NEVER, note);
            assert_eq!(answer.ok().unwrap().bytes(), b"x");
        });
    };
    let mut aside = Vec::new();
    call(&mut aside);
    assert!(aside.is_empty());
    serves.with(|main, system| {
        let (server, owed) = main.owed.pop().unwrap();
        server.answer_owed(system, owed, AnyStatus::Ok, &[]);
    });
    call(&mut aside);
    assert_eq!(aside, [later]);
    world.run();
    assert_eq!(asks.with(|main, _| main.answers), 0, "it was answered once");
}
