//! The test partition: works through its cases on the booted machine and says how they went.

#![no_std]
#![no_main]

extern crate alloc;

mod cases;
mod isolation;
mod others;
mod outcome;
mod registers;
mod report;
mod world;

use abi::image::name_text;
use assist::Misdeed;
use outcome::Trouble;
use report::Report;
use rt::{Partition, Start, System};
use world::World;

rt::entry!(Suite);

/// The name under which nothing but shares is tested, over all frames or not at all.
const SHARES: &str = "shares";
/// The name under which the isolation matrix is tried, and nothing else.
const ISOLATION: &str = "isolation";

/// All work is done when it starts.
struct Suite;

impl Partition for Suite {
    fn started(system: &mut System, start: &Start) -> Self {
        let (Some(debug), Some((exit, port))) = (system.debug(), system.ports("exit")) else {
            panic!("the manifest grants no debug port or no exit device");
        };
        let mut report = Report::new(debug);
        let name = system.information().map(|own| own.name).unwrap_or_default();
        if start.starts > 1 {
            let died = Trouble::new(format_args!("this is life {}", start.starts));
            report.case("", "suite stays alive", &Err(died));
        } else if let Some(mut world) = World::find(system) {
            match name_text(&name) {
                SHARES => {
                    let verdict = cases::shares::shares_are_met_over_all_frames(&mut world);
                    report.case("shares", "shares_are_met_over_all_frames", &verdict);
                }
                ISOLATION => isolation::run(&mut report, &mut world),
                _ => run(&mut report, &mut world),
            }
        } else {
            let missing = Trouble::new(format_args!("a channel or a capability is missing"));
            report.case("", "suite finds its world", &Err(missing));
        }
        report.end(exit, port);
        Self
    }
}

fn run(report: &mut Report, world: &mut World<'_>) {
    report.case("", "supervisor is up", &world.await_supervisor());
    for (misdeed, name) in Misdeed::ALL {
        let verdict = cases::faults::misdeed(world, *misdeed);
        report.case("fault", name, &verdict);
    }
    for (name, case) in cases::ALL {
        let verdict = case(world);
        report.case("", name, &verdict);
    }
}
