//! The very code of the partition, twice, joined by a channel in memory, and the keeper killed at any time.

use abi::channel::ChannelKind;
use example_survivor::{Keep, KeepRequest, Main, PACE};
use proptest::prelude::*;
use rt::mock::{NOISE, Noise, Running, World};
use rt::{CallError, Nanoseconds};

fn pair(world: &World) -> (Running<Main>, Running<Main>) {
    let (counts, keeps) = (world.partition("counts"), world.partition("keeps"));
    world.channel(ChannelKind::Custom, (counts, "keeper"), (keeps, "clients"));
    (world.start(counts), world.start(keeps))
}

#[test]
fn what_was_on_its_way_is_sent_again() {
    let world = World::new();
    let (counts, keeps) = pair(&world);
    world.run();
    world.kill(&keeps);
    world.advance(PACE);
    assert_eq!(counts.with(|main, _| main.confirmed), 0, "nobody is there to confirm it");
    world.restart(&keeps);
    world.run();
    assert_eq!(counts.with(|main, _| (main.confirmed, main.restarts)), (1, 1));
    assert_eq!(keeps.with(|main, _| main.kept), 1);
}

#[test]
fn a_call_under_way_says_that_the_peer_was_restarted() {
    let world = World::new();
    let (counts, keeps) = pair(&world);
    world.run();
    world.kill(&keeps);
    let keeper = counts.with(|_, system| {
        let keeper = system.client::<Keep>("keeper").unwrap();
        keeper.send(system, KeepRequest::Tell, &[]).unwrap();
        keeper
    });
    world.restart(&keeps);
    // Looked at before the partition's own entries could take it.
    counts.with(|_, system| {
        let busy = keeper.call(system, KeepRequest::Tell, &[], Nanoseconds::NOW).err();
        assert_eq!(busy, Some(CallError::Busy));
    });
    world.run();
    assert_eq!(counts.with(|main, _| main.restarts), 1);
}

#[test]
fn the_survivor_itself_may_restart() {
    let world = World::new();
    let (counts, keeps) = pair(&world);
    world.advance(PACE);
    world.advance(PACE);
    assert_eq!(keeps.with(|main, _| main.kept), 2);
    world.restart(&counts);
    world.advance(PACE);
    assert!(world.text(counts.place()).contains("start 2, Recovered"));
    assert_eq!(counts.with(|main, _| main.confirmed), 2, "what is kept was never less");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_confirmed_number_is_ever_lost(steps in proptest::collection::vec(0..6_u8, 1..60)) {
        let world = World::new();
        let (counts, keeps) = pair(&world);
        for step in steps {
            match step {
                0 => world.restart(&keeps),
                1 => world.restart(&counts),
                2 => world.run(),
                _ => world.advance(Nanoseconds::new(PACE.raw() / 2 * u64::from(step))),
            }
        }
        world.run();
        let confirmed = counts.with(|main, _| main.confirmed);
        prop_assert!(keeps.with(|main, _| main.kept) >= confirmed);
        world.advance(PACE);
        world.advance(PACE);
        prop_assert!(counts.with(|main, _| main.confirmed) > confirmed, "it goes on");
    }
}

#[test]
fn an_idle_channel_survives_its_server() {
    let world = World::new();
    let (counts, keeps) = pair(&world);
    world.run();
    world.restart(&keeps);
    world.run();
    world.advance(PACE);
    assert_eq!(counts.with(|main, _| main.confirmed), 1);
}

/// Whatever a client asks and a keeper answers: nobody ends, and what is kept never becomes less.
#[test]
fn noise_does_no_harm() {
    let world = World::new();
    let (counts, keeps) = pair(&world);
    let (noise, liar) = (world.partition("noise"), world.partition("liar"));
    let misled = world.partition("misled");
    world.channel(ChannelKind::Custom, (noise, NOISE), (keeps.place(), "noise"));
    world.channel(ChannelKind::Custom, (misled, "keeper"), (liar, "clients"));
    world.event(keeps.place(), abi::types::EventBit::PEER);
    let (noise, liar) = (world.start::<Noise>(noise), world.start::<Noise>(liar));
    let misled = world.start::<Main>(misled);
    let mut before = 0;
    for _ in 0..200 {
        (0..5).for_each(|_| noise.with(Noise::ask));
        world.advance(PACE);
        let kept = keeps.with(|main, _| main.kept);
        assert!(kept >= before && counts.with(|main, _| main.confirmed) <= kept);
        before = kept;
    }
    assert!(noise.with(|one, _| one.said) > 900 && liar.with(|one, _| one.said) > 190);
    assert_eq!(before, u64::MAX, "somebody asked for it");
    assert_eq!(counts.with(|main, _| main.confirmed), u64::MAX, "it goes on there");
    assert!(misled.with(|main, _| main.confirmed) > u64::MAX / 2, "somebody said so");
}
