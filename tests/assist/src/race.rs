//! Two contexts of one partition, on two processors where there are two, after one and the same object.

use crate::attempts::{OTHER, Own, SPARE, call, clear, control, put};
use crate::tally::Count;
use abi::call::{Call, Error};
use abi::control::{Access, ContextOperation, PartitionOperation};
use abi::layout;
use abi::rights::Kind;
use abi::types::{Nanoseconds, PAGE_SIZE};
use assist::Tally;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use rt::sys;
use rt::time;

/// Rounds of the first context.
const ROUNDS: u64 = 4000;
/// Between two looks whether there is something to do.
const PAUSE: Nanoseconds = Nanoseconds::new(500_000);
/// Bit of the doorbell that both ring.
const BIT: u64 = 41;
/// What both map: a page with a table and nothing else.
const PAGE: u64 = layout::STACK_TOP - layout::STACK_STRIDE;

/// A race: what each of the two does in a round.
type Race = fn(&mut Tally, &Own);

const ALL: [(&str, Race, Race); 4] = [
    ("one slot written, cleared and used by two processors", slot, slot),
    ("one page mapped and unmapped by two processors", page, page),
    ("one doorbell rung and waited for by two processors", bell, ring),
    ("one context stopped, started and configured by two processors", state, stop),
];

/// The race that the second context takes part in, from 1; 0 for none.
static RACE: AtomicU32 = AtomicU32::new(0);
/// Whether it does so.
static RUNS: AtomicBool = AtomicBool::new(false);
/// What it was answered wrongly.
static WRONG: AtomicU32 = AtomicU32::new(0);

/// The first context's part; `None` where there is no such race.
pub fn make(name: &str) -> Option<Tally> {
    let number = ALL.iter().position(|(own, ..)| *own == name)?;
    let (own, mut tally) = (Own::find()?, Tally::default());
    RACE.store(u32::try_from(number).ok()? + 1, Ordering::SeqCst);
    await_second(true);
    for _ in 0..ROUNDS {
        (ALL.get(number)?.1)(&mut tally, &own);
    }
    RACE.store(0, Ordering::SeqCst);
    await_second(false);
    tally.count(WRONG.swap(0, Ordering::SeqCst) == 0);
    for left in [SPARE, OTHER] {
        tally.count(clear(&own, left).is_ok());
    }
    Some(tally)
}

fn await_second(runs: bool) {
    while RUNS.load(Ordering::SeqCst) != runs {
        let _ = sys::wait(0, time::after(PAUSE));
    }
}

/// What the second context does all its life.
pub fn second(_context: u64) -> ! {
    let mut own = None;
    loop {
        let mut tally = Tally::default();
        let race = RACE.load(Ordering::SeqCst);
        let entry = usize::try_from(race).ok().and_then(|race| ALL.get(race.checked_sub(1)?));
        // Not before there is something to do: the heap is the first context's to start.
        own = own.or_else(|| entry.and_then(|_| Own::find()));
        RUNS.store(entry.is_some(), Ordering::SeqCst);
        match (entry, &own) {
            (Some((.., part)), Some(own)) => part(&mut tally, own),
            _ => {
                let _ = sys::wait(0, time::after(PAUSE));
            }
        }
        if tally.otherwise != 0 {
            WRONG.store(1, Ordering::SeqCst);
        }
    }
}

fn slot(tally: &mut Tally, own: &Own) {
    let gone = &[Error::NoCapability];
    tally.done_or(put(own, SPARE, own.context, 15, Kind::Doorbell, BIT), &[]);
    tally.done_or(call(Call::Inspect, [SPARE, 0, 0, 0, 0, 0]), gone);
    tally.done_or(call(Call::Ring, [SPARE, 0, 0, 0, 0, 0]), gone);
    tally.done_or(put(own, OTHER, SPARE, 2, Kind::Doorbell, BIT), gone);
    tally.done_or(clear(own, SPARE), &[]);
}

fn page(tally: &mut Tally, own: &Own) {
    let translate = PartitionOperation::Translate as u64;
    let stack = control(own.partition, translate, [layout::STACK_TOP - PAGE_SIZE, 0, 0, 0]);
    let frame = stack.map_or(0, |[frame, ..]| frame);
    let map = [PAGE, frame, 1, Access::WRITE.bits()];
    let mapped = control(own.partition, PartitionOperation::Map as u64, map);
    tally.done_or(mapped, &[Error::Occupied]);
    tally.done_or(control(own.partition, translate, [PAGE, 0, 0, 0]), &[Error::NotMapped]);
    // Not while the other context may see the page.
    let unmapped = control(own.partition, PartitionOperation::Unmap as u64, [PAGE, 1, 0, 0]);
    tally.done_or(unmapped, &[Error::WrongState]);
}

fn bell(tally: &mut Tally, own: &Own) {
    ring(tally, own);
    let soon = time::after(Nanoseconds::new(50_000)).raw();
    tally.done_or(call(Call::Wait, [1 << BIT, soon, 0, 0, 0, 0]), &[Error::Timeout]);
    let called = call(Call::Call, [SPARE, 1 << BIT, soon, 0, 0, 0]);
    tally.done_or(called, &[Error::Timeout, Error::NoCapability]);
}

fn ring(tally: &mut Tally, own: &Own) {
    tally.done_or(put(own, SPARE, own.context, 2, Kind::Doorbell, BIT), &[]);
    // While the other writes the slot it holds nothing.
    tally.done_or(call(Call::Ring, [SPARE, 0, 0, 0, 0, 0]), &[Error::NoCapability]);
}

/// The context that is stopped and started by the other meanwhile.
fn state(tally: &mut Tally, own: &Own) {
    let on =
        |operation: ContextOperation, arguments| control(own.context, operation as u64, arguments);
    let configure = [layout::PROGRAM_BASE, layout::STACK_TOP, 0, 0];
    tally.refused(on(ContextOperation::Configure, configure), &[Error::WrongState]);
    tally.refused(on(ContextOperation::Start, [0; 4]), &[Error::WrongState]);
    tally.done_or(on(ContextOperation::State, [0; 4]), &[]);
}

/// Never leaves it stopped.
fn stop(tally: &mut Tally, own: &Own) {
    let on = |operation: ContextOperation| control(own.context, operation as u64, [0; 4]);
    let mut stopped = on(ContextOperation::Stop);
    while stopped.is_err_and(|failure| failure.error == Error::Again) {
        stopped = on(ContextOperation::Stop);
    }
    tally.done_or(stopped, &[]);
    tally.done_or(on(ContextOperation::Register), &[Error::WrongState]);
    tally.done_or(on(ContextOperation::Start), &[]);
}
