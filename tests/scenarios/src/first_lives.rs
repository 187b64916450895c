//! Deaths of boot and command while the machine is founded: right before their calls of the kernel, from the first instruction of their first
//! life until the operator has a prompt.

use crate::patient::quiet;
use crate::{PATIENCE, ask, campaign, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::marks::Piece;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Met, Program};
use std::time::{Duration, Instant};

/// Who dies.
const NAMES: [&str; 2] = ["boot", "command"];
/// The image in which somebody may die often, and at once lives again.
const CHAINED: &str = "kills";
/// How long is waited for somebody who may have nothing more to do before there is looked for a prompt.
const WHILE: Duration = Duration::from_secs(1);
/// Deaths in one founding that are too few to have tried anything.
const FEW: u32 = 4;

/// The one.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("first_lives", deaths)]
}

/// A machine in whose founding somebody died says of itself what any other does. Life after life of one machine ends, each some calls
/// later than the one before, in the long form one; and there is a machine for each call before which the first life ends.
// covers: REC-1, BOOT-3
fn deaths() -> Result<()> {
    let undisturbed = undisturbed(CHAINED)?;
    let further = |life: u32| if campaign() { life } else { life * (life + 1) / 2 };
    for name in NAMES {
        let died = founding(CHAINED, name, (0..).map(further), &undisturbed)?;
        println!("{name}: {died} deaths in one founding");
        ensure!(died >= FEW, "it hardly lived");
    }
    if campaign() { one_by_one() } else { Ok(()) }
}

fn one_by_one() -> Result<()> {
    let undisturbed = undisturbed("node")?;
    for name in NAMES {
        let mut machines = 0..;
        let died = |call: u32| {
            let died = founding("node", name, [call], &undisturbed);
            died.with_context(|| format!("{name} before its call {call}"))
        };
        let last = loop {
            let call = machines.next().context("more calls than numbers")?;
            if died(call)? == 0 {
                break call;
            }
        };
        println!("{name}: died in each of {last} foundings, a call later each time");
    }
    Ok(())
}

fn undisturbed(image: &str) -> Result<String> {
    books(&mut machine(image, false)?, image, NAMES[0])
}

/// Founds a machine in which these lives end, if they come to it; how many did.
fn founding(
    image: &str,
    name: &str,
    lives: impl IntoIterator<Item = u32>,
    undisturbed: &str,
) -> Result<u32> {
    let mut session = machine(image, true)?;
    let died = die(&mut session, image, name, lives)?;
    let after = books(&mut session, image, name)?;
    ensure!(after == undisturbed, "{after}\ninstead of\n{undisturbed}");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {})?;
    Ok(died)
}

/// A machine, perhaps one that has not begun.
fn machine(image: &str, stands: bool) -> Result<Session> {
    let mut options = Options { smp: 3, memory: 128, deterministic: true, ..Options::default() };
    let more = ["-fw_cfg", "name=opt/bulkhead/kills,string=1 0", "-S"];
    options.qemu_args.extend(more.into_iter().take(2 + usize::from(stands)).map(str::to_owned));
    start(&Artifacts::of(image), &options)
}

/// Ends one life before its call with the first number, from 1, or at its first instruction, the next before that with the next number,
/// until there is a prompt; how many that were.
fn die(
    session: &mut Session,
    image: &str,
    name: &str,
    lives: impl IntoIterator<Item = u32>,
) -> Result<u32> {
    let program = Program::read(&Artifacts::of(image).symbols(name))?;
    let mut hunt = Hunt::begin(session, &program, vec![program.entry])?;
    let mut died = 0;
    for calls in lives {
        let Some(mut met) = come(&mut hunt, |met| met.at == program.entry)? else { break };
        if died == 0 {
            // The loader, which computes more, may have something else at those addresses.
            hunt.watch(program.calls())?;
        }
        let mut left = calls;
        while left > 0 {
            let Some(next) = come(&mut hunt, |_| true)? else { break };
            ensure!(next.at != program.entry, "a life ended by itself {left} calls early");
            (met, left) = (next, left - 1);
        }
        if left > 0 {
            break;
        }
        hunt.strike(met)?;
        died += 1;
    }
    hunt.end()?;
    Ok(died)
}

/// Lets the machine go on until somebody comes there; none if there is a prompt before.
fn come(hunt: &mut Hunt<'_>, there: impl Fn(&Met) -> bool) -> Result<Option<Met>> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let met = hunt.meet_within(WHILE)?;
        while let Some(piece) = hunt.session.poll(Instant::now()) {
            if piece.context("the machine ended")? == Piece::Prompt {
                return Ok(None);
            }
        }
        if met.as_ref().is_some_and(&there) {
            return Ok(met);
        }
    }
    bail!("neither a prompt nor another life came; {}", hunt.session.tail())
}

/// What the machine says of its books once everybody is silent, without what is left of who died.
fn books(session: &mut Session, image: &str, name: &str) -> Result<String> {
    if image == CHAINED {
        // Who makes partitions there has ended them.
        session.wait_text(0, "\nkills done", PATIENCE)?;
    }
    quiet(session)?;
    let _ = exec::command(session, &format!("dump {name} forget"), PATIENCE)?;
    let listed = ask(session, "ps")?;
    let mut all = ask(session, "audit")?;
    for line in listed.lines().filter(|line| line.contains("running") || line.contains("waiting")) {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        all += &format!("{}\n", words.join(" "));
    }
    Ok(all)
}
