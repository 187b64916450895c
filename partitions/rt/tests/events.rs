//! The event loop, the log and the handles, between partitions in one thread.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod any;

use abi::channel::ChannelKind;
use abi::types::EventBit;
use any::{Any, AnyRequest, AnyStatus};
use rt::mock::{Running, World};
use rt::protocol::{Console, ConsoleRequest, ConsoleStatus, Resources};
use rt::{
    CallError, Client, Nanoseconds, Owed, Partition, Server, Signal, Start, Stop, System, Timer,
};
use std::cell::RefCell;
use std::rc::Rc;

/// Serves, and counts what happens to it.
#[derive(Default)]
struct Serving {
    owed: Vec<(Server<Any>, Owed)>,
    signals: u32,
    restarted: u32,
    changed: u32,
    /// Leaves requests in the ring.
    lazy: bool,
}

impl Serving {
    fn serve(&mut self, system: &mut System) {
        for server in system.servers::<Any>() {
            while let Some(request) = server.next(system) {
                match request.code() {
                    Some(AnyRequest::Now) => {
                        server.answer(system, &request, AnyStatus::Ok, request.bytes());
                    }
                    _ => self.owed.push((server, request.owed())),
                }
            }
        }
    }
}

impl Partition for Serving {
    fn started(system: &mut System, _: &Start) -> Self {
        system.servers::<Any>();
        Self::default()
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        self.signals += 1;
        if !self.lazy {
            self.serve(system);
        }
    }
    fn peer_restarted(&mut self, _: &mut System, _: Signal) {
        self.restarted += 1;
    }
    fn changed(&mut self, _: &mut System) {
        self.changed += 1;
    }
}

/// Asks what the test tells it to, and keeps the answers.
#[derive(Default)]
struct Asking {
    answers: Vec<Result<AnyStatus, CallError>>,
    timers: Vec<Timer>,
    stop: bool,
}

impl Partition for Asking {
    fn started(system: &mut System, _: &Start) -> Self {
        let _: Option<Client<Any>> = system.client("one");
        Self::default()
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        for name in ["one", "two"] {
            let Some(client) = system.client::<Any>(name) else { continue };
            while let Some(answer) = signal.is(client).then(|| client.next(system)).flatten() {
                self.answers.push(answer.status());
            }
        }
    }
    fn deadline(&mut self, _: &mut System, timer: Timer) {
        self.timers.push(timer);
    }
    fn stop_asked(&mut self, _: &mut System) -> Stop {
        self.stop = true;
        Stop::Soon
    }
}

fn pair(world: &World, channels: &[&str]) -> (Running<Asking>, Running<Serving>) {
    let (asks, serves) = (world.partition("asks"), world.partition("serves"));
    for name in channels {
        world.channel(ChannelKind::Custom, (asks, name), (serves, name));
    }
    (world.start(asks), world.start(serves))
}

#[test]
fn names_kinds_and_roles_must_all_fit() {
    let world = World::new();
    let (asks, serves) = pair(&world, &["one"]);
    asks.with(|_, system| {
        assert!(system.client::<Any>("one").is_some());
        assert!(system.client::<Any>("two").is_none());
        assert!(system.server::<Any>("one").is_none());
        assert!(system.client::<Resources>("one").is_none());
        assert!(system.interrupt("one").is_none() && system.ports("one").is_none());
        assert!(system.console().is_none());
        let nowhere = Client::<Any>::default();
        assert_eq!(nowhere.send(system, AnyRequest::Now, &[]), Err(CallError::NoPeer));
        assert!(nowhere.next(system).is_none());
    });
    serves.with(|_, system| {
        assert!(system.server::<Any>("one").is_some() && system.client::<Any>("one").is_none());
    });
}

#[test]
fn a_call_in_the_middle_loses_no_event_of_another_channel() {
    let world = World::new();
    let (asks, serves) = pair(&world, &["one", "two"]);
    world.run();
    asks.with(|main, system| {
        let one = system.client::<Any>("one").unwrap();
        let two = system.client::<Any>("two").unwrap();
        one.send(system, AnyRequest::Now, &[]).unwrap();
        let answer = two.call(system, AnyRequest::Now, b"x", Nanoseconds::NEVER).ok().unwrap();
        assert_eq!((answer.status(), answer.bytes()), (Ok(AnyStatus::Ok), &b"x"[..]));
        assert!(main.answers.is_empty());
    });
    world.run();
    asks.with(|main, _| assert_eq!(main.answers, [Ok(AnyStatus::Ok)]));
    assert_eq!(serves.with(|main, _| main.signals), 2);
}

