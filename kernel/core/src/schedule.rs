//! Who runs next, for how long, and whom the time is charged to.

use crate::answer::Refusal;
use crate::calls::answer;
use crate::context::Context;
use crate::event;
use crate::frame::{SLOTS, advance, join};
use crate::ledger::Name;
use crate::machine::Machine;
use crate::plan::Place;
use crate::{Here, Next};
use abi::call::Error;
use abi::trace::TraceKind;
use abi::types::{Frame, Nanoseconds, PhysicalAddress};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Most links followed from a context that waits in a call to one that can run for it.
const LENDING_LINKS: u32 = 8;
/// Most links followed in one decision, whoever they start from: what many takers of slack wait for must not make it long.
const DECISION_LINKS: u32 = 32;

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
    #[expect(clippy::as_conversions, reason = "the number of a fieldless enum")]
    pub(crate) const fn raw(self) -> u64 {
        self as u64
    }
}

/// A context that is to run, and why.
struct Choice<'a> {
    context: &'a Context,
    standing: Standing,
    place: u64,
    /// Frame of the context whose place it is.
    holder: u64,
}

/// A decision that is being made.
#[derive(Clone, Copy)]
struct Search {
    now: u64,
    /// Earliest deadline of those looked at.
    wake: u64,
    /// Links that may still be followed.
    links: u32,
}

