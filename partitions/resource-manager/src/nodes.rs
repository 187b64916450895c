//! Which memory is near to which processors, as the loader found it.

use crate::manager::{Facts, Machine, Manager};
use abi::message::database::NodeRecord;
use abi::nodes::{NODES, NodeRange, NodeSource};
use abi::types::Frame;
use program_loader::Window;

impl Facts {
    /// What the nodes are known from, or why there is one only. The kernel numbers the processors that came: where one did not, which
    /// of the loader's they are is not known.
    #[must_use]
    pub fn node_source(&self) -> NodeSource {
        let source = NodeSource::from_number(self.boot.nodes.source);
        match source.unwrap_or(NodeSource::Untold) {
            NodeSource::Told if u32::from(self.processors) != self.boot.machine.processor_count => {
                NodeSource::ProcessorsMissing
            }
            source => source,
        }
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        match self.node_source() {
            NodeSource::Told => self.boot.nodes.count.clamp(1, NODES as u32),
            _ => 1,
        }
    }

    /// Whose memory is, where there are several nodes.
    #[must_use]
    pub fn node_ranges(&self) -> &'static [NodeRange] {
        if self.nodes() > 1 { self.boot.nodes.ranges() } else { &[] }
    }

    /// The node of a processor.
    #[must_use]
    pub fn node_of_processor(&self, processor: u32) -> u16 {
        let node = self.boot.nodes.processors.get(processor as usize);
        node.filter(|_| self.nodes() > 1).map_or(0, |node| u16::from(*node))
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Ranges of memory with their nodes; those without memory behind them.
    pub fn node_records(&self) -> impl Iterator<Item = NodeRecord> {
        let (facts, source) = (self.facts, self.facts.node_source().number());
        let whole = NodeRange { start: Frame::new(0), count: facts.frames, node: 0, reserved: 0 };
        let ranges = facts.node_ranges();
        let ranges = if ranges.is_empty() { None } else { Some(ranges) };
        let without = move |node: &u32| {
            ranges.is_some_and(|ranges| ranges.iter().all(|range| range.node != *node))
        };
        let empty = (0..facts.nodes())
            .filter(without)
            .map(|node| NodeRange { node, ..NodeRange::default() });
        let single = ranges.is_none().then_some(whole);
        let all = ranges.unwrap_or_default().iter().copied().chain(empty).chain(single);
        all.map(move |range| NodeRecord {
            start: range.start.raw(),
            count: range.count,
            node: range.node,
            source,
            distances: distances_to(&facts, range.node),
        })
    }
}

/// How far the memory of a node is from the processors of each.
fn distances_to(facts: &Facts, node: u32) -> [u8; NODES] {
    let mut distances = [0; NODES];
    for (distance, from) in distances.iter_mut().zip(0..) {
        let row = facts.boot.nodes.distances_from(from);
        *distance = row.get(node as usize).copied().unwrap_or(0);
    }
    distances
}
