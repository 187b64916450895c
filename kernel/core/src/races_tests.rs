//! Looks at words that another processor changes meanwhile: real threads, and what must not be seen.

use crate::context::{Context, live_on};
use crate::plan::{ALONE, NONE, Plan, keeps};
use crate::processor::Cell;
use abi::control::ContextState;
use abi::types::{Frame, ProcessorId};
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

const ROUNDS: u32 = 300_000;
const HERE: ProcessorId = ProcessorId::new(0);
const THERE: ProcessorId = ProcessorId::new(1);

/// Runs `other` again and again beside [`ROUNDS`] of `look`, and beside as many more as it takes both to have met on a
/// computer that is busy with something else.
fn beside(other: impl Fn() + Sync, mut look: impl FnMut()) {
    let (over, turns) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                other();
                turns.fetch_add(1, Relaxed);
            }
        });
        (0..ROUNDS).for_each(|_| look());
        while turns.load(Relaxed) < u64::from(ROUNDS / 10) {
            look();
        }
        over.store(true, Relaxed);
    });
}

/// A context that rests here and runs elsewhere is never taken for one that runs here.
// covers: KRN-3
#[test]
fn a_context_that_moves_is_not_run_on_the_way() {
    let context = Context::new();
    let moves = || {
        context.stop_at(THERE);
        context.set_state(ContextState::Ready);
        context.set_state(ContextState::Stopped);
        context.stop_at(HERE);
        // Long enough that a computer which is busy with something else sees it here.
        (0..50).for_each(|_| spin_loop());
    };
    let mut seen = 0_u32;
    beside(moves, || {
        seen = seen.wrapping_add(u32::from(context.processor() == HERE));
        assert!(!context.lives_at(live_on(HERE)), "it lives on a processor that it only rests on");
    });
    assert!(seen > 0, "the threads did not meet");
}

/// A context that a pending plan names is kept while that plan takes over.
// covers: KRN-3
#[test]
fn a_context_is_kept_while_its_plan_takes_over() {
    let plans = [Plan::new(), Plan::new()];
    let (running, pending) = (Cell::new(), AtomicU64::new(ALONE));
    let context = Frame::new(77);
    plans[1].set(200, 1, 0, &[context.raw(); 16]);
    beside(
        || running.set(running.get() ^ 1),
        || assert!(keeps(&plans, &running, &pending, context), "nobody wants it"),
    );
    running.set(1);
    pending.store(NONE, Relaxed);
    assert!(keeps(&plans, &running, &pending, context));
    running.set(0);
    assert!(!keeps(&plans, &running, &pending, context));
    assert!(!plans[1].names(context), "a plan that is being staged forgets it");
}
