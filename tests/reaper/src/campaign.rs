//! The campaign: who is killed when, and whether all is as it should be afterwards.

use crate::report::{self, Failure, Returned};
use crate::victim::{Death, Grip, PATIENCE, Victim, pause};
use crate::{Beat, Beating, Done, Gaps, Job, Order, Tally, Work};
use abi::message::resource::AuditRecord;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use load::manager::Manager;
use reaper::chance::Chance;
use rt::{Client, System, time};

/// Name of the file of the firmware's configuration: seed, rounds.
const FILE: &str = "opt/bulkhead/kills";
/// Makers, and what each makes one like.
const MAKERS: [(&str, &str); 2] = [("maker-0", "small-0"), ("maker-1", "small-1")];
const WITNESSES: [&str; 2] = ["beat-0", "beat-1"];
/// How long makers work before anybody dies, nanoseconds.
const WARM: u64 = 30_000_000;
/// Longest pause between one return and the next death: some frames; and the shortest of these.
const REST: u64 = 3_000_000;
const HASTE: u64 = 50_000;
/// Longest time for which somebody works before it dies, nanoseconds: two creations of a partition.
const WORK: u64 = 250_000;
/// Longest time between two deaths of a pair.
const APART: u64 = 300_000;
/// Longest time for which a beat may be missing: two frames.
pub const LONGEST_GAP: u64 = 2 * 16 * 100_000;

/// What is going on.
pub struct Campaign {
    /// How it is done.
    pub grip: Grip,
    manager: Manager,
    makers: [Client<Work>; MAKERS.len()],
    witnesses: [Client<Beating>; WITNESSES.len()],
    chance: Chance,
    /// All who died.
    pub returned: Vec<Returned>,
    /// Rounds until now.
    pub rounds: u32,
    /// Times that somebody was to die and did not live just then.
    pub missed: u32,
    /// What all makers did.
    pub tally: Tally,
    /// Frames that were free before and after, with those that hold corpses.
    pub free: [u64; 2],
}

/// Those who die in one round.
type Deaths = ArrayVec<Death, 2>;

/// The whole of it.
pub fn run(system: &mut System) {
    let [seed, rounds, ..] = assist::firmware::numbers(system, FILE);
    let (seed, rounds) = (seed.unwrap_or(1), rounds.unwrap_or(60));
    let mut campaign = Campaign::new(system, seed);
    let outcome = campaign.all(system, rounds);
    report::tell(&campaign, seed, outcome);
}

impl Campaign {
    fn new(system: &mut System, seed: u64) -> Self {
        Self {
            grip: Grip::new(system),
            manager: Manager::of(system),
            makers: MAKERS.map(|(name, _)| system.client(name).unwrap_or_default()),
            witnesses: WITNESSES.map(|name| system.client(name).unwrap_or_default()),
            chance: Chance::new(seed),
            returned: Vec::new(),
            rounds: 0,
            missed: 0,
            tally: Tally::default(),
            free: [0; 2],
        }
    }

    fn all(&mut self, system: &mut System, rounds: u64) -> Result<(), Failure> {
        self.begin(system)?;
        pause(WARM);
        self.free[0] = self.finish(system)?;
        self.begin(system)?;
        self.gaps(system)?;
        for _ in 0..rounds {
            self.round(system)?;
            self.rounds += 1;
        }
        self.free[1] = self.finish(system)?;
        if self.free[0] == self.free[1] { Ok(()) } else { Err(Failure::Frames) }
    }

    /// Has the makers begin.
    fn begin(&mut self, system: &mut System) -> Result<(), Failure> {
        for ((maker, (_, like)), home) in self.makers.into_iter().zip(MAKERS).zip(0..) {
            let like = self.manager.id_of(system, like)?;
            let order = Order { like, seed: 1 + self.chance.below(1 << 24) as u32, home };
            let deadline = time::after(time::seconds(1));
            maker.call(system, Job::Begin, rt::bytes(&order), deadline)?;
        }
        Ok(())
    }

