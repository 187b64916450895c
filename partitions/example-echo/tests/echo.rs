//! The very code of the partition, twice, joined by a channel in memory.

use abi::channel::ChannelKind;
use example_echo::{Echo, EchoRequest, EchoStatus, Main, WORDS};
use rt::mock::{NOISE, Noise, Running, World};
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

/// Whatever a client asks and a server answers: who is honest is served as ever.
#[test]
fn noise_does_no_harm() {
    let world = World::new();
    let places = ["asks", "noise", "answers", "liar"].map(|name| world.partition(name));
    let [asks, noise, answers, liar] = places;
    world.channel(ChannelKind::Custom, (asks, "ask"), (answers, "clients"));
    world.channel(ChannelKind::Custom, (noise, NOISE), (answers, "noise"));
    let misled = world.partition("misled");
    world.channel(ChannelKind::Custom, (misled, "ask"), (liar, "clients"));
    let (answers, liar) = (world.start::<Main>(answers), world.start::<Noise>(liar));
    let noise = world.start::<Noise>(noise);
    let (asks, misled) = (world.start::<Main>(asks), world.start::<Main>(misled));
    for round in 1..=200 {
        (0..5).for_each(|_| noise.with(Noise::ask));
        world.advance(rt::time::seconds(1));
        assert!(asks.with(|main, _| main.echoed) >= round);
    }
    assert!(noise.with(|one, _| one.said) > 900 && liar.with(|one, _| one.said) > 190);
    assert!(answers.with(|main, _| main.answered) > 1100);
    assert!(misled.with(|main, _| main.echoed) < 5, "an answer is believed by its bytes alone");
}
