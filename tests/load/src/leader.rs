//! Leads a round: uses memory up, lets all makers work in what is left, gives it back. Says on its console what happened.

use crate::{Done, Job, Order, Tally, Work};
use abi::message::resource::ResourceRequest;
use abi::types::Nanoseconds;
use arrayvec::ArrayVec;
use load::manager::{Manager, Trouble};
use rt::{Client, System, log, sys, time};
use zerocopy::IntoBytes;

/// Makers.
const MAKERS: [&str; 4] = ["maker-0", "maker-1", "maker-2", "maker-3"];
/// What each of them makes: one like these, on a processor of its own.
const SMALL: [&str; MAKERS.len()] = ["small-0", "small-1", "small-2", "small-3"];
/// What uses memory up.
const LARGE: &str = "large";
/// How many a maker makes in a round.
const COUNT: u32 = 125;
/// Most partitions that memory is used up with.
const MOST: usize = 512;
/// Small ones that there is room for while the makers work: fewer than all of them would have at once.
const ROOM: usize = 8;
/// How often the makers' answers are looked for.
const LOOK: Nanoseconds = time::milliseconds(5);

type Partitions = ArrayVec<u32, MOST>;

/// A round; `number` is told with everything that is said.
pub fn lead(system: &mut System, number: u32) {
    match round(system, number) {
        Ok(all) => log!(
            "round {number} done: {} made and destroyed, {} ran, {} refused for want of memory",
            all.made,
            all.started,
            all.refused
        ),
        Err(trouble) => log!("round {number} failed: {trouble:?}"),
    }
}

fn round(system: &mut System, number: u32) -> Result<Tally, Trouble> {
    let manager = Manager::of(system);
    let large = manager.id_of(system, LARGE)?;
    let large = use_up(system, manager, large)?;
    let small = manager.id_of(system, SMALL[0])?;
    let mut small = use_up(system, manager, small)?;
    log!(
        "round {number} pressed: memory is out after {} large and {} small ones",
        large.len(),
        small.len()
    );
    let filling = small.len().saturating_sub(ROOM);
    let filling: Partitions = small.drain(..filling).collect();
    destroy(system, manager, small)?;
    let makers = order(system, number)?;
    let all = collect(system, makers)?;
    destroy(system, manager, filling)?;
    destroy(system, manager, large)?;
    Ok(all)
}

/// Creates partitions until memory is out.
fn use_up(system: &mut System, manager: Manager, like: u32) -> Result<Partitions, Trouble> {
    let mut all = Partitions::new();
    loop {
        match manager.create(system, like) {
            Ok(id) => all.try_push(id).map_err(|_| Trouble::Nonsense)?,
            Err(trouble) if trouble.is_memory() => return Ok(all),
            Err(trouble) => return Err(trouble),
        }
    }
}

fn destroy(system: &mut System, manager: Manager, all: Partitions) -> Result<(), Trouble> {
    all.into_iter().try_for_each(|id| manager.act(system, ResourceRequest::Destroy, id))
}

/// Makers that work.
pub type Makers = ArrayVec<Client<Work>, { MAKERS.len() }>;

/// Lets all makers begin at once.
pub fn order(system: &mut System, number: u32) -> Result<Makers, Trouble> {
    let (manager, mut makers) = (Manager::of(system), Makers::new());
    for ((name, like), place) in MAKERS.into_iter().zip(SMALL).zip(1..) {
        let like = manager.id_of(system, like)?;
        let maker = system.client::<Work>(name).ok_or(Trouble::Nonsense)?;
        let order = Order { count: COUNT, like, seed: number.wrapping_mul(64) + place };
        maker.send(system, Job::Make, order.as_bytes())?;
        makers.push(maker);
    }
    Ok(makers)
}

/// What all makers did, once they have done it.
pub fn collect(system: &mut System, mut makers: Makers) -> Result<Tally, Trouble> {
    let mut all = Tally::default();
    while !makers.is_empty() {
        // Nothing is waited for, so it always ends by its deadline.
        let _ = sys::wait(0, time::after(LOOK));
        for at in (0..makers.len()).rev() {
            if let Some(answer) = makers[at].next(system) {
                let tally = answer.body::<Tally>().filter(|_| answer.status() == Ok(Done::Ok));
                add(&mut all, tally.ok_or(Trouble::Nonsense)?)?;
                makers.remove(at);
            }
        }
    }
    Ok(all)
}

/// Adds up what the makers did.
fn add(all: &mut Tally, one: Tally) -> Result<(), Trouble> {
    if one.trouble != 0 {
        log!("a maker met trouble {} after {} partitions", one.trouble, one.made);
        return Err(Trouble::Nonsense);
    }
    all.made += one.made;
    all.started += one.started;
    all.refused += one.refused;
    Ok(())
}
