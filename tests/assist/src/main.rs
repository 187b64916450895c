//! The partition that misbehaves when it is asked to.

#![no_std]
#![no_main]

extern crate alloc;

mod attacks;
mod attempts;
mod instructions;
mod misdeeds;
mod privileged;
mod race;
mod tally;

use abi::image::name_text;
use assist::{Answer, Ask, Assistance, Misdeed, Order};
use core::sync::atomic::{AtomicU32, Ordering};
use rt::{Partition, Request, Server, Signal, Start, System};

rt::entry!(Assist, channels = 16, others = race::second);

/// How often it was poked in this life: memory that a restart must make clean.
static POKES: AtomicU32 = AtomicU32::new(0);

/// Serves suite.
struct Assist {
    suite: Server<Assistance>,
}

impl Partition for Assist {
    fn started(system: &mut System, _: &Start) -> Self {
        let name = system.information().map(|information| information.name).unwrap_or_default();
        if name_text(&name).starts_with("hog") {
            compute();
        }
        Self { suite: system.server("suite").unwrap_or_default() }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.suite.next(system) {
            self.serve(system, &request);
        }
    }
}

impl Assist {
    fn serve(&self, system: &mut System, request: &Request<Assistance>) {
        match request.code() {
            Some(Ask::Echo) => self.suite.answer(system, request, Answer::Ok, request.bytes()),
            Some(Ask::Poke) => {
                let count = POKES.fetch_add(1, Ordering::Relaxed) + 1;
                self.suite.answer(system, request, Answer::Ok, &count.to_le_bytes());
            }
            Some(Ask::Misbehave) => self.misbehave(system, request),
            Some(Ask::Attack) => self.attack(system, request),
            None => self.suite.answer(system, request, Answer::Malformed, &[]),
        }
    }

    fn misbehave(&self, system: &mut System, request: &Request<Assistance>) {
        let number = request.bytes().first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let answer = match number.and_then(Misdeed::from_number) {
            Some(misdeed) => {
                misdeeds::commit(misdeed, system, self.suite);
                Answer::Ok
            }
            None => Answer::Malformed,
        };
        self.suite.answer(system, request, answer, &[]);
    }
}

impl Assist {
    fn attack(&self, system: &mut System, request: &Request<Assistance>) {
        let made = request.body::<Order>().and_then(|order| {
            let attack = assist::matrix::attack(order.attack)?;
            attacks::make(attack, &order, system, self.suite)
        });
        match made {
            Some(tally) => self.suite.answer(system, request, Answer::Ok, rt::bytes(&tally)),
            None => self.suite.answer(system, request, Answer::Malformed, &[]),
        }
    }
}

/// Takes all the time there is.
fn compute() -> ! {
    let mut count = 0_u64;
    loop {
        count = core::hint::black_box(count.wrapping_add(1));
    }
}
