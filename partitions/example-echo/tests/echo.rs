//! The very code of the partition, twice, joined by a channel in memory.

use abi::channel::ChannelKind;
use example_echo::{Echo, EchoRequest, EchoStatus, Main, WORDS};
use rt::mock::{Running, World};
use rt::{CallError, Nanoseconds};

fn pair(world: &World) -> (Running<Main>, Running<Main>) {
    let (asks, answers) = (world.partition("asks"), world.partition("answers"));
    world.channel(ChannelKind::Custom, (asks, "ask"), (answers, "clients"));
    (world.start(answers), world.start(asks))
}

// covers: CHN-1
#[test]
fn what_is_said_comes_back() {
    let world = World::new();
    let (server, client) = pair(&world);
    world.run();
    assert_eq!(server.with(|main, _| main.answered), 1);
    assert_eq!(client.with(|main, _| main.echoed), 1);
    assert!(world.text(client.place()).contains("echo: answered"));
    world.advance(rt::time::seconds(3));
    assert_eq!(client.with(|main, _| main.echoed), 2, "it asks again, one second after the answer");
}

#[test]
fn a_call_waits_for_its_own_answer() {
    let world = World::new();
    let (_server, client) = pair(&world);
    world.run();
    client.with(|_, system| {
        let ask = system.client::<Echo>("ask").unwrap();
        let answer = ask.call(system, EchoRequest::Say, WORDS, Nanoseconds::NEVER).ok().unwrap();
        assert_eq!(answer.status(), Ok(EchoStatus::Ok));
        assert_eq!(answer.bytes(), WORDS);
        let long = [0; rt::LONGEST + 1];
        let refused = ask.call(system, EchoRequest::Say, &long, Nanoseconds::NEVER).err();
        assert_eq!(refused, Some(CallError::TooLong));
    });
}

#[test]
fn a_dead_server_costs_a_timeout_and_a_late_answer_is_dropped() {
    let world = World::new();
    let (server, client) = pair(&world);
    world.run();
    world.kill(&server);
    client.with(|_, system| {
        let ask = system.client::<Echo>("ask").unwrap();
        let soon = rt::time::after(rt::time::milliseconds(5));
        let refused = ask.call(system, EchoRequest::Say, WORDS, soon).err();
        assert_eq!(refused, Some(CallError::Timeout));
        assert!(rt::now() >= soon);
    });
}
