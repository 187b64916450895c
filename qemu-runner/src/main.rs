//! The command line behind `./bulkhead`.

use clap::{Parser, Subcommand};
use qemu_runner::verbs::{bench, debug, dump, image, new, run, sizes, test, trace};
use std::process::ExitCode;

/// One leak must not sink the ship: builds, runs and tests Bulkhead.
#[derive(Parser)]
#[command(name = "bulkhead", bin_name = "./bulkhead", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build an image and start it in a machine; Ctrl-\ leaves.
    Run(run::Arguments),
    /// Build an image for direct boot.
    Build {
        /// The image, `images/NAME.toml`.
        #[arg(default_value = "node")]
        name: String,
    },
    /// Build an image in every form: disc and stick, UEFI disk, direct boot.
    Image {
        /// The image, `images/NAME.toml`.
        #[arg(default_value = "node")]
        name: String,
    },
    /// Run every check and every test, or some.
    Test(test::Arguments),
    /// Measure the kernel's paths and compare with what is wanted.
    Bench(bench::Arguments),
    /// Start a machine under gdb, with symbols of the kernel or a partition.
    Debug(debug::Arguments),
    /// Write a partition's registers and memory into a core file, which gdb opens.
    Dump(dump::Arguments),
    /// Make a partition of your own, and an image with it.
    New {
        /// Its name.
        name: String,
    },
    /// Say how big the programs of an image are, and how much they have grown.
    Sizes(sizes::Arguments),
    /// Show what ran when on which processor: as text, or drawn by Perfetto's viewer.
    Trace(trace::Arguments),
    /// Install what is missing (done by every other verb as well).
    Setup,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Build { name } => image::build(&name),
        Verb::Image { name } => image::image(&name),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Debug(arguments) => debug::run(&arguments),
        Verb::Dump(arguments) => dump::run(&arguments),
        Verb::New { name } => new::run(&name),
        Verb::Sizes(arguments) => sizes::run(&arguments),
        Verb::Trace(arguments) => trace::run(&arguments),
        // The script has done it before it started this program.
        Verb::Setup => {
            println!("everything is there");
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bulkhead: {error:#}");
            ExitCode::FAILURE
        }
    }
}
