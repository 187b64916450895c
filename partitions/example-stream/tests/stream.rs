//! The very code of the partition, twice, joined by a channel in memory.

use abi::channel::ChannelKind;
use example_stream::{BLOCKS, Block, Main, Sink, SinkRequest, SinkStatus};
use rt::mock::{NOISE, Noise, Running, World};

fn pair(world: &World) -> (Running<Main>, Running<Main>) {
    let (sends, takes) = (world.partition("sends"), world.partition("takes"));
    world.channel(ChannelKind::Custom, (sends, "sink"), (takes, "sources"));
    (world.start(sends), world.start(takes))
}

// covers: CHN-5
#[test]
fn all_blocks_arrive_and_doorbells_are_few() {
    let world = World::new();
    let (sends, takes) = pair(&world);
    world.run();
    assert_eq!(sends.with(|main, _| main.done), BLOCKS);
    assert_eq!(takes.with(|main, _| main.received), BLOCKS);
    assert!(world.rung(takes.place()) <= BLOCKS / 2, "{} rings", world.rung(takes.place()));
    world.advance(rt::time::seconds(6));
    assert_eq!(takes.with(|main, _| main.received), 2 * BLOCKS);
}

#[test]
fn a_block_outside_or_with_other_contents_is_refused() {
    let world = World::new();
    let (sends, takes) = pair(&world);
    world.run();
    sends.with(|_, system| {
        let sink = system.client::<Sink>("sink").unwrap();
        let bad = [
            Block { number: 1, offset: 0, length: 4096 },
            Block { number: 1, offset: u32::MAX, length: 1024 },
            Block { number: 99, offset: 0, length: 1024 },
        ];
        for block in bad {
            let bytes = rt::bytes(&block);
            let soon = rt::Nanoseconds::NEVER;
            let answer = sink.call(system, SinkRequest::Take, bytes, soon).ok().unwrap();
            assert_eq!(answer.status(), Ok(SinkStatus::Bad), "{block:?}");
        }
        let soon = rt::Nanoseconds::NEVER;
        let short = sink.call(system, SinkRequest::Take, b"short", soon).ok().unwrap();
        assert_eq!(short.status(), Ok(SinkStatus::Bad));
    });
    assert_eq!(takes.with(|main, _| main.received), BLOCKS);
}

#[test]
fn a_restarted_receiver_costs_blocks_under_way_and_the_stream_goes_on() {
    let world = World::new();
    let (sends, takes) = pair(&world);
    world.restart(&takes);
    world.run();
    assert_eq!(sends.with(|main, _| main.done), BLOCKS);
    assert!(takes.with(|main, _| main.received) <= BLOCKS);
    assert!(takes.with(|main, _| main.received) >= BLOCKS - 8);
}

/// Whatever a sender asks and a receiver answers: who is honest is served as ever.
#[test]
fn noise_does_no_harm() {
    let world = World::new();
    let (sends, takes) = (world.partition("sends"), world.partition("takes"));
    let (noise, liar) = (world.partition("noise"), world.partition("liar"));
    let misled = world.partition("misled");
    world.channel(ChannelKind::Custom, (sends, "sink"), (takes, "sources"));
    world.channel(ChannelKind::Custom, (noise, NOISE), (takes, "noise"));
    world.channel(ChannelKind::Custom, (misled, "sink"), (liar, "sources"));
    let (takes, liar) = (world.start::<Main>(takes), world.start::<Noise>(liar));
    let noise = world.start::<Noise>(noise);
    let (sends, misled) = (world.start::<Main>(sends), world.start::<Main>(misled));
    for round in 1..=100 {
        (0..5).for_each(|_| noise.with(Noise::ask));
        world.advance(rt::time::seconds(6));
        assert!(sends.with(|main, _| main.done) >= round * BLOCKS);
    }
    assert!(noise.with(|one, _| one.said) > 450 && liar.with(|one, _| one.said) > 100 * BLOCKS);
    assert!(takes.with(|main, _| main.received) >= 100 * BLOCKS);
    assert!(
        misled.with(|main, _| main.done >= 100 * BLOCKS),
        "blocks are lost, the stream goes on"
    );
}
