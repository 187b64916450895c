//! A server of many clients, most of whom say nothing.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a mistake here should fail the test"
)]

use super::*;
use crate::mock::{Running, World};
use crate::protocol::Console;
use crate::{Client, Partition, Signal, Start};
use abi::channel::ChannelKind;
use abi::message::console::{ConsoleRequest, ConsoleStatus};
use abi::types::EventBit;
use std::vec::Vec;

const CLIENTS: usize = 40;

/// Serves, and counts signals.
struct Serving(u32);

impl Partition for Serving {
    fn started(_: &mut System, _: &Start) -> Self {
        Self(0)
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        self.0 += 1;
        let server = system.server_of::<Console>(signal).unwrap();
        while let Some(request) = server.next(system) {
            server.answer(system, &request, ConsoleStatus::Ok, &[]);
        }
    }
}

/// Asks when it is told to.
struct Asking;

impl Partition for Asking {
    fn started(_: &mut System, _: &Start) -> Self {
        Self
    }
}

fn asks(one: &Running<Asking>) {
    one.with(|_, system| {
        let client: Client<Console> = system.client("there").unwrap();
        client.post(system, ConsoleRequest::Size, &[]).unwrap();
    });
}

fn awake(server: &Running<Serving>) -> usize {
    server.with(|_, system| {
        let mut from = 0;
        core::iter::from_fn(|| system.next_awake(&mut from)).count()
    })
}

#[test]
fn a_server_looks_at_whom_it_was_told_of_alone() {
    let world = World::new();
    let serves = world.partition("serves");
    let clients: [_; CLIENTS] = core::array::from_fn(|_| {
        let client = world.partition("client");
        world.channel(ChannelKind::Console, (client, "there"), (serves, "here"));
        client
    });
    let server = world.start::<Serving>(serves);
    assert_eq!(awake(&server), CLIENTS, "all that there are at first");
    let clients = clients.map(|client| world.start::<Asking>(client));
    world.run();
    asks(&clients[0]);
    world.run();
    for round in 0..3 {
        for client in &clients {
            asks(client);
            world.run();
        }
        assert_eq!(server.with(|main, _| main.0), 1 + (round + 1) * CLIENTS as u32);
        assert_eq!(awake(&server), 0, "everybody was served");
    }
    // Some come at once, one of them twice, and leave for good.
    [3, 8, 13, 3].into_iter().for_each(|one| asks(&clients[one]));
    world.run();
    let expected = 1 + 3 * CLIENTS as u32 + 3;
    assert_eq!(server.with(|main, _| main.0), expected);
    world.kill(&clients[8]);
    world.leave(clients[8].place());
    world.run();
    assert!(world.parted(clients[8].place()) && awake(&server) == 0);
    asks(&clients[13]);
    world.run();
    assert_eq!(server.with(|main, _| main.0), expected + 1);
}

/// Takes no second request from its first client before the other one has asked.
struct Choosy {
    signals: Vec<u16>,
}

impl Partition for Choosy {
    fn started(_: &mut System, _: &Start) -> Self {
        Self { signals: Vec::new() }
    }
    fn signal(&mut self, system: &mut System, signal: Signal) {
        let Source::End(index) = signal.0 else { return };
        self.signals.push(index);
        if self.signals.len() == 1 || self.signals.contains(&1) {
            let server = system.server_of::<Console>(signal).unwrap();
            while let Some(request) = server.next(system) {
                server.answer(system, &request, ConsoleStatus::Ok, &[]);
            }
        }
    }
}

/// Two clients and the server they share.
fn two<P: Partition + 'static>(world: &World) -> (Running<P>, [Running<Asking>; 2]) {
    let serves = world.partition("serves");
    let clients = [(); 2].map(|()| {
        let client = world.partition("client");
        world.channel(ChannelKind::Console, (client, "there"), (serves, "here"));
        client
    });
    (world.start(serves), clients.map(|client| world.start(client)))
}

#[test]
fn what_was_left_behind_is_told_again_when_another_comes() {
    let world = World::new();
    let (server, clients) = two::<Choosy>(&world);
    world.run();
    for heard in [&[0][..], &[0, 0]] {
        asks(&clients[0]);
        world.run();
        assert_eq!(server.with(|main, _| main.signals.clone()), heard);
    }
    asks(&clients[1]);
    world.run();
    let signals = server.with(|main, _| main.signals.clone());
    assert!(signals.iter().filter(|one| **one == 0).count() == 3, "{signals:?}");
}

/// A server that looks into a channel by itself takes the client's new epoch over, which disarms its end.
#[test]
fn a_new_epoch_that_is_found_by_itself_is_not_the_last_that_is_heard() {
    let world = World::new();
    let (server, clients) = two::<Serving>(&world);
    asks(&clients[0]);
    world.run();
    world.restart(&clients[0]);
    world.run();
    asks(&clients[0]);
    server.with(|_, system| {
        let server = system.server_of::<Console>(Signal(Source::End(0))).unwrap();
        let request = server.next(system).expect("it asked in its new life");
        server.answer(system, &request, ConsoleStatus::Ok, &[]);
    });
    world.run();
    let before = server.with(|main, _| main.0);
    asks(&clients[0]);
    world.run();
    assert_eq!(server.with(|main, _| main.0), before + 1);
}

/// Whoever writes the pages may be held up in the middle, and no ring need follow.
#[test]
fn a_change_that_was_in_the_way_is_looked_at_again() {
    let world = World::new();
    let (server, clients) = two::<Serving>(&world);
    world.run();
    world.restart(&clients[0]);
    server.with(|_, system| {
        world.hold(server.place(), true);
        system.refresh();
        assert!(core::mem::take(&mut system.pending) & EventBit::PEER.mask() != 0);
        world.hold(server.place(), false);
        system.refresh();
        assert_eq!(system.pending & EventBit::PEER.mask(), 0);
    });
    asks(&clients[0]);
    world.run();
    assert_eq!(server.with(|main, _| main.0), 1);
}