    /// Has the makers end what they made; frames that are free then, or hold corpses.
    fn finish(&mut self, system: &mut System) -> Result<u64, Failure> {
        for maker in self.makers {
            let answer = maker.call(system, Job::Finish, &[], time::after(time::seconds(5)))?;
            let tally: Tally = answer.body().ok_or(Failure::Nonsense)?;
            if tally.wrong != 0 || answer.status() != Ok(Done::Ok) {
                return Err(Failure::Journal(tally.wrong, tally.about));
            }
            self.add(&tally);
        }
        let audit: AuditRecord = self.manager.audit(system)?;
        if audit.violation != 0 || audit.free != audit.books_free {
            return Err(Failure::Audit(audit));
        }
        // What is left of the dead is kept for whoever looks at it, in frames of their own: that is no loss.
        Ok(audit.free + self.manager.kept(system)?)
    }

    fn add(&mut self, tally: &Tally) {
        let all = self.tally.acknowledged.iter_mut();
        all.zip(tally.acknowledged).for_each(|(all, one)| *all += one);
        self.tally.unanswered += tally.unanswered;
        self.tally.effective += tally.effective;
    }

    /// Kills, waits until all serve again, and asks the witnesses.
    fn round(&mut self, system: &mut System) -> Result<(), Failure> {
        self.all_live()?;
        let rest = if self.chance.one_in(4) { HASTE } else { REST };
        pause(self.chance.below(rest));
        let deaths = self.kill()?;
        for victim in Victim::ALL {
            for death in deaths.iter().filter(|death| death.victim == victim) {
                let back = self.grip.wait_for_service(system, death);
                let took = back.map_or(u64::MAX, |back| back - death.at);
                self.returned.push(Returned::new(self.rounds, death, took));
                back.ok_or(Failure::Dead(victim))?;
            }
        }
        let gap = self.gaps(system)?;
        self.returned.iter_mut().rev().take(deaths.len()).for_each(|one| one.gap = gap);
        if gap > LONGEST_GAP { Err(Failure::Gap(gap)) } else { Ok(()) }
    }

    /// Waits until everybody lives.
    fn all_live(&self) -> Result<(), Failure> {
        let end = time::now().raw() + PATIENCE;
        while let Some(dead) = Victim::ALL.into_iter().find(|victim| !self.grip.lives(*victim)) {
            if time::now().raw() > end {
                return Err(Failure::Dead(dead));
            }
            pause(HASTE);
        }
        Ok(())
    }

    /// Whoever's turn it is.
    fn victim(&mut self) -> Victim {
        match self.chance.below(16) {
            0..8 => Victim::Manager,
            8..10 => Victim::Boot,
            10..12 => Victim::Console,
            12 => Victim::Idle,
            _ => Victim::Command,
        }
    }

    /// One dies, or one and soon after it another, or the same once more in its next life, before it serves.
    fn kill(&mut self) -> Result<Deaths, Failure> {
        let mut deaths = Deaths::new();
        let first = self.victim();
        self.strike(&mut deaths, first);
        if deaths.is_empty() || !self.chance.one_in(3) {
            return Ok(deaths);
        }
        let second = self.victim();
        if second != first {
            pause(self.chance.below(APART));
            self.strike(&mut deaths, second);
            return Ok(deaths);
        }
        if !self.grip.wait_for_next_life(&deaths[0]) {
            return Err(Failure::Dead(first));
        }
        let length = self.chance.below(APART);
        self.grip.let_work(first, length);
        if let Some(death) = self.grip.kill(first) {
            self.returned.push(Returned::new(self.rounds, &deaths[0], 0));
            deaths[0] = death;
        }
        Ok(deaths)
    }

    fn strike(&mut self, deaths: &mut Deaths, victim: Victim) {
        // Mostly at a random instruction of those that it works through, else whatever it does just then.
        if !self.chance.one_in(5) {
            let length = self.chance.below(WORK);
            self.grip.let_work(victim, length);
        }
        match self.grip.kill(victim) {
            Some(death) => deaths.push(death),
            None => self.missed += 1,
        }
    }

    /// The longest silence that a witness noted since it was last asked.
    fn gaps(&self, system: &mut System) -> Result<u64, Failure> {
        let mut longest = 0;
        for witness in self.witnesses {
            let deadline = time::after(time::seconds(1));
            let gaps: Gaps =
                witness.call(system, Beat::Tell, &[], deadline)?.body().ok_or(Failure::Nonsense)?;
            longest = longest.max(gaps.own).max(gaps.heard);
        }
        Ok(longest)
    }
}
