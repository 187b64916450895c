//! Processors that stop for good while the machine works: one that idles, one on which half of a pair runs, the one of all infrastructure.

use crate::patient::quiet_within;
use crate::{PATIENCE, ask, campaign, start, trial};
use abi::call::Call;
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::processors::Register;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Met, Program};
use std::time::{Duration, Instant};

/// Microseconds of a frame.
const FRAME: u64 = 6_400;
/// How long the machine may take until all is as it should be.
const LONG: Duration = Duration::from_secs(40);

/// Calls of `control` after which a partition is half made: it takes some forty.
const HALF_MADE: u32 = 20;

/// All of them.
#[must_use]
pub fn all() -> Vec<Trial> {
    let named = |name: &str, smp, processor| {
        trial(format!("failing_{name}_{smp}"), move || fail(smp, processor))
    };
    let lost = |smp| trial(format!("failing_manager_{smp}"), move || lose(smp));
    let mut trials = vec![named("partner", 4, 3), lost(2)];
    let further = [
        named("idler", 5, 4),
        named("infrastructure", 2, 0),
        named("infrastructure", 4, 0),
        lost(4),
    ];
    trials.extend(further.map(|trial| trial.with_ignored_flag(!campaign())));
    trials
}

/// One of `smp` processors stops. What was there goes on elsewhere, the console answers, kernel and books agree.
// covers: REC-3
fn fail(smp: u16, processor: u16) -> Result<()> {
    let options = Options { smp, memory: 128, deterministic: true, ..Options::default() };
    let mut session = start(&Artifacts::of("failing"), &options)?;
    ask(&mut session, "ps")?;
    std::thread::sleep(Duration::from_millis(300));
    let before = pair(&mut session, "near")?;
    // Somewhere in the middle of a creation.
    session.wait_prompt(PATIENCE)?;
    session.send(b"create small\r")?;
    session.fail_processor(processor)?;
    quiet_within(&mut session, LONG)?;
    settled(&mut session, smp, processor)?;
    let (near, far) = (pair(&mut session, "near")?, pair(&mut session, "far")?);
    println!("longest silences in us: {before:?} before; {near:?} and {far:?} in the end");
    if smp == 4 && processor == 3 {
        ensure!(near.iter().all(|gap| *gap < 2 * FRAME), "the pair beside it heard {near:?}");
        ensure!(far[0] < 2 * FRAME, "the one that was left had no turn for {} us", far[0]);
    }
    // It comes back, and is held.
    session.return_processors()?;
    std::thread::sleep(Duration::from_millis(100));
    let registers = session.control().monitor("info registers -a")?;
    let own = registers.split("CPU#").nth(usize::from(processor) + 1).context("no registers")?;
    ensure!(own.contains("HLT=1") && own.contains("CPL=0"), "it runs: {own}");
    settled(&mut session, smp, processor)?;
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// The processor stops on which the manager is making a partition: it is lost with it, and boot, which was there too, brings it
/// back elsewhere. What was half made is gone; who asked for it asks again.
// covers: REC-3
fn lose(smp: u16) -> Result<()> {
    let artifacts = Artifacts::of("failing");
    let program = Program::read(&artifacts.symbols("resource-manager"))?;
    let options = Options { smp, memory: 128, deterministic: true, ..Options::default() };
    let mut session = start(&artifacts, &options)?;
    let before = ask(&mut session, "audit")?;
    session.wait_prompt(PATIENCE)?;
    let mut hunt = Hunt::begin(&mut session, &program, program.calls())?;
    hunt.session.send(b"create small\r")?;
    let met = controls(&mut hunt, HALF_MADE)?;
    hunt.fail(met)?;
    let processor = met.processor;
    ensure!(processor == 0, "the manager makes partitions on processor {processor}");
    quiet_within(&mut session, LONG)?;
    settled(&mut session, smp, processor)?;
    let all = ask(&mut session, "ps")?;
    let manager = all.lines().find(|line| line.contains(" resource-manager ")).unwrap_or_default();
    ensure!(manager.split_whitespace().nth(6) == Some("1"), "the manager was not lost:\n{all}");
    let copies = all.lines().filter(|line| line.contains(" small ")).count();
    ensure!(copies <= 2, "one was asked for:\n{all}");
    if copies == 2 {
        ask(&mut session, "destroy 10")?;
    }
    let after = ask(&mut session, "audit")?;
    ensure!(after == before, "before:\n{before}\nand afterwards:\n{after}");
    println!("longest silences in us: {:?}", pair(&mut session, "near")?);
    exec::run(&mut session, "create small; audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Lets the manager go on to so many changes of what the kernel holds.
fn controls(hunt: &mut Hunt<'_>, count: u32) -> Result<Met> {
    let mut done = 0;
    loop {
        let met = hunt.meet()?;
        done += u32::from(hunt.register(met, Register::Rax)? == Call::Control as u64);
        if done == count {
            return Ok(met);
        }
    }
}

/// Waits until the console tells of the failure, and everybody waits for work again.
fn settled(session: &mut Session, smp: u16, processor: u16) -> Result<()> {
    let end = Instant::now() + LONG;
    loop {
        let plan = ask(session, "plan")?;
        let all = ask(session, "ps")?;
        let down = ["faulted", "failed", "stopping"];
        let up = |line: &str| !down.iter().any(|state| line.contains(state));
        if plan.contains(&format!("processor {processor}: failed")) && all.lines().all(up) {
            let machine = ask(session, "machine")?;
            ensure!(machine.contains(&format!("{} online", smp - 1)), "{machine}");
            ask(session, "audit")?;
            return Ok(());
        }
        ensure!(Instant::now() < end, "{plan}\n{all}\n{}", session.tail());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The longest silences of a pair: of the asking one its own and what it heard, then of the other.
fn pair(session: &mut Session, name: &str) -> Result<[u64; 4]> {
    let mut gaps = [0; 4];
    for (place, role) in ["asks", "answers"].into_iter().enumerate() {
        let said = ask(session, &format!("log {name}-{role}"))?;
        let line = said.lines().rfind(|line| line.contains("longest: own")).unwrap_or_default();
        let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
        gaps[2 * place..].iter_mut().zip(numbers).take(2).for_each(|(gap, number)| *gap = number);
    }
    Ok(gaps)
}
