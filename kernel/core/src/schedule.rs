//! Who runs next, for how long, and whom the time is charged to.

use crate::Next;
use crate::answer::Refusal;
use crate::calls::answer;
use crate::context::Context;
use crate::event;
use crate::frame::{SLOTS, advance, join};
use crate::ledger::Name;
use crate::machine::Machine;
use crate::plan::{Place, Plan};
use crate::processor::Processor;
use abi::call::Error;
use abi::control::ContextState;
use abi::trace::TraceKind;
use abi::types::{Frame, Nanoseconds, PhysicalAddress};
use core::sync::atomic::Ordering::{Acquire, Relaxed};

/// Most links followed from a context that waits in a call to one that can run for it.
const LENDING_LINKS: usize = 8;
/// Most links followed in one decision, whoever they start from: what many takers of slack wait for must not make it long.
const DECISION_LINKS: u32 = 64;

/// By what claim a context runs. After a call the processor keeps that of the caller, see [`Processor::owned`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Its own slot.
    Owner,
    /// The slot of one that waits for it.
    Lent,
    /// A slot nobody else uses.
    Slack,
    /// Nothing runs.
    Idle,
}

impl Standing {
    pub(crate) const fn raw(self) -> u64 {
        match self {
            Self::Owner => 0,
            Self::Lent => 1,
            Self::Slack => 2,
            Self::Idle => 3,
        }
    }
}

/// A context that is to run, and why.
struct Choice<'a> {
    context: &'a Context,
    standing: Standing,
    place: u64,
}

/// A decision that is being made.
struct Search {
    now: u64,
    /// Earliest deadline of those looked at.
    wake: u64,
    /// Links that may still be followed.
    links: u32,
}

/// Decides anew who runs. With `keep`, a taker of slack that can go on is not exchanged for another one.
#[inline(never)]
pub(crate) fn reschedule<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    keep: bool,
) -> Next<'a> {
    let now = machine.now().raw();
    let passed = now >= processor.boundary.get();
    if passed {
        advance(machine, processor, now);
    }
    if processor.held.get() != 0 && !join(machine, processor) {
        return halt(machine, processor, now, u64::MAX);
    }
    let mut search = Search { now, wake: u64::MAX, links: DECISION_LINKS };
    let choice = choose(machine, processor, keep && !passed, &mut search);
    let wake = search.wake;
    let resting = processor.plan().sole() && processor.pending.load(Acquire) == 0;
    let until = if resting { wake } else { wake.min(processor.boundary.get()) };
    match choice {
        Some(choice) => {
            // The owner of the slot runs to its end, whoever's deadline passes.
            let owner = choice.standing == Standing::Owner;
            arm(
                machine,
                processor,
                if owner && !resting { processor.boundary.get() } else { until },
            );
            run(machine, processor, &choice, now)
        }
        None => halt(machine, processor, now, until),
    }
}

#[inline(always)]
fn choose<'a, M: Machine>(
    machine: &'a M,
    processor: &Processor,
    keep: bool,
    search: &mut Search,
) -> Option<Choice<'a>> {
    let yielded = processor.yielded.get() != 0;
    let first = if yielded { None } else { owner(machine, processor, search) };
    first
        .or_else(|| keep.then(|| kept(machine, processor, search)).flatten())
        .or_else(|| taker(machine, processor, search))
        .or_else(|| yielded.then(|| owner(machine, processor, search)).flatten())
}

/// The slot's context, or whom it waits for.
#[inline(always)]
fn owner<'a, M: Machine>(
    machine: &'a M,
    processor: &Processor,
    search: &mut Search,
) -> Option<Choice<'a>> {
    let frame = processor.owner.get();
    if frame == 0 {
        return None;
    }
    let context = runnable(machine, processor.id.get(), Frame::new(frame), search)?;
    let standing = if context.frame().raw() == frame { Standing::Owner } else { Standing::Lent };
    Some(Choice { context, standing, place: processor.slot.get() })
}

/// The taker of slack that runs already.
#[inline(always)]
fn kept<'a, M: Machine>(
    machine: &'a M,
    processor: &Processor,
    search: &mut Search,
) -> Option<Choice<'a>> {
    if processor.standing.get() != Standing::Slack.raw() {
        return None;
    }
    slack(machine, processor, processor.plan(), processor.place.get(), search)
}

/// The next taker of slack, in turn.
fn taker<'a, M: Machine>(
    machine: &'a M,
    processor: &Processor,
    search: &mut Search,
) -> Option<Choice<'a>> {
    let (plan, last) = (processor.plan(), processor.taker.get());
    let first = SLOTS.max(last.saturating_add(1));
    // Those after the last one, then the others up to it.
    let turn = (first..plan.length()).chain(SLOTS..first.min(plan.length()));
    let choice = turn.filter_map(|place| slack(machine, processor, plan, place, search)).next();
    choice.inspect(|choice| processor.taker.set(choice.place))
}

#[inline(always)]
fn slack<'a, M: Machine>(
    machine: &'a M,
    processor: &Processor,
    plan: &Plan,
    place: u64,
    search: &mut Search,
) -> Option<Choice<'a>> {
    let frame = plan.context(place)?;
    let context = runnable(machine, processor.id.get(), frame, search)?;
    Some(Choice { context, standing: Standing::Slack, place })
}

