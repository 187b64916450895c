//! Deaths that nobody in the machine could bring about: a program ends at each of its calls of the kernel, from its very first instruction on, the
//! life after that one call later, and so on until one comes so far as to wait for work.

use crate::patient::quiet;
use crate::{PATIENCE, ask, campaign, start, trial};
use abi::call::Call;
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::processors::Register;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Program};

/// How many calls each life of the short form makes: what no capability reaches is in the first of them.
const SHORT: [u32; 5] = [1, 2, 4, 8, 16];
/// Instructions behind a call after which it ends, fewer than this.
const BEHIND: u32 = 60;
/// More calls than any return makes.
const MOST: u32 = 5_000;
/// The one.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("early_deaths", deaths)]
}

/// The resource manager in its return; then the boot partition in the lives that idle begins where both are down at once.
// covers: REC-1, REC-2
fn deaths() -> Result<()> {
    let mut session = machine()?;
    let before = audit(&mut session)?;
    chains(&mut session, "resource-manager")?;
    audit(&mut session)?;
    ask(&mut session, "kill boot")?;
    chains(&mut session, "boot")?;
    audit(&mut session)?;
    ask(&mut session, "start boot")?;
    let after = audit(&mut session)?;
    ensure!(after == before, "before:\n{before}\nand afterwards:\n{after}");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {}).map(drop)
}

/// A machine with infrastructure, and others who have nothing to do.
fn machine() -> Result<Session> {
    let mut options = Options { smp: 3, memory: 128, deterministic: true, ..Options::default() };
    options
        .qemu_args
        .extend(["-fw_cfg".to_owned(), "name=opt/bulkhead/kills,string=1 0".to_owned()]);
    let mut session = start(&Artifacts::of("kills"), &options)?;
    session.wait_text(0, "\nkills done", PATIENCE)?;
    session.send(b"\r")?;
    Ok(session)
}

/// Chains of deaths right before calls and in between: one that takes turns, or two. Each begins with the end of the resource manager.
fn chains(session: &mut Session, name: &str) -> Result<()> {
    let program = Program::read(&Artifacts::of("kills").symbols(name))?;
    let ways: &[[bool; 2]] = if campaign() { &[[false; 2], [true; 2]] } else { &[[false, true]] };
    for &behind in ways {
        quiet(session)?;
        session.wait_prompt(PATIENCE)?;
        let mut places = program.calls();
        places.push(program.entry);
        let mut hunt = Hunt::begin(session, &program, places)?;
        hunt.session.send(b"restart resource-manager\r")?;
        let deaths = chain(&mut hunt, &program, behind)?;
        hunt.end()?;
        println!("{name}: {deaths} deaths");
        ensure!(deaths >= SHORT.len(), "it hardly lived");
    }
    Ok(())
}

/// Ends each life of a program some calls later than the one before; how many died until one waited, or had done its work.
fn chain(hunt: &mut Hunt<'_>, program: &Program, behind: [bool; 2]) -> Result<usize> {
    let long: Vec<u32> = (1..MOST).collect();
    let lives = if campaign() { &*long } else { &SHORT };
    for (deaths, &wanted) in lives.iter().enumerate() {
        // A new life.
        while hunt.meet()?.at != program.entry {}
        for call in 1..=wanted {
            let mut met = hunt.meet()?;
            ensure!(met.at != program.entry, "a life ended by itself before call {call}");
            let number = hunt.register(met, Register::Rax)?;
            if [Call::Wait as u64, Call::Exit as u64].contains(&number) {
                return Ok(deaths);
            }
            if call == wanted {
                if behind[deaths % 2] {
                    met = hunt.behind(met, wanted * 17 % BEHIND)?;
                }
                hunt.strike(met)?;
            }
        }
    }
    Ok(lives.len())
}

/// The audit, once everybody is silent.
fn audit(session: &mut Session) -> Result<String> {
    quiet(session)?;
    ask(session, "audit")
}
