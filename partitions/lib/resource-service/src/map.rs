//! The owner map as text: a character for so many frames, whoever has most of them, and a legend.

use crate::memory::Run;
use crate::near::several_nodes;
use crate::size::Size;
use abi::message::database::{MemoryOwner, NodeRecord};
use abi::message::resource::RunRecord;
use abi::types::PAGE_SIZE;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Characters of a line.
const COLUMNS: u64 = 64;
/// Characters of a map: what fits on a screen.
const CELLS: u64 = 1024;
/// Letters for partitions and channels, those with the most frames first; all others share a character, so that map and
/// legend fit on a screen.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQR";
/// Entries of the legend on a line, where names are short.
const COLUMNS_OF_LEGEND: usize = 3;
/// Characters of an entry with a short name.
const ENTRY: usize = 26;
/// Characters of it beside its name: letter, how much, spaces.
const NAMELESS: usize = 12;

/// Frames of a character, a power of two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zoom(u64);

impl Zoom {
    /// A character for each frame.
    pub const PAGE: Self = Self(1);

    /// The one with these frames; `None` where that is no power of two.
    #[must_use]
    pub const fn of(frames: u64) -> Option<Self> {
        if frames.is_power_of_two() { Some(Self(frames)) } else { None }
    }

    /// The finest that shows so many frames at once.
    #[must_use]
    pub fn fitting(frames: u64) -> Self {
        Self(frames.div_ceil(CELLS).checked_next_power_of_two().unwrap_or(1))
    }

    /// Frames of a character.
    #[must_use]
    pub const fn frames(self) -> u64 {
        self.0
    }

    /// Frames of a map.
    #[must_use]
    pub const fn span(self) -> u64 {
        self.0.saturating_mul(CELLS)
    }
}

/// Who has frames: a [`MemoryOwner`] and an id.
type Who = (u32, u32);

/// A part of memory at a scale, filled run by run in the order of addresses.
#[derive(Clone, Debug)]
pub struct MapText {
    start: u64,
    scale: Zoom,
    /// Who has most of each character's frames.
    cells: Vec<Option<Who>>,
    /// Frames by owner in the character that is being filled.
    filling: Vec<(Who, u64)>,
    /// Frames by owner in all.
    owners: BTreeMap<Who, u64>,
    /// The same, the largest first, once there are no more.
    legend: Vec<(Who, u64)>,
    /// Memory by nodes, where there are several.
    nodes: Vec<NodeRecord>,
}

impl MapText {
    /// A map that shows the frame `around`, from a multiple of what it spans.
    #[must_use]
    pub fn new(around: u64, scale: Zoom) -> Self {
        let start = around.saturating_sub(around.checked_rem(scale.span()).unwrap_or(0));
        let (cells, filling, legend) = (Vec::new(), Vec::new(), Vec::new());
        Self { start, scale, cells, filling, owners: BTreeMap::new(), legend, nodes: Vec::new() }
    }

    /// Tells the nodes: behind each line stands the one it is of, a `+` where it is of several.
    pub fn tell_nodes(&mut self, nodes: &[NodeRecord]) {
        if several_nodes(nodes) {
            self.nodes = nodes.to_vec();
        }
    }

    /// The node of frames, as it stands behind their line; nothing for frames of no node.
    fn write_node(&self, to: &mut dyn fmt::Write, line: Run) -> fmt::Result {
        let touches =
            |one: &&NodeRecord| line.within(Run { start: one.start, count: one.count }).count > 0;
        let mut here = self.nodes.iter().filter(touches).map(|one| one.node);
        match here.next() {
            Some(first) if here.all(|other| other == first) => write!(to, " {first}"),
            Some(_) => to.write_str(" +"),
            None => Ok(()),
        }
    }

