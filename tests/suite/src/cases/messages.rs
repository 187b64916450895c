//! Messages through channels, to another processor where there is one.

use crate::check;
use crate::outcome::Verdict;
use crate::world::World;
use abi::channel::INLINE;
use assist::Ask;

/// How many messages.
const MESSAGES: u32 = 5000;

/// Every byte of every message comes back, whatever its length.
// covers: CHN-1, CHN-3
pub fn every_byte_comes_back(world: &mut World) -> Verdict {
    for number in 0..MESSAGES {
        let bytes = pattern(number);
        let length = number as usize % (INLINE + 1);
        let sent = bytes.get(..length).unwrap_or(&[]);
        let answer = world.ask_assist(Ask::Echo, sent, 2000)?;
        check!(answer[..] == *sent, "message {number} came back as {} bytes", answer.len());
    }
    Ok(())
}

/// As many requests as the ring takes are on the way at once, and all are answered.
// covers: CHN-3, CHN-5
pub fn many_are_on_the_way_at_once(world: &mut World) -> Verdict {
    let (mut sent, mut received) = (0_u32, 0_u32);
    let start = world.now();
    while received < MESSAGES {
        while sent < MESSAGES && world.try_send_assist(Ask::Echo, &sent.to_le_bytes()) {
            sent += 1;
        }
        received += world.receive_assist();
        check!(world.now() < start + 30_000_000_000, "{sent} sent, {received} received in 30 s");
        if received < sent {
            rt::sys::yield_slot();
        }
    }
    check!(received == sent, "{received} answers to {sent} requests");
    Ok(())
}

/// Doorbells ring when somebody sleeps, not for each message.
// covers: CHN-5
pub fn a_busy_channel_rings_rarely(world: &mut World) -> Verdict {
    let before = world.channel("assist")?;
    many_are_on_the_way_at_once(world)?;
    let after = world.channel("assist")?;
    let messages = after.requests.wrapping_sub(before.requests);
    let rings = after.rung_server.wrapping_sub(before.rung_server);
    check!(messages >= u64::from(MESSAGES), "only {messages} requests were counted");
    check!(rings <= messages, "{rings} doorbells for {messages} requests");
    Ok(())
}

pub fn unknown_requests_are_answered(world: &mut World) -> Verdict {
    let refused = world.refused_by_assist(Ask::Misbehave, &u32::MAX.to_le_bytes())?;
    check!(refused, "a misdeed that there is none of was done");
    Ok(())
}

fn pattern(seed: u32) -> [u8; INLINE] {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    core::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
}
