//! What a partition does wrong stops that partition, is told as it was, and touches nobody else.

use crate::check;
use crate::outcome::{Trouble, Verdict};
use crate::world::World;
use abi::fault::word;
use abi::message::resource::StoppedRecord;
use assist::{Ask, EXIT_WORDS, Misdeed, Record};

/// How long a misdeed that a partition survives may take, in milliseconds.
const PATIENCE: u64 = 20_000;

/// Asks assist for the misdeed, and for what must follow.
// covers: KRN-2, KRN-5, KRN-7, REC-1
pub fn misdeed(world: &mut World, misdeed: Misdeed) -> Verdict {
    match misdeed.record() {
        Some(record) => fatal(world, misdeed, record),
        None if misdeed == Misdeed::Spin => spin(world),
        None if misdeed == Misdeed::Scribble => scribble(world),
        None => survived(world, misdeed),
    }
}

fn fatal(world: &mut World, misdeed: Misdeed, record: Record) -> Verdict {
    alive(world)?;
    let before = world.now();
    let stopped =
        world.stopped_after(|world| world.send_assist(Ask::Misbehave, &number(misdeed)))?;
    compare(&stopped, record, before..=world.now())?;
    check!(abi::image::name_text(&stopped.name) == "assist", "another one stopped");
    if misdeed == Misdeed::Exit {
        let extra = stopped.fault[word::EXTRA as usize];
        check!(extra == EXIT_WORDS[2], "second word {extra}");
    }
    reborn(world)
}

fn number(misdeed: Misdeed) -> [u8; 4] {
    (misdeed as u32).to_le_bytes()
}

fn compare(
    stopped: &StoppedRecord,
    record: Record,
    when: core::ops::RangeInclusive<u64>,
) -> Verdict {
    let at = |index: u64| stopped.fault[index as usize];
    let (reason, code, address) = (at(word::REASON), at(word::CODE), at(word::ADDRESS));
    check!(record.reasons.contains(&reason), "reason {reason}, not {:?}", record.reasons);
    check!(
        record.code.is_none_or(|wanted| wanted == code),
        "code {code:#x}, not {:x?}",
        record.code
    );
    let right = record.address.is_none_or(|wanted| wanted == address);
    check!(right, "address {address:#x}, not {:x?}", record.address);
    check!(when.contains(&at(word::TIME)), "at {} ns, not in {when:?}", at(word::TIME));
    check!(at(word::INSTRUCTION) != 0 && at(word::STACK) != 0, "no instruction or stack pointer");
    Ok(())
}

/// Assist answers, and has answered before: its memory is that of one life.
fn alive(world: &mut World) -> Verdict {
    let first = world.poke_when_up()?;
    let second = poke(world)?;
    check!(second == first + 1, "poke {second} after {first}");
    Ok(())
}

/// Assist answers for the first time in a new life, with clean memory and in a new epoch.
fn reborn(world: &mut World) -> Verdict {
    let count = world.poke_when_up()?;
    check!(count == 1, "its memory remembers {count} pokes");
    Ok(())
}

/// How often assist was poked in this life.
pub fn poke(world: &mut World) -> Result<u32, Trouble> {
    let answer = world.ask_assist(Ask::Poke, &[], 2000)?;
    let bytes = answer.first_chunk().ok_or(Trouble::new(format_args!("a short answer")))?;
    Ok(u32::from_le_bytes(*bytes))
}

fn survived(world: &mut World, misdeed: Misdeed) -> Verdict {
    let before = poke(world)?;
    world.ask_assist(Ask::Misbehave, &number(misdeed), PATIENCE)?;
    let after = poke(world)?;
    check!(after == before + 1, "it died: poke {after} after {before}");
    Ok(())
}

/// Assist never answers, everybody else goes on; it is restarted by hand.
fn spin(world: &mut World) -> Verdict {
    alive(world)?;
    world.send_assist(Ask::Misbehave, &number(Misdeed::Spin))?;
    let start = world.now();
    while world.now() < start + 50_000_000 {
        world.sleep(1);
    }
    check!(world.now() < start + 5_000_000_000, "time stood still");
    world.restart("assist")?;
    reborn(world)
}

/// Assist fills the channel with arbitrary bytes: requests may be lost, suite must not be.
fn scribble(world: &mut World) -> Verdict {
    world.send_assist(Ask::Misbehave, &number(Misdeed::Scribble))?;
    world.sleep(100);
    // Whatever comes of these is right, as long as something does.
    for _ in 0..3 {
        let _ = world.ask_assist(Ask::Echo, b"is anybody there", 50);
    }
    world.restart("assist")?;
    reborn(world)?;
    alive(world)
}
