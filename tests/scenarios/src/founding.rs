//! Deaths while the machine is founded: of the resource manager at its first calls, when there is nobody yet who could bring it back, and from
//! where boot can.

use crate::patient::quiet;
use crate::{PATIENCE, ask, campaign, start, trial};
use abi::call::Call;
use abi::control::{PartitionOperation, first_slot};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::processors::Register;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Met, Program};

/// What the kernel leaves behind where the manager's end is its own.
const RECORD: &str = "the first partition: reason ";
/// What it says of that when it starts again.
const AGAIN: &str = "kernel: the previous run ended with:";
/// What it says where that was in vain.
const OFF: &str = "this is the second crash in a row, the machine stays off";
/// The call before which a life ends in the short form, beside those that matter most.
const SHORT: u32 = 250;
/// Calls from one life of the long form to the next.
const STEP: usize = 5;

/// Where a life of the manager ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// At its first instruction, or before its call with this number, from 1.
    Before(u32),
    /// Before the call that makes boot its rescuer, or right behind it.
    Rescuer { behind: bool },
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("founding_deaths", deaths), trial("founding_in_vain", in_vain)]
}

/// Wherever the manager ends in its first life, the machine comes up: it starts anew until boot can bring the manager back, and never
/// after that.
// covers: REC-1, BOOT-3
fn deaths() -> Result<()> {
    let some = if campaign() { (0..calls()?).step_by(STEP).collect() } else { vec![SHORT] };
    let ends = [End::Rescuer { behind: false }, End::Rescuer { behind: true }];
    let ends = ends.into_iter().chain(some.into_iter().map(End::Before));
    let (mut anew, mut back) = (Vec::new(), Vec::new());
    for end in ends {
        let starts_anew = die(end).with_context(|| format!("{end:?}"))?;
        if starts_anew {
            anew.push(end)
        } else {
            back.push(end)
        };
    }
    println!("the machine started anew {} times, boot helped {}", anew.len(), back.len());
    ensure!(anew.contains(&End::Rescuer { behind: false }), "{back:?}");
    ensure!(back.contains(&End::Rescuer { behind: true }), "{anew:?}");
    Ok(())
}

/// The manager ends in each life: the machine says so, and stays off.
// covers: REC-1
fn in_vain() -> Result<()> {
    let program = program()?;
    let mut session = machine()?;
    let mut hunt = Hunt::begin(&mut session, &program, vec![program.entry])?;
    for _ in 0..2 {
        let met = hunt.meet()?;
        hunt.strike(met)?;
    }
    hunt.end()?;
    let again = session.wait_text(0, AGAIN, PATIENCE)?;
    session.wait_text(again, RECORD, PATIENCE)?;
    session.wait_text(again, OFF, PATIENCE).map(drop)
}

fn program() -> Result<Program> {
    Program::read(&Artifacts::of("node").symbols("resource-manager"))
}

/// A machine that has not begun.
fn machine() -> Result<Session> {
    let mut options =
        Options { memory: 128, deterministic: true, reboot: true, ..Options::default() };
    options.qemu_args.push("-S".to_owned());
    start(&Artifacts::of("node"), &options)
}

/// Lets the machine go on to the manager's first instruction, and watches for its calls from there on: the loader, which computes more, may
/// have something else at those addresses.
fn begin<'s>(session: &'s mut Session, program: &'s Program) -> Result<(Hunt<'s>, Met)> {
    let mut hunt = Hunt::begin(session, program, vec![program.entry])?;
    let met = hunt.meet()?;
    hunt.watch(program.calls())?;
    Ok((hunt, met))
}

/// Calls of the manager until it first waits.
fn calls() -> Result<u32> {
    let program = program()?;
    let mut session = machine()?;
    let mut hunt = begin(&mut session, &program)?.0;
    let mut calls = 0;
    loop {
        let met = hunt.meet()?;
        if hunt.register(met, Register::Rax)? == Call::Wait as u64 {
            return Ok(calls);
        }
        calls += 1;
    }
}

/// Ends the manager there; whether the machine started anew. In any case it comes up, and is as it should be.
fn die(end: End) -> Result<bool> {
    let program = program()?;
    let mut session = machine()?;
    let (mut hunt, first) = begin(&mut session, &program)?;
    let met = if end == End::Before(0) { first } else { come_to(&mut hunt, end)? };
    hunt.strike(met)?;
    hunt.end()?;
    quiet(&mut session)?;
    let said = session.transcript();
    let anew = said.contains(AGAIN);
    ensure!(anew == said.contains(RECORD) && !said.contains(OFF), "{}", session.tail());
    ask(&mut session, "audit")?;
    let all = ask(&mut session, "ps")?;
    let runs = all.lines().filter(|line| line.contains("running") || line.contains("waiting"));
    ensure!(runs.count() >= 11, "not everybody is there:\n{all}");
    let manager = all.lines().find(|line| line.contains(" resource-manager ")).unwrap_or_default();
    let restarts = manager.split_whitespace().nth(6).context("no restarts")?;
    ensure!((restarts == "0") == anew, "{manager}");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {})?;
    Ok(anew)
}

/// Lets the manager go on to where it is to end.
fn come_to(hunt: &mut Hunt<'_>, end: End) -> Result<Met> {
    for call in 1.. {
        let met = hunt.meet()?;
        if end == End::Before(call) {
            return Ok(met);
        }
        if let (End::Rescuer { behind }, true) = (end, names_rescuer(hunt, met)?) {
            return if behind { hunt.behind(met, 0) } else { Ok(met) };
        }
        ensure!(hunt.register(met, Register::Rax)? != Call::Wait as u64, "it waited first");
    }
    bail!("more calls than there are numbers")
}

/// Whether the call before which the manager is tells the kernel who rescues it.
fn names_rescuer(hunt: &mut Hunt<'_>, met: Met) -> Result<bool> {
    let wanted = [
        (Register::Rax, Call::Control as u64),
        (Register::Rdi, first_slot::PARTITION.raw().into()),
        (Register::Rsi, PartitionOperation::SetRescuer as u64),
    ];
    for (register, value) in wanted {
        if hunt.register(met, register)? != value {
            return Ok(false);
        }
    }
    Ok(true)
}
