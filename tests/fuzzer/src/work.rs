//! The fuzzer: makes random and near-valid calls as it is told, and sometimes dies of it.

use abi::call::Call;
use abi::control::PartitionOperation;
use abi::fault::Reason;
use abi::image::name_text;
use abi::layout;
use abi::rights::Kind;
use abi::types::PAGE_SIZE;
use alloc::vec::Vec;
use fuzz_calls::{Numbers, Request as Drawn, Surroundings, harmless, mixed, next};
use fuzzer::{DEATHS, FOREIGN, Fuzz, Fuzzed, Fuzzing, Order, Tally};
use rt::capability::object;
use rt::{Request, Server, System, sys, time};

/// Slots that nothing else uses: the first, and how many.
const SPARE: (u64, u64) = (128, 127);

/// Calls of a fuzzer that nobody tells how many.
const ALONE: u32 = 500;
/// Name of the fuzzer that acts as if it held nothing.
const NONE: &str = "fuzz-none";

/// Serves the leader.
pub struct Fuzzer {
    leader: Option<Server<Fuzzing>>,
    held: Vec<u64>,
    pages: (u64, u64),
    frames: (u64, u64),
}

impl Fuzzer {
    /// What it has, by its information pages.
    pub fn new(system: &mut System) -> Self {
        let leader = system.server("leader");
        let pages = rt::information::Pages::find();
        let resources = pages.into_iter().flat_map(rt::information::Pages::resources);
        let mut held: Vec<u64> =
            resources.map(|one| one.slot.into()).filter(|slot| *slot != 0).collect();
        if system.information().is_some_and(|own| name_text(&own.name) == NONE) {
            held.clear();
        }
        let (pages, frames) = memory(system).unwrap_or_default();
        Self { leader, held, pages, frames }
    }

    /// Does what it is told to.
    pub fn serve(&self, system: &mut System) {
        let Some(leader) = self.leader else { return };
        while let Some(request) = leader.next(system) {
            self.answer(system, leader, &request);
        }
    }

    /// Without a leader, fuzzes by the seed of its life, and ends with the number of calls as its code.
    pub fn alone(&self, system: &System) {
        let Some(own) = system.information().filter(|_| self.leader.is_none()) else { return };
        let seed = mixed(&[own.partition.into(), own.starts.into()]);
        let order = Order { seed, calls: ALONE, death: DEATHS, foreign: [0; FOREIGN] };
        let Tally { calls, done, answers } = self.fuzz(&order);
        sys::exit(Reason::Exit, calls, [done, answers]);
    }

    fn answer(&self, system: &mut System, leader: Server<Fuzzing>, request: &Request<Fuzzing>) {
        match (request.code(), request.body::<Order>()) {
            (Some(Fuzz::Calls), Some(order)) => {
                let tally = self.fuzz(&order);
                die(order.death);
                leader.answer(system, request, Fuzzed::Ok, rt::bytes(&tally));
            }
            _ => leader.answer(system, request, Fuzzed::Malformed, &[]),
        }
    }
}

/// Pages and frames that it may do anything to: its lasting memory but for the first page, which keeps the table in use.
fn memory(system: &System) -> Option<((u64, u64), (u64, u64))> {
    let count = (system.information()?.lasting / PAGE_SIZE).checked_sub(1)?;
    let own = system.capability::<object::Partition>("self-partition");
    let slot = own.map_or(0, |own| own.slot().raw().into());
    let translate = PartitionOperation::Translate as u64;
    let first = control(slot, translate, [layout::LASTING, 0, 0, 0]);
    let frame = first.map_or(0, |[frame, ..]| frame);
    Some(((layout::LASTING + PAGE_SIZE, count), (frame + 1, count)))
}

fn control(slot: u64, operation: u64, [a, b, c, d]: [u64; 4]) -> sys::Outcome {
    sys::raw(Call::Control as u64, [slot, operation, a, b, c, d])
}

/// What a slot holds.
fn kind(slot: u64) -> Kind {
    let found = sys::raw(Call::Inspect as u64, [slot, 0, 0, 0, 0, 0]);
    found.ok().and_then(|[kind, ..]| Kind::from_number(kind)).unwrap_or(Kind::None)
}

impl Fuzzer {
    fn fuzz(&self, order: &Order) -> Tally {
        let mut numbers = Numbers::new(order.seed);
        let mut tally = Tally::default();
        for _ in 0..order.calls {
            let around = self.surroundings(order);
            let harmless = |drawn: &Drawn, own: Kind| harmless(&around, drawn, own, kind);
            let Drawn { number, arguments } = next(&mut numbers, &around, kind, harmless);
            let outcome = sys::raw(number, arguments);
            tally.calls += 1;
            tally.done += u64::from(outcome.is_ok());
            let answer = outcome.map_or_else(|failure| failure.error as u64, |_| 0);
            tally.answers = mixed(&[tally.answers, number, answer]);
        }
        tally
    }

    fn surroundings<'s>(&'s self, order: &'s Order) -> Surroundings<'s> {
        Surroundings {
            held: &self.held,
            spare: SPARE,
            pages: self.pages,
            frames: self.frames,
            foreign: &order.foreign,
            now: time::now().raw(),
        }
    }
}

/// Dies in one of the ways there are, or does not.
fn die(how: u32) {
    match how {
        0 => overflow(&mut [0; 64], 0),
        1 => sys::exit(Reason::Exit, 0, [0; 2]),
        2 => panic!("as it was told to"),
        3 => sys::exit(Reason::OutOfMemory, 0, [0; 2]),
        _ => {}
    }
}

const _: () = assert!(DEATHS == 4);

/// Uses stack until there is none, which is long before the end of numbers.
fn overflow(room: &mut [u64; 64], depth: u64) {
    let mut more = *room;
    more[0] += 1;
    if depth < u64::MAX {
        overflow(core::hint::black_box(&mut more), depth + 1);
    }
    core::hint::black_box(&more);
}
