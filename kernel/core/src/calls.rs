//! The system calls. Wait, ring and call take no lock and look at nothing but their arguments.

use crate::answer::{Answer, Refusal};
use crate::capability::{Doorbell, SlotTable, SlotWords, lookup, lookup_as, usable_doorbell};
use crate::context::{Context, register, restore};
use crate::machine::Machine;
use crate::{FaultRecord, Here, Next, control, event, interrupt, stop};
use abi::call::{Call, Error, PortOperation};
use abi::fault::Reason;
use abi::rights::{Kind, Rights};
use abi::trace::TraceKind;
use abi::types::{Frame, Nanoseconds};
use core::sync::atomic::Ordering::{Relaxed, Release};

/// Most bytes that `debug` takes.
const DEBUG_BYTES: usize = 32;

impl<'a, M: Machine> Here<'a, M> {
    /// The running context made any other call. Its registers are saved; results are written there.
    #[inline]
    pub fn system_call(self, context: &'a Context) -> Next<'a> {
        match Call::from_number(context.register(register::RAX)) {
            Some(Call::Control) => control::dispatch(self, context),
            Some(Call::Exit) => self.exit(context),
            Some(Call::Port) => reply(context, port(self.machine, context)),
            Some(Call::Debug) => reply(context, debug(self.machine, context)),
            Some(Call::Inspect) => reply(context, inspect(self.machine, context)),
            _ => reply(context, Err(Error::NoSuchCall.into())),
        }
    }

    /// The running context made the call `wait`. As for the other quick ones, what a call keeps of its registers is saved.
    #[inline(always)]
    pub fn wait(self, context: &'a Context, [mask, deadline, _]: [u64; 3]) -> Next<'a> {
        if deadline == Nanoseconds::NOW.raw() {
            return match event::take(&context.events, mask) {
                0 => reply(context, Err(Error::Timeout.into())),
                taken => Next::Run(context, taken),
            };
        }
        let taken = event::begin(&context.wanted, &context.events, mask);
        if taken != 0 {
            return Next::Run(context, taken);
        }
        sleep(context, deadline, 0);
        self.reschedule(true)
    }

    /// The running context made the call `ring`.
    #[inline(always)]
    pub fn ring_call(self, context: &'a Context, [number, ..]: [u64; 3]) -> Next<'a> {
        context.rung().add(1);
        match self.doorbell(context, number) {
            Some(doorbell) => self.ring_from(context, doorbell),
            None => self.ring_slowly(context, number),
        }
    }

    #[inline(always)]
    fn ring_from(self, context: &'a Context, doorbell: Doorbell) -> Next<'a> {
        if let Some(next) = self.wake_owner(doorbell) {
            return next;
        }
        if self.ring(doorbell) { self.reschedule(true) } else { Next::Run(context, 0) }
    }

    #[inline(never)]
    fn ring_slowly(self, context: &'a Context, number: u64) -> Next<'a> {
        match self.any_doorbell(context, number) {
            Ok(doorbell) if self.ring(doorbell) => self.reschedule(true),
            Ok(_) => Next::Run(context, 0),
            Err(refusal) => reply(context, Err(refusal)),
        }
    }

    /// The doorbell in a slot, if the caller may ring it and it lies in the first page of the table.
    #[inline(always)]
    fn doorbell(self, context: &Context, number: u64) -> Option<Doorbell> {
        let page = self.machine.object::<SlotTable>(Frame::new(context.slots.load(Relaxed)));
        usable_doorbell(self.machine, &page.slots[usize::from(u8::try_from(number).ok()?)])
    }

    /// As [`Self::doorbell`] from anywhere in the table, or why not.
    #[inline(never)]
    fn any_doorbell(self, context: &Context, number: u64) -> Result<Doorbell, Refusal> {
        lookup_as(self.machine, context, number, Kind::Doorbell, Rights::USE).map(Doorbell::from)
    }

    /// Where the slot's own context waits for this doorbell while a taker of slack runs, it runs at once, and takes the bit. As
    /// for a call, the trace shows the switch alone.
    #[inline(always)]
    pub(crate) fn wake_owner(self, doorbell: Doorbell) -> Option<Next<'a>> {
        let context = self.machine.object::<Context>(doorbell.name.frame());
        if !context.lives_at(self.processor.live.get())
            || context.wanted.load(Relaxed) & doorbell.bit == 0
            || !self.is_kept_from(context)
        {
            return None;
        }
        self.give_back(context);
        Some(Next::Run(context, doorbell.bit))
    }

    /// Sets the doorbell's bit. True if this processor has to decide anew who runs; another one is told.
    #[inline(always)]
    pub(crate) fn ring(self, doorbell: Doorbell) -> bool {
        let (frame, bit) = (doorbell.name.frame(), u64::from(doorbell.bit.trailing_zeros()));
        let ticks = self.machine.ticks();
        self.processor.trace.add(ticks, TraceKind::Doorbell, frame.raw(), Some(bit));
        let context = self.machine.object::<Context>(frame);
        if !event::ring(&context.wanted, &context.events, doorbell.bit) {
            return false;
        }
        if context.lives_at(self.processor.live.get()) {
            return !self.processor.owned();
        }
        if context.rests() {
            return self.ring_by(&self.machine.kernel().bells[0]);
        }
        let there = context.processor();
        if there != self.processor.id() {
            self.machine.nudge(there);
        }
        there == self.processor.id()
    }

    /// Rings the doorbell in a slot, if it may be rung; as [`Self::ring`].
    #[inline(never)]
    pub(crate) fn ring_by(self, slot: &SlotWords) -> bool {
        usable_doorbell(self.machine, slot).is_some_and(|doorbell| self.ring(doorbell))
    }

    /// The running context made the call `call`, and the other one waits here for that very bit: straight on to it; and what it
    /// takes from its wait. `None` where it is not so: nothing was done, and [`Here::call`] does it.
    #[inline(always)]
    pub fn call_straight(
        self,
        caller: &Context,
        [number, mask, deadline]: [u64; 3],
    ) -> Option<(&'a Context, u64)> {
        let doorbell = self.doorbell(caller, number)?;
        let callee = self.machine.object::<Context>(doorbell.name.frame());
        // Where it lives first: what it wants is then what it waits for here.
        if deadline < self.processor.armed.get()
            || !callee.lives_at(self.processor.live.get())
            || callee.wanted.load(Relaxed) & doorbell.bit == 0
        {
            return None;
        }
        if event::publish(&caller.wanted, &caller.events, mask) {
            caller.wanted.store(0, Release);
            return None;
        }
        sleep(caller, deadline, doorbell.name.raw());
        self.hand_over(caller, callee);
        Some((callee, doorbell.bit))
    }

    /// The running context made the call `call`: by any doorbell, to a context that may be busy or elsewhere, or with a deadline
    /// that is the next thing to happen.
    #[inline(always)]
    pub fn call(self, caller: &'a Context, [number, mask, deadline]: [u64; 3]) -> Next<'a> {
        let doorbell = match self.any_doorbell(caller, number) {
            Ok(doorbell) => doorbell,
            Err(refusal) => return reply(caller, Err(refusal)),
        };
        let waits = deadline != Nanoseconds::NOW.raw();
        let taken = if waits { event::begin(&caller.wanted, &caller.events, mask) } else { 0 };
        if waits && taken == 0 {
            sleep(caller, deadline, doorbell.name.raw());
            let _ = self.ring(doorbell);
            return self.reschedule(true);
        }
        let woken = self.ring(doorbell);
        let taken = if waits { taken } else { event::take(&caller.events, mask) };
        // Into the saved registers, for the caller may have to wait for its turn.
        let late = || Refusal::from(Error::Timeout);
        let next = reply(caller, (taken != 0).then_some([taken, 0, 0, 0]).ok_or_else(late));
        if woken { self.reschedule(true) } else { next }
    }

    /// The running context made the call `yield`.
    #[inline(always)]
    pub fn give_up(self, _: &'a Context, _: [u64; 3]) -> Next<'a> {
        self.processor.yielded.set(1);
        self.reschedule(false)
    }

    /// The running context made the call `acknowledge`.
    #[inline(always)]
    pub fn acknowledge(self, context: &'a Context, [number, ..]: [u64; 3]) -> Next<'a> {
        let line = lookup_as(self.machine, context, number, Kind::Interrupt, Rights::USE);
        match line.and_then(|line| interrupt::acknowledge(self, line.parameter)) {
            Ok(true) => self.reschedule(true),
            Ok(false) => Next::Run(context, 0),
            Err(refusal) => reply(context, Err(refusal)),
        }
    }

    #[inline(never)]
    fn exit(self, context: &'a Context) -> Next<'a> {
        let reason = context.register(register::RDI);
        let ends = |one| matches!(one, Reason::Exit | Reason::Panic | Reason::OutOfMemory);
        if !Reason::from_number(reason).is_some_and(ends) {
            return reply(context, Err(Refusal::argument(1)));
        }
        let [code, address] = [register::RSI, register::RDX].map(|number| context.register(number));
        let record = FaultRecord { reason, code, address };
        stop::fail(self, context, record, context.register(register::R10));
        self.reschedule(true)
    }
}

#[inline(always)]
fn sleep(context: &Context, deadline: u64, callee: u64) {
    context.callee.store(callee, Relaxed);
    context.deadline.store(deadline, Relaxed);
}

/// Writes a call's answer into the saved registers.
#[inline]
pub(crate) fn answer(context: &Context, answer: Answer) {
    let (status, [first, second, third, fourth]) = match answer {
        Ok(values) => (0, values),
        Err(refusal) => (refusal.error.number(), [refusal.value, 0, 0, 0]),
    };
    context.set_register(register::RAX, status);
    context.set_register(register::RDX, first);
    context.set_register(register::RSI, second);
    context.set_register(register::RDI, third);
    context.set_register(register::R8, fourth);
    context.restore.store(restore::ANSWER, Relaxed);
}

#[inline(never)]
pub(crate) fn reply(context: &Context, result: Answer) -> Next<'_> {
    answer(context, result);
    Next::Run(context, 0)
}

#[inline(never)]
fn port<M: Machine>(machine: &M, context: &Context) -> Answer {
    let ports =
        lookup_as(machine, context, context.register(register::RDI), Kind::Ports, Rights::USE)?;
    let number = context.register(register::RSI);
    let (base, end) = control::slots::ports(ports.parameter);
    let operation = PortOperation::from_number(context.register(register::RDX));
    let width = operation.map_or(1, PortOperation::width);
    let port = u16::try_from(number).map_err(|_| Refusal::argument(2))?;
    if number < base || number.saturating_add(u64::from(width)) > end {
        return Err(Refusal::argument(2));
    }
    let operation = operation.ok_or(Refusal::argument(3))?;
    let [a, b, c, d, ..] = context.register(register::R10).to_le_bytes();
    Ok([u64::from(machine.port(operation, port, u32::from_le_bytes([a, b, c, d]))), 0, 0, 0])
}

#[inline(never)]
fn debug<M: Machine>(machine: &M, context: &Context) -> Answer {
    lookup_as(machine, context, context.register(register::RDI), Kind::Debug, Rights::USE)?;
    let length = usize::try_from(context.register(register::RSI)).unwrap_or(usize::MAX);
    let words = [register::RDX, register::R10, register::R8, register::R9]
        .map(|number| context.register(number).to_le_bytes());
    let bytes: &[u8] = words.as_flattened();
    let bytes = bytes
        .get(..length)
        .filter(|bytes| bytes.len() <= DEBUG_BYTES)
        .ok_or(Refusal::argument(2))?;
    match u64::try_from(machine.debug(bytes, context.frame())).unwrap_or(0) {
        0 if !bytes.is_empty() => Err(Error::Again.into()),
        taken => Ok([taken, 0, 0, 0]),
    }
}

#[inline(never)]
fn inspect<M: Machine>(machine: &M, context: &Context) -> Answer {
    let found = lookup(machine, context, context.register(register::RDI))?;
    let rights = u64::from(found.rights.bits());
    Ok([found.kind.number(), rights, u64::from(found.generation.raw()), u64::from(found.parameter)])
}
