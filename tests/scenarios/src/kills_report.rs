//! What came of the kill campaign, as a page for people.

use qemu_runner::symbols::Symbols;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Who can die, as images call them.
const VICTIMS: [&str; 5] = ["resource-manager", "boot", "command", "io-console", "idle"];
/// Phases of each that are listed by themselves.
const PHASES: usize = 24;

/// A death.
#[derive(Clone, Debug)]
pub struct Death {
    /// In which round; two of one round are a pair.
    pub round: u32,
    /// Who.
    pub victim: String,
    /// Whether it waited for something.
    pub waited: bool,
    /// The instruction that it did not come to.
    pub instruction: u64,
    /// Nanoseconds until it served again; 0: it died again before that.
    pub took: u64,
    /// Longest silence of a witness meanwhile, nanoseconds.
    pub gap: u64,
}

impl Death {
    /// From the reaper's line: `death ROUND VICTIM waited|worked INSTRUCTION TOOK GAP`.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        Some(Self {
            round: words.next()?.parse().ok()?,
            victim: words.next()?.to_owned(),
            waited: words.next()? == "waited",
            instruction: u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?,
            took: words.next()?.parse().ok()?,
            gap: words.next()?.parse().ok()?,
        })
    }
}

/// One machine's deaths.
#[derive(Clone, Debug)]
pub struct Run {
    /// What they follow from.
    pub seed: usize,
    /// All of them.
    pub deaths: Vec<Death>,
    /// Times that nobody was there to be killed.
    pub missed: usize,
    /// What the makers did: creations, starts, ends, pauses, resumptions, changes of share, heaps that grew, moves, heaps that shrank, placed creations; commands without an answer, and those of them that had taken effect.
    pub made: Vec<u64>,
    /// The programs with their symbols.
    pub folder: PathBuf,
}

impl Run {
    /// Longest silence of a witness, nanoseconds.
    #[must_use]
    pub fn longest_gap(&self) -> u64 {
        self.deaths.iter().map(|death| death.gap).max().unwrap_or(0)
    }
}

/// The times until those deaths' victims served again, sorted.
#[must_use]
pub fn times(runs: &[Run], wanted: impl Fn(&Death) -> bool) -> Vec<u64> {
    let deaths = runs.iter().flat_map(|run| &run.deaths);
    let mut times: Vec<u64> =
        deaths.filter(|death| death.took > 0 && wanted(death)).map(|death| death.took).collect();
    times.sort_unstable();
    times
}