/// The context itself if it can run here, else the one it waits for in a call, and so on. Notes the earliest deadline on the way.
#[inline(always)]
fn runnable<'a, M: Machine>(
    machine: &'a M,
    here: u64,
    frame: Frame,
    search: &mut Search,
) -> Option<&'a Context> {
    let mut frame = frame;
    for _ in 0..=LENDING_LINKS {
        let context = machine.object::<Context>(frame);
        match context.state_at(here)? {
            ContextState::Ready => return Some(context),
            ContextState::Waiting => {}
            _ => return None,
        }
        let deadline = context.deadline.load(Relaxed);
        if deadline <= search.now
            || context.events.load(Acquire) & context.wanted.load(Relaxed) != 0
        {
            return Some(context);
        }
        search.wake = deadline.min(search.wake);
        let callee = context.callee.load(Relaxed);
        if callee == 0 {
            return None;
        }
        search.links = search.links.checked_sub(1)?;
        frame = Name::from_raw(callee).context(machine)?;
    }
    None
}

#[inline(always)]
fn run<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    choice: &Choice<'a>,
    now: u64,
) -> Next<'a> {
    if choice.context.state() == ContextState::Waiting {
        let events = event::end(&choice.context.wanted, &choice.context.events);
        resume(processor.id.get(), choice.context, events);
    }
    switch(machine, processor, choice, now)
}

/// Ends a wait with what came; with no events it ran out of time. It wants nothing any more since [`event::end`]; whom it
/// called stays in its place until it waits again, for nobody looks there meanwhile.
#[inline(always)]
fn resume(here: u64, context: &Context, events: u64) {
    context.set_place(here, ContextState::Ready);
    answer(
        context,
        if events == 0 { Err(Refusal::from(Error::Timeout)) } else { Ok([events, 0, 0, 0]) },
    );
}

/// Lets a context run that is ready: charges the one before it and takes over its address space.
#[inline(always)]
fn switch<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    choice: &Choice<'a>,
    now: u64,
) -> Next<'a> {
    charge(machine, processor, now);
    processor.standing.set(choice.standing.raw());
    processor.place.set(choice.place);
    enter(machine, processor, choice.context, now)
}

/// Makes a context the running one.
#[inline(always)]
fn enter<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
    now: u64,
) -> Next<'a> {
    let frame = context.frame().raw();
    if processor.current.get() != frame {
        processor.current.set(frame);
        processor.trace.add(Nanoseconds::new(now), TraceKind::Switch, frame, 0);
    }
    let root = context.root.load(Relaxed);
    if processor.root.get() != root {
        processor.root.set(root);
        machine.activate(Frame::containing(PhysicalAddress::new(root)));
    }
    Next::Run(context)
}

/// Switches straight from the running context to one that it called and that waits for `bit` here. The place of the plan
/// stays: its time is used on behalf of whoever it belongs to.
#[inline]
pub(crate) fn hand_over<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    [from, to]: [&'a Context; 2],
    here: u64,
    bit: u64,
) -> Next<'a> {
    // It waits on this processor, so nobody else takes its events: the bit need not pass through its event word.
    resume(here, to, event::end(&to.wanted, &to.events) | bit);
    let now = machine.now().raw();
    let spent = spent(processor, now);
    charge_context(processor, from, spent);
    enter(machine, processor, to, now)
}

#[inline(never)]
fn halt<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    now: u64,
    until: u64,
) -> Next<'a> {
    leave(machine, processor, now);
    arm(machine, processor, until);
    Next::Halt
}

/// Takes the running context off the processor, address space included.
#[inline(never)]
pub(crate) fn leave<M: Machine>(machine: &M, processor: &Processor, now: u64) {
    charge(machine, processor, now);
    if processor.current.get() != 0 {
        processor.trace.add(Nanoseconds::new(now), TraceKind::Switch, 0, 0);
    }
    processor.current.set(0);
    processor.standing.set(Standing::Idle.raw());
    processor.place.set(Place::NONE.raw());
    let root = machine.kernel_root();
    if processor.root.get() != root.address().raw() {
        processor.root.set(root.address().raw());
        machine.activate(root);
    }
}

/// Charges the time since the last charge to whoever ran.
#[inline(always)]
fn charge<M: Machine>(machine: &M, processor: &Processor, now: u64) {
    let spent = spent(processor, now);
    match processor.current() {
        Some(frame) => charge_context(processor, machine.object::<Context>(frame), spent),
        None => processor.idle.add(spent),
    }
}

/// The time since the last charge.
#[inline(always)]
fn spent(processor: &Processor, now: u64) -> u64 {
    let since = processor.since.get();
    processor.since.set(now);
    now.wrapping_sub(since)
}

#[inline(always)]
fn charge_context(processor: &Processor, context: &Context, spent: u64) {
    context.used.store(context.used.load(Relaxed).wrapping_add(spent), Relaxed);
    let place = usize::try_from(processor.place.get()).ok();
    if let Some(place) = place.and_then(|place| processor.used.get(place)) {
        place.add(spent);
    }
}

/// Sets the timer, if it is not set to this already.
#[inline(always)]
pub(crate) fn arm<M: Machine>(machine: &M, processor: &Processor, at: u64) {
    if processor.armed.get() != at {
        set_timer(machine, processor, at);
    }
}

#[inline(never)]
fn set_timer<M: Machine>(machine: &M, processor: &Processor, at: u64) {
    processor.armed.set(at);
    machine.set_timer((at != u64::MAX).then_some(Nanoseconds::new(at)));
}
