//! Placement over nodes, against a model that knows every frame by itself.

use super::fake::{definition, node};
use crate::{Far, Placed, Refusal, Run, View, Wish, place};
use abi::message::database::{DefinitionRecord, NodeRecord, ProcessorRecord};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

fn processor(processor: u32, node: u16, free: u32) -> ProcessorRecord {
    ProcessorRecord { processor, free, takers: 0, node, online: 1 }
}

fn wish(pages: u32, share: u16, processor: Option<u16>) -> Wish {
    let definition = DefinitionRecord { pages, heap: 0, ..definition(3, share) };
    Wish { definition, share: None, heap: None, processor }
}

const TWO: [Run; 2] = [Run { start: 10, count: 30 }, Run { start: 5000, count: 900 }];

fn two_nodes() -> Vec<NodeRecord> {
    vec![node(0, 0, 4096), node(1, 4096, 4096)]
}

#[test]
fn memory_near_the_processor_comes_first() {
    let nodes = two_nodes();
    let processors = [processor(0, 0, 0), processor(1, 1, 9)];
    let view =
        View { processors: &processors, free: &TWO, nodes: &nodes, zones: &[], generation: 1 };
    let placed = place(view, &wish(30, 1, None)).unwrap();
    assert_eq!(placed.placement.start, 5000, "though the other run fits better");
    assert_eq!((placed.node, placed.far), (Some(1), None));
    let far = place(View { free: &TWO[..1], ..view }, &wish(30, 1, None)).unwrap();
    assert_eq!(far.placement.start, 10, "far memory is better than none");
    assert_eq!((far.node, far.far), (Some(0), Some(Far { node: 1, largest: 0 })));
}

#[test]
fn the_processor_goes_where_the_memory_is() {
    let nodes = two_nodes();
    let processors = [processor(0, 0, 12), processor(1, 1, 4)];
    let view =
        View { processors: &processors, free: &TWO, nodes: &nodes, zones: &[], generation: 1 };
    let on = |pages, share| place(view, &wish(pages, share, None)).unwrap();
    assert_eq!(on(30, 2).placement.processor, 0, "room on both: where most slots are left");
    assert_eq!(on(31, 2).placement.processor, 1, "room on node 1 alone");
    let named = place(view, &wish(31, 2, Some(0))).unwrap();
    assert_eq!((named.node, named.far), (Some(1), Some(Far { node: 0, largest: 30 })));
    let large = on(31, 5);
    assert_eq!((large.placement.processor, large.far.is_some()), (0, true), "no slots there");
}

#[test]
fn what_does_not_fit_near_goes_to_the_nearest() {
    let nodes: Vec<_> = (0..5).map(|at| node(at, u64::from(at) * 100, 100)).collect();
    let free: Vec<_> = [0, 1, 4].map(|at| Run { start: at * 100 + 5, count: 50 }).to_vec();
    let on = |home: u16, pages| {
        let processors = [processor(0, home, 16)];
        let view =
            View { processors: &processors, free: &free, nodes: &nodes, zones: &[], generation: 1 };
        place(view, &wish(pages, 1, None)).map(|placed| placed.node)
    };
    assert_eq!(on(3, 40), Ok(Some(4)));
    assert_eq!(on(2, 40), Ok(Some(1)));
    assert_eq!(on(0, 40), Ok(Some(0)));
    assert!(matches!(on(3, 60), Err(Refusal::NoMemory { largest: 50, free: 150, .. })));
    let whole = [Run { start: 250, count: 100 }];
    let processors = [processor(0, 2, 16)];
    let view =
        View { processors: &processors, free: &whole, nodes: &nodes, zones: &[], generation: 1 };
    let split = place(view, &wish(60, 1, None)).unwrap();
    assert_eq!((split.node, split.far), (None, Some(Far { node: 2, largest: 50 })), "of two nodes");
}

/// A machine frame by frame.
#[derive(Debug)]
struct Model {
    processors: Vec<ProcessorRecord>,
    /// Node of each frame, and whether it is free.
    frames: Vec<(u32, bool)>,
    nodes: Vec<NodeRecord>,
    free: Vec<Run>,
}

impl Model {
    fn new(processors: Vec<(u16, u32, bool)>, runs: Vec<(u32, bool, u64)>) -> Self {
        let frames: Vec<_> = runs
            .iter()
            .flat_map(|(node, free, count)| (0..*count).map(|_| (*node, *free)))
            .collect();
        let one = |(at, (node, free, online)): (u32, (u16, u32, bool))| ProcessorRecord {
            online: online.into(),
            ..processor(at, node, free)
        };
        let mut model = Self {
            processors: (0..).zip(processors).map(one).collect(),
            frames,
            nodes: Vec::new(),
            free: Vec::new(),
        };
        model.nodes = model
            .runs(|(node, _)| Some(node))
            .into_iter()
            .map(|(n, r)| node(n, r.start, r.count))
            .collect();
        let empty = model.processors.iter().map(|one| node(one.node.into(), 0, 0));
        let known = model.nodes.clone();
        model.nodes.extend(empty.filter(|one| known.iter().all(|other| other.node != one.node)));
        model.free =
            model.runs(|(_, free)| free.then_some(0)).into_iter().map(|(_, run)| run).collect();
        model
    }

