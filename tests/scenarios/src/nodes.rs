//! A machine of several nodes: memory goes near its processor, else to the nearest node that has room, and both say so.

use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;

/// A person at a machine of three nodes, of which the second is far from both others.
#[must_use]
pub fn all() -> Vec<Trial> {
    let zones = |nodes| Options { smp: 2, memory: 256, nodes, ..Options::default() };
    vec![
        trial("console_zones", move || {
            let mut session = start(&Artifacts::of("zones"), &zones(2))?;
            in_zones(&mut session).with_context(|| session.tail())?;
            let mut session = start(&Artifacts::of("zones"), &zones(1))?;
            without_zones(&mut session).with_context(|| session.tail())
        }),
        trial("console_nodes", || {
            let distances = [("0", "1", "30"), ("0", "2", "15"), ("1", "2", "40")];
            let distances =
                distances.map(|(from, to, far)| format!("dist,src={from},dst={to},val={far}"));
            let qemu_args =
                distances.into_iter().flat_map(|one| ["-numa".to_owned(), one]).collect();
            let options =
                Options { smp: 4, memory: 384, nodes: 3, qemu_args, ..Options::default() };
            let mut session = start(&Artifacts::of("node"), &options)?;
            nodes(&mut session).with_context(|| session.tail())
        }),
    ]
}

// covers: CHN-2
fn in_zones(session: &mut Session) -> Result<()> {
    let made = told(session, "create asks", &[", node 1, zone far, 1/16 of processor 1;"])?;
    told(session, &format!("start {}", number(&made)?), &["started"])?;
    for (line, why) in [
        ("create asks processor 0", "processor 0 is not one that runs in its zone, 'quick'"),
        (
            "create asks share 16",
            "16 slots on one processor of zone 'quick'; the most free there is",
        ),
        ("create asks memory 128M", "in one piece of zone 'far'; the largest free there is"),
    ] {
        refused(session, line, why)?;
    }
    let outside = "cannot move asks: processor 0 is not one that runs in its zone, 'quick'";
    refused(session, "move asks to processor 0", outside)?;
    told(session, "set asks memory 4M", &["of heap"])?;
    let line = "create asks-anywhere memory 80M processor 0";
    told(session, line, &[", node 1, zone far, 1/16 of processor 0;"])?;
    // The zone that it names first is full now.
    told(session, line, &[", node 0, zone any, "])?;
    refused(session, "create asks memory 80M", "in one piece of zone 'far'")?;
    refused(
        session,
        "set asks memory 80M",
        "in one piece of zone 'far'; the largest free there is",
    )?;
    ask(session, "audit").map(drop)
}

/// A machine without the second node has neither its memory nor its processors.
fn without_zones(session: &mut Session) -> Result<()> {
    let why = "it goes to zones of memory, 'huge' first, and this machine has none of them";
    refused(session, "create asks", why)?;
    refused(session, "start asks", "is in none of the zones that it names")?;
    told(session, "create asks-anywhere", &["zone any, "])?;
    ask(session, "audit").map(drop)
}

fn refused(session: &mut Session, line: &str, why: &str) -> Result<()> {
    let answer = exec::command(session, line, PATIENCE)?;
    let told = answer.output.contains(why);
    ensure!(answer.status == Some(1) && told, "{line}: {}", answer.output);
    Ok(())
}

// covers: CMD-1
fn nodes(session: &mut Session) -> Result<()> {
    told(session, "machine", &["\nnode 0 ", "free, processor 0\n", "free, processors 2-3\n"])?;
    told(
        session,
        "hardware",
        &["nodes          3: as", "distances      10 30 15\n", "APIC id 1, node 1"],
    )?;
    told(session, "map", &["its node behind it", ". 0\n", ". 1\n", ". 2\n"])?;
    let first = create(session, "processor 2", ", node 2, ")?;
    let near = create(session, "memory 80M processor 0", ", node 0, ")?;
    let spilt = create(session, "memory 80M processor 0", ", node 2, ")?;
    let reason = ", on node 0, where the longest free piece is ";
    ensure!(spilt.contains(reason) && !near.contains(reason), "{near}{spilt}");
    // Nobody says which processor: one goes where its memory is.
    let free = create(session, "memory 80M", ", node 1, ")?;
    ensure!(free.contains("of processor 1;"), "{free}");
    let number = number(&first)?;
    told(
        session,
        &format!("move {number} to processor 0"),
        &["of node 0; its memory stays on node 2"],
    )?;
    told(session, &format!("move {number} to processor 3"), &["is on processor 3\n"])?;
    // What the loader found outlives the manager.
    ask(session, "restart resource-manager")?;
    told(session, "machine", &["\nnode 2 "])?;
    create(session, "processor 1", ", node 1, ")?;
    ask(session, "audit").map(drop)
}

/// What a command says, all of which is wanted.
fn told(session: &mut Session, line: &str, wanted: &[&str]) -> Result<String> {
    let output = ask(session, line)?.replace('\r', "");
    let missing = wanted.iter().find(|part| !output.contains(**part));
    ensure!(missing.is_none(), "{line} does not say {missing:?}:\n{output}");
    Ok(output)
}

fn create(session: &mut Session, said: &str, wanted: &str) -> Result<String> {
    told(session, &format!("create echo-asks {said}"), &[wanted])
}

/// The number of a partition that was made.
fn number(output: &str) -> Result<u32> {
    let number = output.split("partition ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).with_context(|| output.to_owned())
}
