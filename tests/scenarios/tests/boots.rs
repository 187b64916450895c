//! Runs the scenarios, one machine at a time.

use libtest_mimic::Arguments;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, scenarios::all()).exit();
}
