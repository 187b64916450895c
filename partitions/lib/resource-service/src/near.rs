//! Memory of nodes: what is near to whom.

use crate::memory::{Run, room_for};
use abi::message::database::NodeRecord;
use abi::nodes::NODES;

/// Free memory, by nodes, and how much of it is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    /// Free memory in the order of addresses.
    pub free: &'a [Run],
    /// Memory by nodes; nothing where all is near to all.
    pub nodes: &'a [NodeRecord],
    /// Pages wanted in one piece.
    pub pages: u64,
    /// Pages of it that large pages may map.
    pub heap: u64,
}

impl Room<'_> {
    /// Whether there are nodes to tell apart.
    pub(crate) fn several(&self) -> bool {
        several_nodes(self.nodes)
    }

    /// Room on a node.
    pub(crate) fn near(&self, node: u32) -> Option<u64> {
        if !self.several() {
            return self.anywhere();
        }
        room_for(self.parts(node), self.pages, self.heap)
    }

    /// Room on one node, the nearest to the processors of a node that has it.
    pub(crate) fn nearest(&self, home: u32) -> Option<u64> {
        let fits = |one: &&NodeRecord| self.near(one.node).is_some();
        let nearest =
            self.nodes.iter().filter(fits).min_by_key(|one| (distance(one, home), one.node));
        nearest.and_then(|one| self.near(one.node))
    }

    /// Room wherever it is.
    pub(crate) fn anywhere(&self) -> Option<u64> {
        room_for(self.free.iter().copied(), self.pages, self.heap)
    }

    /// The longest free piece on a node.
    pub(crate) fn largest(&self, node: u32) -> u64 {
        self.parts(node).map(|run| run.count).max().unwrap_or(0)
    }

    /// The nodes that have no room: a bit for each.
    pub(crate) fn full(&self) -> u32 {
        let all = (0..u32::try_from(NODES).unwrap_or(0)).filter(|_| self.several());
        all.filter(|node| self.near(*node).is_none()).fold(0, |full, node| full | 1 << node)
    }

    /// What is free on a node.
    fn parts(&self, node: u32) -> impl Iterator<Item = Run> + Clone {
        parts(self.nodes, self.free, node)
    }
}

/// Whether there are nodes to tell apart.
#[must_use]
pub fn several_nodes(nodes: &[NodeRecord]) -> bool {
    nodes.iter().any(|one| one.node > 0)
}

/// The parts of runs that are on a node.
pub(crate) fn parts<'a>(
    nodes: &'a [NodeRecord],
    free: &'a [Run],
    node: u32,
) -> impl Iterator<Item = Run> + Clone + use<'a> {
    let ranges = nodes.iter().filter(move |one| one.node == node).map(range);
    let parts = ranges.flat_map(|range| free.iter().map(move |run| run.within(range)));
    parts.filter(|part| part.count > 0)
}

/// How far the memory of a node is from the processors of another.
fn distance(memory: &NodeRecord, processors: u32) -> u8 {
    let distance = usize::try_from(processors).ok().and_then(|at| memory.distances.get(at));
    distance.copied().unwrap_or(u8::MAX)
}

fn range(one: &NodeRecord) -> Run {
    Run { start: one.start, count: one.count }
}

/// The node that all of a run is on.
pub(crate) fn node_of(nodes: &[NodeRecord], run: Run) -> Option<u32> {
    let holds = |one: &&NodeRecord| run.within(range(one)) == run;
    nodes.iter().find(holds).map(|one| one.node)
}