    /// The first frame.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// One past the last frame.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.start.saturating_add(self.scale.span())
    }

    /// Adds a run; what lies before the last one added or outside the map is left out.
    pub fn add(&mut self, run: &RunRecord) {
        let who = (run.owner, run.id);
        let mut at = run.start.max(self.filled());
        let end = run.start.saturating_add(run.count).min(self.end());
        while at < end {
            let cell = at.saturating_sub(self.start).checked_div(self.scale.0).unwrap_or(0);
            self.close_before(cell);
            let cell_end = cell.saturating_add(1).saturating_mul(self.scale.0);
            let until = self.start.saturating_add(cell_end).min(end);
            let count = until.saturating_sub(at);
            count_in(&mut self.filling, who, count);
            let all = self.owners.entry(who).or_default();
            *all = all.saturating_add(count);
            at = until;
        }
    }

    /// No run follows.
    pub fn finish(&mut self) {
        let next = self.closed().saturating_add(1);
        self.close_before(next);
        self.legend = core::mem::take(&mut self.owners).into_iter().collect();
        self.legend.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
    }

    /// Characters that are full.
    fn closed(&self) -> u64 {
        u64::try_from(self.cells.len()).unwrap_or(u64::MAX)
    }

    /// From where on frames are counted.
    fn filled(&self) -> u64 {
        let here: u64 = self.filling.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count));
        self.start.saturating_add(self.closed().saturating_mul(self.scale.0)).saturating_add(here)
    }

    /// Characters below `cell` get no more frames.
    fn close_before(&mut self, cell: u64) {
        while self.closed() < cell.min(CELLS) {
            // Of equals the one that came first.
            let most = self.filling.iter().rev().max_by_key(|(_, count)| *count);
            self.cells.push(most.map(|(who, _)| *who));
            self.filling.clear();
        }
    }

    /// The character of an owner.
    fn letter(&self, who: Who) -> char {
        let fixed = FIXED.iter().find(|(owner, ..)| u32::from(owner.code()) == who.0);
        if let Some((_, letter, _)) = fixed {
            return *letter;
        }
        let mut named = self.legend.iter().filter(|((owner, _), _)| has_name(*owner));
        let place = named.position(|(one, _)| *one == who);
        place.and_then(|place| LETTERS.get(place)).map_or('*', |letter| char::from(*letter))
    }

    /// Writes the map, and below it who is who. `name` says who a partition or a channel is.
    ///
    /// # Errors
    /// What writing gives.
    pub fn write(
        &self,
        to: &mut dyn fmt::Write,
        name: &dyn Fn(MemoryOwner, u32) -> String,
    ) -> fmt::Result {
        if self.legend.is_empty() {
            return writeln!(to, "there is no memory there: 'map' alone shows all of it");
        }
        write!(to, "a character is {}, a line {}", Size(self.scale.0), Size(self.line()))?;
        writeln!(to, "{}", if self.nodes.is_empty() { "" } else { "; its node behind it" })?;
        let columns = usize::try_from(COLUMNS).unwrap_or(1);
        for (row, cells) in (0_u64..).zip(self.cells.chunks(columns)) {
            let address = self.start.saturating_add(row.saturating_mul(self.line()));
            write!(to, "{:012x} ", address.saturating_mul(PAGE_SIZE))?;
            for cell in cells {
                to.write_char(cell.map_or(' ', |who| self.letter(who)))?;
            }
            self.write_node(to, Run { start: address, count: self.line() })?;
            writeln!(to)?;
        }
        self.write_legend(to, name)
    }

    /// Frames of a line.
    const fn line(&self) -> u64 {
        self.scale.0.saturating_mul(COLUMNS)
    }

    fn write_legend(
        &self,
        to: &mut dyn fmt::Write,
        name: &dyn Fn(MemoryOwner, u32) -> String,
    ) -> fmt::Result {
        let mut entries = Vec::new();
        let (mut others, mut rest) = (0_u64, 0_u64);
        for (who, count) in &self.legend {
            match self.letter(*who) {
                '*' => {
                    others = others.saturating_add(1);
                    rest = rest.saturating_add(*count);
                }
                letter => entries.push((letter, *count, describe(*who, name))),
            }
        }
        if others > 0 {
            entries.push(('*', rest, format!("{others} others")));
        }
        let mut used = 0_usize;
        for (letter, count, text) in &entries {
            let columns = columns(text);
            if used.saturating_add(columns) > COLUMNS_OF_LEGEND {
                writeln!(to)?;
                used = 0;
            }
            used = used.saturating_add(columns);
            let width = columns.saturating_mul(ENTRY).saturating_sub(NAMELESS);
            write!(to, "{letter} {:>8} {text:<width$} ", Size(*count))?;
        }
        writeln!(to)?;
        Ok(())
    }
}

/// Columns of the legend that an entry takes: more than one where its name is long.
fn columns(text: &str) -> usize {
    text.chars().count().saturating_add(NAMELESS).div_ceil(ENTRY).min(COLUMNS_OF_LEGEND)
}

/// Who an owner is, in a few letters.
fn describe((owner, id): Who, name: &dyn Fn(MemoryOwner, u32) -> String) -> String {
    let fixed = FIXED.iter().find(|(fixed, ..)| u32::from(fixed.code()) == owner);
    match (fixed, u16::try_from(owner).ok().and_then(MemoryOwner::from_code)) {
        (Some((.., words)), _) => String::from(*words),
        (None, Some(owner)) => name(owner, id),
        (None, None) => String::from("?"),
    }
}

/// Owners that are no partition and no channel.
const FIXED: [(MemoryOwner, char, &str); 5] = [
    (MemoryOwner::Missing, '-', "no memory"),
    (MemoryOwner::Available, '.', "free"),
    (MemoryOwner::Reserved, '#', "kernel+devices"),
    (MemoryOwner::Broken, '!', "broken"),
    (MemoryOwner::Database, '%', "books"),
];

fn has_name(owner: u32) -> bool {
    FIXED.iter().all(|(fixed, ..)| u32::from(fixed.code()) != owner)
}

fn count_in(all: &mut Vec<(Who, u64)>, who: Who, count: u64) {
    match all.iter_mut().find(|(one, _)| *one == who) {
        Some((_, sum)) => *sum = sum.saturating_add(count),
        None => all.push((who, count)),
    }
}
