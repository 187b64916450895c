//! Makes guests, and waits until all of them have greeted.

use abi::message::resource::ResourceRequest;
use abi::types::Nanoseconds;
use hall::{Ask, Count, Greeting};
use load::manager::{Manager, Trouble};
use rt::{Client, System, log, time};

/// Guests that are made at each start.
const BATCH: u32 = 64;
/// What they are like: one on each processor, and the next to it.
const LIKE: [&str; 7] =
    ["guest-0", "guest-1", "guest-2", "guest-3", "guest-4", "guest-5", "guest-6"];
/// Clients of every hall from the start: this one, and those that all others are like.
const THERE: u32 = 8;
/// How long a hall may take to answer.
const PATIENCE: Nanoseconds = time::seconds(20);
/// How long all guests may take to be heard.
const LONGEST: Nanoseconds = time::seconds(60);

/// Makes guests; `round` says which they are.
pub fn invite(system: &mut System, halls: &[Client<Greeting>], round: u32) {
    let start = time::now();
    match make(system).and_then(|()| hear(system, halls, round.saturating_mul(BATCH))) {
        Ok(()) => {
            let each = time::now().raw().saturating_sub(start.raw()) / 1000 / u64::from(BATCH);
            log!("round {round} done: {BATCH} more guests, {each} us for each");
        }
        Err(trouble) => log!("round {round} failed: {trouble:?}"),
    }
}

fn make(system: &mut System) -> Result<(), Trouble> {
    let manager = Manager::of(system);
    let mut like = [0; LIKE.len()];
    for (id, name) in like.iter_mut().zip(LIKE) {
        *id = manager.id_of(system, name)?;
    }
    for (_, like) in (0..BATCH).zip(like.iter().cycle()) {
        let guest = manager.create(system, *like)?;
        manager.act(system, ResourceRequest::Start, guest)?;
    }
    Ok(())
}

/// Waits until every hall has had so many greetings, and has as many clients beside this one.
fn hear(system: &mut System, halls: &[Client<Greeting>], guests: u32) -> Result<(), Trouble> {
    let end = time::after(LONGEST);
    for hall in halls {
        loop {
            let answer = hall.call(system, Ask::Count, &[], time::after(PATIENCE))?;
            let Count { clients, joined, greetings, .. } =
                answer.body().ok_or(Trouble::Nonsense)?;
            if (clients, joined) == (guests.saturating_add(THERE), guests) && greetings >= guests {
                break;
            }
            if time::now() >= end {
                log!("{clients} clients, {joined} of them came, {greetings} greetings");
                return Err(Trouble::Nonsense);
            }
            let _ = rt::sys::wait(0, time::after(time::milliseconds(5)));
        }
    }
    Ok(())
}