// covers: CHN-6
#[test]
fn a_client_that_rings_before_its_restart_is_announced_is_served() {
    let world = World::new();
    let (client, server) = (world.partition("asks"), world.partition("serves"));
    world.channel(ChannelKind::Custom, (client, "one"), (server, "one"));
    let (asks, _serves) = (world.start::<Asking>(client), world.start::<Serving>(server));
    world.run();
    world.restart_untold(&asks);
    asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Now, &[]).unwrap();
    });
    world.run();
    assert_eq!(asks.with(|main, _| main.answers.len()), 0);
    world.event(server, EventBit::PEER);
    world.run();
    assert_eq!(asks.with(|main, _| main.answers.len()), 1);
}

#[test]
fn answers_to_a_client_of_the_past_reach_nobody() {
    let world = World::new();
    let (asks, serves) = pair(&world, &["one"]);
    asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Later, &[]).unwrap();
    });
    world.run();
    world.restart(&asks);
    world.run();
    assert_eq!(serves.with(|main, _| (main.restarted, main.changed)), (1, 1));
    serves.with(|main, system| {
        let (server, owed) = main.owed.pop().unwrap();
        server.answer_owed(system, owed, AnyStatus::Ok, &[]);
        server.answer_owed(system, owed, AnyStatus::Ok, &[]);
    });
    asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Now, &[]).unwrap();
    });
    world.run();
    assert_eq!(asks.with(|main, _| main.answers.len()), 1);
}

#[test]
fn what_a_dead_server_owed_comes_back_as_restarted() {
    let world = World::new();
    let (asks, serves) = pair(&world, &["one"]);
    asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Later, &[]).unwrap();
        one.send_idempotent(system, AnyRequest::Later, &[]).unwrap();
        one.post(system, AnyRequest::Later, &[]).unwrap();
    });
    world.run();
    assert_eq!(serves.with(|main, _| main.owed.len()), 3);
    world.restart(&serves);
    world.run();
    assert_eq!(asks.with(|main, _| main.answers.clone()), [Err(CallError::PeerRestarted)]);
    assert_eq!(serves.with(|main, _| main.owed.len()), 1, "the idempotent one was sent again");
}

#[test]
fn a_server_that_leaves_requests_behind_does_not_spin() {
    let world = World::new();
    let (asks, serves) = pair(&world, &["one"]);
    serves.with(|main, _| main.lazy = true);
    asks.with(|_, system| {
        let one = system.client::<Any>("one").unwrap();
        one.send(system, AnyRequest::Now, &[]).unwrap();
    });
    world.run();
    assert_eq!(serves.with(|main, _| main.signals), 1);
    serves.with(|main, _| main.lazy = false);
    world.event(serves.place(), EventBit::PEER);
    world.run();
    assert_eq!(asks.with(|main, _| main.answers.len()), 1, "told again at the next event");
}

