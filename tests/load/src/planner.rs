//! Changes the plans of all processors again and again, while the makers work and witnesses look on.

use crate::leader;
use abi::message::resource::ResourceRequest;
use abi::types::Nanoseconds;
use beat::{Answer, Ask, Report, Watching};
use load::manager::{Manager, Trouble};
use rt::{CallError, Client, System, log, sys, time};

/// What makes the difference between two plans, on every processor.
const SHIFT: &str = "hog-shift";
/// Changes of a round.
const CHANGES: u64 = 50;
/// How long a plan takes to be in force: more than two frames.
const STAYS: Nanoseconds = time::milliseconds(16);
/// Nanoseconds of a frame, as the manifest says.
const FRAME: u64 = 16 * 400_000;
/// Nanoseconds before the end of a frame at which a change is asked for at the earliest, and steps from there to the end.
const EARLIEST: u64 = 500_000;
const STEPS: u64 = 25;
/// When the witnesses are asked whether they have seen a change.
const LOOK: Nanoseconds = time::milliseconds(2);
/// How long the witnesses may take.
const PATIENCE: Nanoseconds = time::seconds(2);

/// A round; `number` is told with everything that is said.
pub fn change(system: &mut System, witnesses: Client<Watching>, number: u32) {
    match round(system, witnesses, number) {
        Ok(report) => {
            let Report { frames, changes, silent, mixed, first, saw, plans: [one, other] } = report;
            log!(
                "round {number} done: {changes} changes, {frames} frames, {mixed} mixed, {silent} silent"
            );
            log!("slots {one:016x} and {other:016x}; frame {first} saw {saw:016x}");
        }
        Err(trouble) => log!("round {number} failed: {trouble:?}"),
    }
}

fn round(system: &mut System, witnesses: Client<Watching>, number: u32) -> Result<Report, Trouble> {
    let manager = Manager::of(system);
    let shift = manager.id_of(system, SHIFT)?;
    rest();
    ask(system, witnesses, Ask::LearnFirst)?;
    let id = put(system, manager, shift)?;
    rest();
    ask(system, witnesses, Ask::LearnSecond)?;
    manager.act(system, ResourceRequest::Destroy, id)?;
    rest();
    ask(system, witnesses, Ask::Check)?;
    let makers = leader::order(system, number)?;
    for change in (1..CHANGES).step_by(2) {
        before_a_wrap(change);
        let id = put(system, manager, shift)?;
        seen(system, witnesses, change)?;
        before_a_wrap(change + 1);
        manager.act(system, ResourceRequest::Destroy, id)?;
        seen(system, witnesses, change + 1)?;
    }
    let made = leader::collect(system, makers)?;
    log!("round {number}: {} partitions made meanwhile, {} of them ran", made.made, made.started);
    report(system, witnesses)
}

fn report(system: &mut System, witnesses: Client<Watching>) -> Result<Report, Trouble> {
    ask(system, witnesses, Ask::Tell)?.body().ok_or(Trouble::Nonsense)
}

/// Waits until the witnesses have seen so many changes.
fn seen(system: &mut System, witnesses: Client<Watching>, changes: u64) -> Result<(), Trouble> {
    let end = time::after(PATIENCE);
    while report(system, witnesses)?.changes < changes {
        if time::now() > end {
            return Err(Trouble::Channel(CallError::Timeout));
        }
        // Nothing is waited for, so it always ends by its deadline.
        let _ = sys::wait(0, time::after(LOOK));
    }
    Ok(())
}

/// A partition that shifts the slots of all others.
fn put(system: &mut System, manager: Manager, shift: u32) -> Result<u32, Trouble> {
    let id = manager.create(system, shift)?;
    manager.act(system, ResourceRequest::Start, id)?;
    Ok(id)
}

fn ask(
    system: &mut System,
    witnesses: Client<Watching>,
    ask: Ask,
) -> Result<rt::Answer<Watching>, Trouble> {
    let answer = witnesses.call(system, ask, &[], time::after(PATIENCE))?;
    if answer.status() == Ok(Answer::Ok) { Ok(answer) } else { Err(Trouble::Nonsense) }
}

/// Sleeps until shortly before a frame ends, each time a little earlier or later: plans that are committed one by one would
/// be committed on both sides of the wrap.
fn before_a_wrap(change: u64) {
    let frame = time::now().raw() / FRAME + 2;
    let early = EARLIEST / STEPS * (change % STEPS + 1);
    // Nothing is waited for, so it always ends by its deadline.
    let _ = sys::wait(0, Nanoseconds::new(frame * FRAME - early));
}

/// Lets some frames pass.
fn rest() {
    // Nothing is waited for, so it always ends by its deadline.
    let _ = sys::wait(0, time::after(STAYS));
}
