//! The isolation report: every attack with its claim, what must be seen of it, and what was seen on the console.

use abi::fault::reason_name;
use assist::attack::{Area, Attack, Code, Deed, Deviation, Evidence, Expected, NOTHING, Outcome};
use std::fmt::Write as _;

/// What a run comes to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The report, as a page for people.
    pub text: String,
    /// One line of it.
    pub summary: String,
    /// Attacks that went otherwise than they must, each with the reason.
    pub failed: Vec<String>,
}

/// What the console showed of an attack: the evidence, and what came before it since the last.
struct Shown<'t> {
    evidence: Evidence,
    before: &'t str,
}

/// Whose time a witness' beats are measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// That of counted instructions: no beat may be missed.
    Counted,
    /// That of a computer which takes the machine's processors away when it likes: gaps are told, not judged.
    Borrowed,
}

/// Judges every attack of the matrix by what the machine printed.
#[must_use]
pub fn report(machine: &str, matrix: &[Area], transcript: &str, time: Time) -> Report {
    let mut text = format!("# Isolation, {machine}\n");
    let (mut failed, mut number, mut tries) = (Vec::new(), 0, 0);
    for area in matrix {
        let _ = write!(text, "\n## {}\n\n{}\n\n", area.name, area.claim);
        text.push_str("| attack | must | seen | |\n|---|---|---|---|\n");
        for attack in area.attacks {
            let shown = shown(transcript, number);
            let verdict = verdict(attack, shown.as_ref(), time);
            tries += shown.as_ref().map_or(0, |shown| shown.evidence.times);
            let seen = shown.map_or("nothing".to_owned(), |shown| seen(&shown.evidence));
            let word = if verdict.is_ok() { "holds" } else { "**FAILED**" };
            let _ = writeln!(text, "| {} | {} | {seen} | {word} |", attack.name, must(attack));
            if let Err(why) = verdict {
                failed.push(format!("{}: {}: {why}", area.name, attack.name));
            }
            number += 1;
        }
    }
    let count = failed.len();
    let summary = format!("isolation, {machine}: {number} attacks, {tries} tries, {count} failed");
    let _ = writeln!(text, "\n{summary}.");
    failed.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
    Report { text, summary, failed }
}

/// Finds the evidence of attack `number`.
fn shown(transcript: &str, number: usize) -> Option<Shown<'_>> {
    let mark = format!("evidence {number} ");
    let mut lines = transcript.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    });
    let (at, line) = lines.find(|(_, line)| line.starts_with(&mark))?;
    let before = transcript.get(..at)?;
    let since = before.rfind("\nevidence ").map_or(0, |last| last + 1);
    let evidence = line.trim_end().strip_prefix(&mark)?.parse().ok()?;
    Some(Shown { evidence, before: before.get(since..)? })
}

fn verdict(attack: &Attack, shown: Option<&Shown<'_>>, time: Time) -> Result<(), String> {
    let shown = shown.ok_or("the machine shows no evidence")?;
    match attack.judge(&shown.evidence) {
        Err(Deviation::Gap(..)) if time == Time::Borrowed => {}
        judged => judged.map_err(|why| format!("{why:?}"))?,
    }
    let Outcome::Stopped([reason, code, _]) = shown.evidence.outcome else { return Ok(()) };
    let said = format!("stopped: {}, code {code:#x},", reason_name(reason));
    let announced = shown.before.lines().filter(|line| line.contains(" stopped: "));
    let enough = announced.count() >= shown.evidence.times as usize;
    if enough && shown.before.contains(&said) {
        return Ok(());
    }
    Err(format!("the console does not say '{said}' before it, {} times", shown.evidence.times))
}

/// What must be seen, in words.
fn must(attack: &Attack) -> String {
    match attack.expected {
        Expected::Stops(reasons, code) => {
            let name = |reason: &u64| match *reason {
                NOTHING => "nothing, in an emulator that does not know it",
                reason => reason_name(reason),
            };
            let names: Vec<&str> = reasons.iter().map(name).collect();
            let place = if matches!(attack.deed, Deed::Touch(..)) { ", there" } else { "" };
            format!("stops: {}{}{place}", names.join(" or "), code_in_words(code))
        }
        Expected::Survives => "goes on, nothing gained".to_owned(),
        Expected::Refused(least) => format!("at least {least} calls, all as they should be"),
        Expected::Silent => "nobody else notices".to_owned(),
    }
}

fn code_in_words(code: Code) -> String {
    match code {
        Code::Any => String::new(),
        Code::Is(code) => format!(", code {code:#x}"),
        Code::Bits(_, bits) => format!(", code {bits:#x}, present or not"),
        Code::Vector => ", code of the vector".to_owned(),
    }
}