/// The page.
#[must_use]
pub fn page(runs: &[Run], failures: &[String]) -> String {
    let mut page = head(runs);
    if !failures.is_empty() {
        page.push_str("\n**Failed:**\n\n");
        failures.iter().for_each(|line| _ = writeln!(page, "- {}", line.replace('\n', " ")));
    }
    page.push_str("\n## By victim\n\n");
    page.push_str("| who died | with | kills | died again before it served | served again | median us | 95 of 100 us | longest us |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    let kinds = kinds(runs);
    for ((victim, with), deaths) in &kinds {
        _ = writeln!(page, "| {victim} | {with} {}", row(deaths));
    }
    for victim in VICTIMS {
        let all: Vec<&Death> = runs
            .iter()
            .flat_map(|run| &run.deaths)
            .filter(|death| death.victim == victim)
            .collect();
        _ = writeln!(page, "| **{victim}** | all {}", row(&all));
    }
    phases(&mut page, runs);
    page
}

fn head(runs: &[Run]) -> String {
    let deaths: usize = runs.iter().map(|run| run.deaths.len()).sum();
    let seeds = (runs.first().map_or(0, |run| run.seed), runs.last().map_or(0, |run| run.seed));
    let missed: usize = runs.iter().map(|run| run.missed).sum();
    let gap = runs.iter().map(Run::longest_gap).max().unwrap_or(0) / 1000;
    let made = |index: usize| -> u64 { runs.iter().filter_map(|run| run.made.get(index)).sum() };
    format!(
        "# Kills\n\n\
        Written by `./bulkhead test --campaign kills_campaign`. Infrastructure is stopped at instructions that follow from a seed \
        (seeds {} to {}, one a machine of three processors; time counts instructions, a frame is 1,600 us), while two partitions create, \
        start, pause, resize, move and end partitions and two witnesses on two processors exchange beats. The same seed repeats a machine of \
        the same image exactly.\n\n\
        - {deaths} kills on {} machines; {missed} times the victim did not live just then. All served again, or the kill is listed as failed.\n\
        - Longest silence that a witness noted: {gap} us (3,200 us are two frames, and a failure).\n\
        - {} creations and {} placed ones, {} starts, {} ends, {} pauses, {} resumptions, {} changes of share, {} heaps grown and {} shrunk, {} moves acknowledged, each found to have taken effect once; {} answers were \
        lost with a life, {} of these commands had taken effect.\n\
        - After each machine's kills: kernel and books agree (`audit`), as many frames are free as before, and the resource manager holds the \
        capabilities it holds where nobody died.\n",
        seeds.0,
        seeds.1,
        runs.len(),
        made(0),
        made(9),
        made(1),
        made(2),
        made(3),
        made(4),
        made(5),
        made(6),
        made(8),
        made(7),
        made(10),
        made(11),
    )
}

/// All deaths by who died and who died in the same round.
fn kinds(runs: &[Run]) -> BTreeMap<(String, String), Vec<&Death>> {
    let mut kinds: BTreeMap<_, Vec<&Death>> = BTreeMap::new();
    for run in runs {
        for death in &run.deaths {
            let mut others = run
                .deaths
                .iter()
                .filter(|other| other.round == death.round && !std::ptr::eq(*other, death));
            let with = match others.next() {
                None => "nobody".to_owned(),
                Some(other) if other.victim == death.victim => {
                    "itself, in its next life".to_owned()
                }
                Some(other) => other.victim.clone(),
            };
            kinds.entry((death.victim.clone(), with)).or_default().push(death);
        }
    }
    kinds
}

/// The numbers of a row.
fn row(deaths: &[&Death]) -> String {
    let mut times: Vec<u64> =
        deaths.iter().map(|death| death.took / 1000).filter(|took| *took > 0).collect();
    times.sort_unstable();
    let at = |hundredths: usize| {
        times.get(times.len() * hundredths / 100).or(times.last()).copied().unwrap_or(0)
    };
    let (kills, served) = (deaths.len(), times.len());
    format!("| {kills} | {} | {served} | {} | {} | {} |", kills - served, at(50), at(95), at(100))
}

/// Where each was when it died: the function that it was in.
fn phases(page: &mut String, runs: &[Run]) {
    page.push_str("\n## By phase\n\nThe function in which the next instruction lay; a kill in the kernel acts when it returns.\n\n");
    page.push_str("| who died | in | kills | died again before it served | served again | median us | 95 of 100 us | longest us |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    let Some(first) = runs.first() else { return };
    let symbols = Symbols::new(first.folder.clone());
    for victim in VICTIMS {
        let deaths: Vec<&Death> = runs
            .iter()
            .flat_map(|run| &run.deaths)
            .filter(|death| death.victim == victim)
            .collect();
        let addresses: Vec<u64> = deaths.iter().map(|death| death.instruction).collect();
        let mut phases: BTreeMap<String, Vec<&Death>> = BTreeMap::new();
        for (death, name) in deaths.iter().zip(symbols.functions(victim, &addresses)) {
            let waits = if death.waited { ", waiting" } else { "" };
            let name = name.map_or_else(|| "?".to_owned(), |name| short(&name));
            phases.entry(format!("{name}{waits}")).or_default().push(death);
        }
        let mut phases: Vec<_> = phases.into_iter().collect();
        phases.sort_by_key(|(_, deaths)| std::cmp::Reverse(deaths.len()));
        let rest: Vec<&Death> =
            phases.iter().skip(PHASES).flat_map(|(_, deaths)| deaths.clone()).collect();
        let others = phases.len().saturating_sub(PHASES);
        for (name, deaths) in phases.iter().take(PHASES) {
            _ = writeln!(page, "| {victim} | `{name}` {}", row(deaths));
        }
        if others > 0 {
            _ = writeln!(page, "| {victim} | {others} other functions {}", row(&rest));
        }
    }
}

/// A function's path without what its types are.
fn short(name: &str) -> String {
    let (mut depth, mut short) = (0_u32, String::new());
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            letter if depth == 0 => short.push(letter),
            _ => {}
        }
    }
    let parts = short.split("::").filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_without_types() {
        let name = "resource_manager::copies::<impl resource_manager::manager::Manager<M,W>>::end";
        assert_eq!(short(name), "resource_manager::copies::end");
        assert_eq!(short("rt::sys::raw"), "rt::sys::raw");
    }

    #[test]
    fn lines_of_deaths_are_read() {
        let death = Death::read("death 7 boot worked 0x4021b2 26959131 1605175").unwrap();
        assert_eq!((death.round, death.victim.as_str(), death.waited), (7, "boot", false));
        assert_eq!((death.instruction, death.took, death.gap), (0x40_21b2, 26_959_131, 1_605_175));
        for bad in ["death", "death 7 boot worked 4021b2 1 1", "death 7 boot worked 0x1 1"] {
            assert!(Death::read(bad).is_none(), "{bad}");
        }
    }
}
