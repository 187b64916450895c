//! The resource service at the console: partitions made with all that can be said, through the deaths of both ends of its channel.

use crate::patient::blindly;
use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;

/// A person who makes partitions.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("console_service", || {
        let options = Options { smp: 2, ..Options::default() };
        let mut session = start(&Artifacts::of("node"), &options)?;
        service(&mut session).with_context(|| session.tail())
    })]
}

// covers: CMD-1, CMD-2
fn service(session: &mut Session) -> Result<()> {
    let map = ask(session, "map")?;
    ensure!(map.lines().count() <= 25 && map.contains("io-console"), "{map}");
    let first = create(session, "share 1 memory 1M processor 1", "1/16 of processor 1")?;
    ask(session, &format!("start {first}; audit"))?;
    for (said, why) in [
        ("share 17", "'17' is no number of slots"),
        ("memory 3G", "no heap is larger than 128 MiB"),
        ("processor 9", "there is no processor 9 that runs: they are 0 to 1"),
        ("share 16", "it needs 16 slots on one processor; the most free is"),
    ] {
        let answer = exec::command(session, &format!("create echo-asks {said}"), PATIENCE)?;
        let told = answer.output.contains(why);
        ensure!(answer.status == Some(1) && told, "create {said}: {}", answer.output);
    }
    let mut made = vec![first];
    for _ in 0..3 {
        made.push(create(session, "memory 128M", "128 MiB")?);
    }
    let answer = exec::command(session, "create echo-asks memory 128M", PATIENCE)?;
    ensure!(answer.output.contains("MiB in one piece; the largest is"), "{}", answer.output);
    // The manager dies while it is asked; what it was asked is done once.
    ask(session, "restart resource-manager")?;
    made.push(create(session, "", "of processor")?);
    ask(session, "kill resource-manager")?;
    made.push(create(session, "", "of processor")?);
    // The service dies; the next one takes a new copy of the books and goes on.
    blindly(session, "restart command")?;
    made.push(create(session, "memory 2M", "2.")?);
    let listed = ask(session, "ps")?;
    let copies = listed.lines().filter(|line| line.contains("echo-asks")).count();
    ensure!(copies == made.len() + 1, "{made:?}:\n{listed}");
    ask(session, "audit")?;
    for number in made {
        ask(session, &format!("destroy {number}"))?;
    }
    ask(session, "audit").map(drop)
}

/// One more `echo-asks`; its number.
fn create(session: &mut Session, said: &str, wanted: &str) -> Result<u32> {
    let output = ask(session, &format!("create echo-asks {said}"))?;
    ensure!(output.contains(wanted), "create {said}: {output}");
    let number = output.split("partition ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).with_context(|| output.clone())
}