impl<'a, M: Machine> Here<'a, M> {
    /// Decides anew who runs. With `keep`, a taker of slack that can go on is not exchanged for another one.
    #[inline(never)]
    pub(crate) fn reschedule(self, keep: bool) -> Next<'a> {
        let processor = self.processor;
        let ticks = self.machine.ticks();
        let now = self.machine.now_at(ticks).raw();
        if now >= processor.boundary.get() {
            return self.next_slot(ticks, now);
        }
        let mut search = Search { now, wake: u64::MAX, links: DECISION_LINKS };
        let choice = self.choose(keep, &mut search);
        let resting = processor.sole.get() != 0 && processor.pending.load(Acquire) == 0;
        let until = if resting { search.wake } else { search.wake.min(processor.boundary.get()) };
        let Some(choice) = choice else {
            processor.quiet.set(if resting || search.links == 0 { 0 } else { search.wake });
            // Who computes alone is not disturbed; who halts alone looks at others, which is done at the end of a slot.
            let look = self.next_look().max(processor.boundary.get());
            return self.halt(ticks, if resting { until.min(look) } else { until });
        };
        self.arm(until);
        self.run(&choice, ticks)
    }

    /// A slot has ended.
    #[inline(never)]
    fn next_slot(self, ticks: u64, now: u64) -> Next<'a> {
        let processor = self.processor;
        if now >= self.next_look() {
            self.look_at_others(now);
        }
        if processor.held.get() != 0 && !join(self) {
            return self.halt(ticks, self.next_look());
        }
        advance(self, ticks, now);
        // Where nobody was found, and nothing came since, only the new slot's own context is looked for.
        let mut search = Search { now, wake: processor.quiet.get(), links: DECISION_LINKS };
        let (halts, end) = (processor.current.get() == 0, processor.boundary.get());
        if halts && now < search.wake.min(end) && self.owner(&mut search).is_none() {
            return self.halt(ticks, search.wake.min(end));
        }
        self.reschedule(false)
    }

    #[inline(always)]
    fn choose(self, keep: bool, search: &mut Search) -> Option<Choice<'a>> {
        let yielded = self.processor.yielded.get() != 0;
        let first = if yielded { None } else { self.owner(search) };
        first
            .or_else(|| keep.then(|| self.kept(search)).flatten())
            .or_else(|| self.taker(search))
            .or_else(|| yielded.then(|| self.owner(search)).flatten())
    }

    /// The slot's context, or whom it waits for.
    #[inline(always)]
    fn owner(self, search: &mut Search) -> Option<Choice<'a>> {
        let holder = self.processor.owner.get();
        if holder == 0 {
            return None;
        }
        let context = self.runnable(holder, search)?;
        let standing = if context.is_in(holder) { Standing::Owner } else { Standing::Lent };
        if standing == Standing::Owner {
            // It runs to the slot's end, whoever's deadline passes.
            search.wake = u64::MAX;
        }
        Some(Choice { context, standing, place: self.processor.slot.get(), holder })
    }

    /// The taker of slack that runs already.
    #[inline(always)]
    fn kept(self, search: &mut Search) -> Option<Choice<'a>> {
        if self.processor.standing.get() != Standing::Slack.raw() {
            return None;
        }
        let (place, holder) = (self.processor.place.get(), self.processor.holder.get());
        let context = self.runnable(holder, search)?;
        Some(Choice { context, standing: Standing::Slack, place, holder })
    }

    /// The next taker of slack, in turn.
    #[inline(always)]
    fn taker(self, search: &mut Search) -> Option<Choice<'a>> {
        let plan = self.processor.plan();
        let length = plan.length();
        let mut place = self.processor.taker.get();
        let mut left = length.saturating_sub(SLOTS);
        while left != 0 {
            left = left.wrapping_sub(1);
            place = place.wrapping_add(1);
            if place >= length {
                place = SLOTS;
            }
            let Some(holder) = plan.context(place).map(Frame::raw) else { continue };
            if let Some(context) = self.runnable(holder, search) {
                self.processor.taker.set(place);
                return Some(Choice { context, standing: Standing::Slack, place, holder });
            }
        }
        None
    }

    /// The context itself if it can run here, else the one it waits for in a call, and so on. Notes the earliest deadline
    /// on the way.
    #[inline(always)]
    fn runnable(self, frame: u64, search: &mut Search) -> Option<&'a Context> {
        let context = self.machine.object::<Context>(Frame::new(frame));
        match self.look(context, search) {
            Ok(()) => Some(context),
            Err(callee) if callee == 0 || search.links == 0 => None,
            Err(callee) => {
                let (found, then) = self.callee(callee, *search);
                *search = then;
                found
            }
        }
    }

    /// Whether a context can run here, else whom it waits for in a call, 0 for nobody.
    #[inline(always)]
    fn look(self, context: &Context, search: &mut Search) -> Result<(), u64> {
        if !context.lives_at(self.processor.live.get()) {
            return Err(0);
        }
        // One that does not wait has none.
        let deadline = context.deadline.load(Relaxed);
        if deadline <= search.now
            || context.events.load(Acquire) & context.wanted.load(Relaxed) != 0
        {
            return Ok(());
        }
        search.wake = deadline.min(search.wake);
        Err(context.callee.load(Relaxed))
    }

    /// As [`Self::runnable`], for one that is called.
    #[inline(never)]
    fn callee(self, mut name: u64, mut search: Search) -> (Option<&'a Context>, Search) {
        for _ in 0..LENDING_LINKS.min(search.links) {
            search.links = search.links.saturating_sub(1);
            let Some(frame) = Name::from_raw(name).current(self.machine) else { break };
            let context = self.machine.object::<Context>(frame);
            match self.look(context, &mut search) {
                Ok(()) => return (Some(context), search),
                Err(0) => break,
                Err(next) => name = next,
            }
        }
        (None, search)
    }

    /// Lets a context run: ends its wait with what came.
    #[inline(always)]
    fn run(self, choice: &Choice<'a>, ticks: u64) -> Next<'a> {
        let context = choice.context;
        let mut events = 0;
        if context.deadline.load(Relaxed) != 0 {
            events = event::end(&context.wanted, &context.events);
            context.deadline.store(0, Relaxed);
            if events == 0 {
                answer(context, Err(Refusal::from(Error::Timeout)));
            }
        }
        self.take_place(choice, ticks);
        Next::Run(context, events)
    }

    /// Lets a context run that does not wait: charges the one before it and takes over its address space.
    #[inline(always)]
    fn take_place(self, choice: &Choice<'a>, ticks: u64) {
        let processor = self.processor;
        self.use_place(choice.place, ticks);
        processor.holder.set(choice.holder);
        processor.standing.set(choice.standing.raw());
        let current = processor.current.get();
        if choice.context.is_in(current) {
            return;
        }
        if current != 0 {
            self.machine.object::<Context>(Frame::new(current)).used.add(ticks);
        }
        self.switch(choice.context, ticks);
    }

    /// Whether this is the slot's own context, while only a taker of slack runs.
    #[inline(always)]
    pub(crate) fn is_kept_from(self, context: &Context) -> bool {
        let processor = self.processor;
        processor.standing.get() == Standing::Slack.raw()
            && context.is_in(processor.owner.get())
            && processor.yielded.get() == 0
    }

    /// Gives the slot back to its own context, whose wait is over. If the slot is over too, the timer's interrupt is on its way.
    #[inline(always)]
    pub(crate) fn give_back(self, owner: &'a Context) {
        owner.wanted.store(0, Release);
        owner.deadline.store(0, Relaxed);
        let (place, holder) = (self.processor.slot.get(), self.processor.owner.get());
        let choice = Choice { context: owner, standing: Standing::Owner, place, holder };
        self.take_place(&choice, self.machine.ticks());
    }

    /// Makes a context the running one.
    #[inline(always)]
    fn switch(self, context: &Context, ticks: u64) {
        let (processor, frame) = (self.processor, context.frame().raw());
        processor.current.set(frame);
        context.used.subtract(ticks);
        processor.trace.add(ticks, TraceKind::Switch, frame, None);
        self.activate(context.root.load(Relaxed));
    }

    #[inline(always)]
    fn activate(self, root: u64) {
        if self.processor.root.get() != root {
            self.processor.root.set(root);
            self.machine.activate(PhysicalAddress::new(root));
        }
    }

    /// Switches straight from the running context to one that it called and that waits for this here. Whom that one called
    /// stays in its place until it waits again, for nobody looks there meanwhile. The place of the plan stays: its time is
    /// used on behalf of whoever it belongs to.
    #[inline(always)]
    pub(crate) fn hand_over(self, from: &Context, to: &'a Context) {
        // The bit need not pass through its event word; what else is pending there it takes when it waits again.
        to.wanted.store(0, Release);
        to.deadline.store(0, Relaxed);
        let ticks = self.machine.ticks();
        from.used.add(ticks);
        self.switch(to, ticks);
    }

    #[inline(never)]
    fn halt(self, ticks: u64, until: u64) -> Next<'a> {
        self.leave(ticks);
        self.arm(until);
        Next::Halt
    }

    /// Takes the running context off the processor, address space included.
    #[inline(never)]
    pub(crate) fn leave(self, ticks: u64) {
        let processor = self.processor;
        let current = processor.current.get();
        if current != 0 {
            self.machine.object::<Context>(Frame::new(current)).used.add(ticks);
            processor.trace.add(ticks, TraceKind::Switch, 0, None);
        }
        self.use_place(Place::NONE.raw(), ticks);
        processor.current.set(0);
        processor.standing.set(Standing::Idle.raw());
        self.activate(self.machine.kernel_root().address().raw());
    }

    /// From now on the time of this place is used.
    #[inline(always)]
    fn use_place(self, place: u64, ticks: u64) {
        let processor = self.processor;
        let before = processor.place.get();
        if before != place {
            processor.account(before).add(ticks);
            processor.place.set(place);
            processor.account(place).subtract(ticks);
        }
    }

    /// Sets the timer, if it is not set to this already.
    #[inline(always)]
    fn arm(self, at: u64) {
        if self.processor.armed.get() != at {
            self.processor.armed.set(at);
            self.machine.set_timer((at != u64::MAX).then_some(Nanoseconds::new(at)));
        }
    }
}