thread_local! {
    /// What others do while an entry of [`Interrupted`] ends.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Serves, and loses the processor before it can sleep.
struct Interrupted(Serving);

impl Partition for Interrupted {
    fn started(system: &mut System, start: &Start) -> Self {
        Self(Serving::started(system, start))
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        self.0.signal(system, signal);
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
    }
}

/// A server is woken for a new epoch and finds no request in it; the request comes before it sleeps, so no doorbell rings.
// covers: CHN-5
#[test]
fn what_comes_before_the_runtime_sleeps_is_told_of() {
    let world = World::new();
    let (asks, serves) = (world.partition("asks"), world.partition("serves"));
    world.channel(ChannelKind::Custom, (asks, "one"), (serves, "one"));
    let asks = Rc::new(world.start::<Asking>(asks));
    let later = Rc::clone(&asks);
    MEANWHILE.set(Some(Box::new(move || {
        later.with(|_, system| {
            let one = system.client::<Any>("one").unwrap();
            one.send(system, AnyRequest::Now, &[]).unwrap();
        });
    })));
    let serves = world.start::<Interrupted>(serves);
    world.run();
    assert_eq!(serves.with(|main, _| main.0.signals), 2, "the request stays in the ring");
    assert_eq!(asks.with(|main, _| main.answers.clone()), [Ok(AnyStatus::Ok)]);
}

#[test]
fn timers_end_in_their_order_and_once() {
    let world = World::new();
    let (asks, _serves) = pair(&world, &[]);
    let (late, soon, never) = asks.with(|_, system| {
        let late = system.after(rt::time::milliseconds(20)).unwrap();
        let soon = system.after(rt::time::milliseconds(10)).unwrap();
        let never = system.after(rt::time::milliseconds(15)).unwrap();
        system.cancel(never);
        (late, soon, never)
    });
    world.advance(rt::time::milliseconds(9));
    assert!(asks.with(|main, _| main.timers.is_empty()));
    world.advance(rt::time::milliseconds(30));
    world.advance(rt::time::milliseconds(30));
    asks.with(|main, _| assert_eq!(main.timers, [soon, late]));
    assert_ne!(never, soon);
    asks.with(|_, system| {
        let fits = (0..100).filter(|_| system.after(Nanoseconds::NOW).is_some()).count();
        assert_eq!(fits, rt::TIMERS);
    });
}

#[test]
fn a_partition_may_ask_for_time_before_it_stops() {
    let world = World::new();
    let (asks, serves) = pair(&world, &[]);
    world.event(asks.place(), EventBit::STOP);
    world.run();
    assert!(asks.with(|main, _| main.stop));
    world.event(serves.place(), EventBit::STOP);
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    assert!(ended.is_err(), "the default is to end at once");
}

/// A console that shows what it is asked to, unless it is told to be slow.
#[derive(Default)]
struct Terminal {
    shown: String,
    slow: bool,
}

impl Partition for Terminal {
    fn started(system: &mut System, _: &Start) -> Self {
        system.servers::<Console>();
        Self::default()
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        for server in system.servers::<Console>() {
            while let Some(request) = (!self.slow).then(|| server.next(system)).flatten() {
                if request.code() == Some(ConsoleRequest::Write) {
                    self.shown += core::str::from_utf8(request.bytes()).unwrap();
                    server.answer(system, &request, ConsoleStatus::Ok, &[]);
                }
            }
        }
    }
}

fn with_console(world: &World) -> (Running<Asking>, Running<Terminal>) {
    let (asks, terminal) = (world.partition("asks"), world.partition("terminal"));
    world.channel(ChannelKind::Console, (asks, "console"), (terminal, "users"));
    (world.start(asks), world.start(terminal))
}

#[test]
fn the_log_goes_to_the_console_in_one_piece() {
    let world = World::new();
    let (asks, terminal) = with_console(&world);
    let long = "0123456789".repeat(190);
    asks.with(|_, _| rt::log!("{long}"));
    world.run();
    asks.with(|_, _| rt::print!("and {}", 1));
    world.run();
    assert_eq!(terminal.with(|main, _| main.shown.clone()), format!("{long}\nand 1"));
    assert_eq!(world.text(asks.place()), "", "not to the debug port as well");
}

// covers: CHN-6
#[test]
fn a_dead_console_costs_the_oldest_text_and_never_time() {
    let world = World::new();
    let (asks, terminal) = with_console(&world);
    world.run();
    world.kill(&terminal);
    asks.with(|_, _| (0..1000).for_each(|n| rt::log!("line {n:04}")));
    world.run();
    world.restart(&terminal);
    world.run();
    asks.with(|_, _| rt::log!("after"));
    world.run();
    let shown = terminal.with(|main, _| main.shown.clone());
    assert!(shown.ends_with("line 0998\nline 0999\nafter\n"), "{shown}");
    assert!(!shown.contains("line 0000") && shown.len() > 1000);
}

#[test]
fn long_output_waits_for_room_and_gives_up_at_its_deadline() {
    let world = World::new();
    let (asks, terminal) = with_console(&world);
    world.run();
    asks.with(|_, system| {
        let console = system.console().unwrap();
        for n in 0..100 {
            let line = format!("line {n:04}\n");
            let sent =
                console.post_by(system, ConsoleRequest::Write, line.as_bytes(), Nanoseconds::NEVER);
            assert_eq!(sent, Ok(()));
        }
    });
    world.run();
    assert_eq!(terminal.with(|main, _| main.shown.lines().count()), 100);
    terminal.with(|main, _| main.slow = true);
    asks.with(|_, system| {
        let console = system.console().unwrap();
        let soon = rt::time::after(rt::time::milliseconds(1));
        let sent = (0..100)
            .map(|_| console.post_by(system, ConsoleRequest::Write, b"x", soon))
            .find(|sent| sent.is_err());
        assert_eq!(sent, Some(Err(CallError::Timeout)));
    });
}