    /// Frames in a row of which the same is said.
    fn runs(&self, of: impl Fn((u32, bool)) -> Option<u32>) -> Vec<(u32, Run)> {
        let mut runs: Vec<(u32, Run)> = Vec::new();
        for (at, frame) in (0..).zip(&self.frames) {
            let Some(key) = of(*frame) else { continue };
            match runs.last_mut().filter(|(last, run)| *last == key && run.end() == at) {
                Some((_, run)) => run.count += 1,
                None => runs.push((key, Run { start: at, count: 1 })),
            }
        }
        runs
    }

    /// The longest run of free frames on a node, or anywhere.
    fn longest(&self, node: Option<u32>) -> u64 {
        let (mut longest, mut now) = (0, 0);
        for (on, free) in &self.frames {
            now = if *free && node.is_none_or(|node| node == *on) { now + 1 } else { 0 };
            longest = longest.max(now);
        }
        longest
    }

    fn has_slots(&self, at: u32, share: u16) -> bool {
        let one = self.processors[at as usize];
        one.online == 1 && one.free >= share.into()
    }

    fn check(&self, wish: &Wish, answer: Result<Placed, Refusal>) {
        let pages = u64::from(wish.definition.pages);
        let share = wish.definition.share;
        let fit = |at: &u32| {
            self.has_slots(*at, share) && wish.processor.is_none_or(|p| u32::from(p) == *at)
        };
        let able: Vec<u32> = (0..self.processors.len() as u32).filter(fit).collect();
        match answer {
            Ok(placed) => self.check_placed(placed, &able, pages),
            Err(Refusal::NoMemory { needed, largest, free }) => {
                assert!(pages > self.longest(None), "refused what fits");
                assert_eq!((needed, largest), (pages, self.longest(None)));
                assert_eq!(free, self.frames.iter().filter(|(_, free)| *free).count() as u64);
            }
            Err(Refusal::NoSlots { most, .. }) => {
                let running = self.processors.iter().filter(|one| one.online == 1);
                assert_eq!(running.map(|one| one.free).max().unwrap_or(0), most);
                assert!(able.is_empty());
            }
            Err(Refusal::NoSlotsThere { free, processor, .. }) => {
                assert!(able.is_empty());
                assert_eq!(self.processors[processor as usize].free, free);
            }
            Err(Refusal::NoProcessor { processor, .. }) => {
                let there = self.processors.get(usize::from(processor));
                assert!(there.is_none_or(|one| one.online == 0));
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn check_placed(&self, placed: Placed, able: &[u32], pages: u64) {
        let placement = placed.placement;
        assert!(able.contains(&placement.processor.into()), "no slots there");
        let taken = placement.start as usize..(placement.start + placement.count) as usize;
        assert_eq!(placement.count, pages);
        let taken = &self.frames[taken];
        assert!(taken.iter().all(|(_, free)| *free), "took what is not free");
        let node_of = |at: u32| u32::from(self.processors[at as usize].node);
        let home = node_of(placement.processor.into());
        let fits = |node: u32| self.longest(Some(node)) >= pages;
        if able.iter().any(|at| fits(node_of(*at))) {
            assert!(fits(home), "another processor has room on its node");
        }
        let on = taken.iter().all(|(node, _)| *node == taken[0].0).then_some(taken[0].0);
        assert_eq!(placed.node, on);
        let nearest = (0..8).filter(|node| fits(*node)).min_by_key(|node| node.abs_diff(home));
        let nearest = nearest.map(|node| node.abs_diff(home));
        assert_eq!(on.filter(|_| nearest.is_some()).map(|node| node.abs_diff(home)), nearest);
        match placed.far {
            None => assert!(on == Some(home) || self.nodes.iter().all(|one| one.node == 0)),
            Some(far) => {
                assert_eq!(far, Far { node: home, largest: self.longest(Some(home)) });
                assert!(far.largest < pages, "an untrue reason");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Never what does not fit, never a refusal of what fits, memory as near as there is any, and every reason is true.
    // covers: CMD-1
    #[test]
    fn placement_over_nodes_is_what_the_model_allows(
        processors in prop::collection::vec((0_u16..6, 0_u32..=16, prop::bool::weighted(0.9)), 1..12),
        runs in prop::collection::vec((0_u32..6, any::<bool>(), 1_u64..60), 1..24),
        pages in 1_u32..100,
        share in 0_u16..=16,
        named in prop::option::of(0_u16..13),
    ) {
        let model = Model::new(processors, runs);
        let wish = wish(pages, share, named);
        let Model { processors, free, nodes, .. } = &model;
        let answer = place(View { processors, free, nodes, zones: &[], generation: 1 }, &wish);
        if let Err(refusal) = answer {
            prop_assert!(refusal.to_string().len() > 20);
        }
        model.check(&wish, answer);
    }
}