/// What was seen, in words.
fn seen(evidence: &Evidence) -> String {
    let Evidence { times, others, witnesses, beats, gap, allowed, .. } = evidence;
    let outcome = match evidence.outcome {
        Outcome::Stopped([reason, code, address]) => {
            format!("{}, code {code:#x}, address {address:#x}", reason_name(reason))
        }
        Outcome::Survived => "went on".to_owned(),
        Outcome::Called([made, otherwise, _]) => format!("{made} calls, {otherwise} otherwise"),
        Outcome::Silent => "no answer".to_owned(),
    };
    let others = if *others == 0 { String::new() } else { format!("; {others} others stopped") };
    let [gap, allowed] = [gap, allowed].map(|length| length / 1000);
    format!(
        "{outcome}, {times}×{others}; {witnesses} witnesses, {beats} beats, longest gap {gap} of {allowed} µs"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use assist::attack::{Place, Touch};
    use assist::matrix;

    const STOPPED: &str = "assist stopped: page fault, code 0x4, address 0x0, at 0x400000\n";
    const EVIDENCE: &str = "evidence 0 stopped=14,4,0 seen=0,1,0 witnesses=2,9,1600858,2400000\n";

    fn attack(expected: Expected) -> Attack {
        Attack { name: "read address 0", deed: Deed::Instructions, times: 1, expected }
    }

    fn failures(attack: Attack, transcript: &str) -> usize {
        let attacks = Box::leak(Box::new([attack]));
        let area = Area { name: "a", claim: "b", attacks };
        let report = report("x", &[area], transcript, Time::Counted);
        assert_eq!(report.text.contains("FAILED"), !report.failed.is_empty());
        report.failed.len()
    }

    const RIGHT: Expected = Expected::Stops(&[14], Code::Is(4));

    #[test]
    fn what_was_seen_as_it_must_be_holds() {
        assert_eq!(failures(attack(RIGHT), &format!("{STOPPED}{EVIDENCE}")), 0);
    }

    #[test]
    fn a_broken_expectation_fails() {
        let transcript = format!("{STOPPED}{EVIDENCE}");
        let broken = [
            Expected::Stops(&[13], Code::Is(4)),
            Expected::Stops(&[14], Code::Is(5)),
            Expected::Stops(&[13, NOTHING], Code::Any),
            Expected::Survives,
            Expected::Refused(0),
            Expected::Silent,
        ];
        for expected in broken {
            assert_eq!(failures(attack(expected), &transcript), 1, "{expected:?}");
        }
        let twice = Attack { times: 2, ..attack(RIGHT) };
        assert_eq!(failures(twice, &transcript), 1);
    }

    #[test]
    fn another_address_fails() {
        let transcript = format!("{STOPPED}{EVIDENCE}");
        let at =
            |place| Attack { deed: Deed::Touch(Touch::Read, Place::At(place)), ..attack(RIGHT) };
        assert_eq!(failures(at(0), &transcript), 0);
        assert_eq!(failures(at(8), &transcript), 1, "it attacked another address");
        let moved = transcript.replace("seen=0,", "seen=8,");
        assert_eq!(failures(at(8), &moved), 1, "it stopped elsewhere");
    }

    #[test]
    fn evidence_that_is_missing_or_silent_fails() {
        let right = attack(RIGHT);
        assert_eq!(failures(right, STOPPED), 1, "no evidence");
        assert_eq!(failures(right, EVIDENCE), 1, "the console did not say why");
        assert_eq!(failures(right, &format!("{STOPPED}evidence 1 {EVIDENCE}")), 1, "another's");
        assert_eq!(failures(right, &format!("{STOPPED}{}", EVIDENCE.replace("=14", "="))), 1);
        let earlier = format!("{STOPPED}evidence 7 survived=\n{EVIDENCE}");
        assert_eq!(failures(right, &earlier), 1, "what was said belongs to another attack");
    }

    #[test]
    fn harm_to_others_fails() {
        let cases = [
            ("seen=0,1,0", "seen=0,1,1", "another one stopped"),
            ("witnesses=2,9,1600858", "witnesses=0,0,0", "nobody watched"),
            ("witnesses=2,9,", "witnesses=2,0,", "a witness stands still"),
            ("1600858,", "2400001,", "a beat was missed"),
        ];
        for (from, to, what) in cases {
            let transcript = format!("{STOPPED}{}", EVIDENCE.replace(from, to));
            assert_eq!(failures(attack(RIGHT), &transcript), 1, "{what}");
        }
    }

    #[test]
    fn a_gap_is_forgiven_only_in_borrowed_time() {
        let late = format!("{STOPPED}{}", EVIDENCE.replace("1600858,", "2400001,"));
        let attacks = Box::leak(Box::new([attack(RIGHT)]));
        let area = [Area { name: "a", claim: "b", attacks }];
        assert_eq!(report("x", &area, &late, Time::Borrowed).failed.len(), 0);
        let dead = late.replace("=2,9,", "=2,0,");
        assert_eq!(report("x", &area, &dead, Time::Borrowed).failed.len(), 1, "it never beat");
    }

    #[test]
    fn the_matrix_names_every_attack_once() {
        let mut names: Vec<_> = matrix::all().map(|(_, area, one)| (area.name, one.name)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(count >= 60 && names.len() == count, "{count} attacks, {} names", names.len());
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for outcome in [
            Outcome::Stopped([14, 5, u64::MAX]),
            Outcome::Survived,
            Outcome::Called([1, 2, 3]),
            Outcome::Silent,
        ] {
            let evidence = Evidence {
                outcome,
                target: 4,
                times: 5,
                others: 6,
                witnesses: 7,
                beats: 8,
                gap: 9,
                allowed: 10,
            };
            assert_eq!(evidence.to_string().parse(), Ok(evidence));
        }
    }
}
