//! The policy: what it takes, and why it takes nothing.

use super::fake::definition;
use crate::{Refusal, Run, View, Wish, place, room_for};
use abi::manifest::EVERY_PROCESSOR;
use abi::message::database::ProcessorRecord;
use proptest::prelude::*;
use std::vec::Vec;

fn processor(processor: u32, free: u32, takers: u32) -> ProcessorRecord {
    ProcessorRecord { processor, free, takers, node: 0, online: 1 }
}

fn view<'a>(processors: &'a [ProcessorRecord], free: &'a [Run]) -> View<'a> {
    View { processors, free, nodes: &[], zones: &[], generation: 77 }
}

const ROOM: [Run; 1] = [Run { start: 100, count: 1000 }];

fn wish(share: u16) -> Wish {
    Wish { definition: definition(3, share), share: None, heap: None, processor: None }
}

fn chosen(processors: &[ProcessorRecord], wish: &Wish) -> Result<u16, Refusal> {
    place(view(processors, &ROOM), wish).map(|placed| placed.placement.processor)
}

// covers: CMD-1
#[test]
fn the_least_loaded_processor_that_has_the_slots_is_taken() {
    let all = [processor(0, 3, 0), processor(1, 9, 4), processor(2, 9, 1), processor(3, 5, 0)];
    assert_eq!(chosen(&all, &wish(4)), Ok(2), "as many slots, fewer takers of slack");
    assert_eq!(chosen(&all, &Wish { processor: Some(3), ..wish(4) }), Ok(3));
    let preferred = Wish { definition: DefinitionOn(1).of(2), ..wish(2) };
    let even = [processor(0, 8, 0), processor(1, 8, 0)];
    assert_eq!(chosen(&even, &preferred), Ok(1), "of equals the one of the definition");
    assert_eq!(chosen(&even, &wish(2)), Ok(0));
    let failed = [ProcessorRecord { online: 0, ..processor(0, 16, 0) }, processor(1, 4, 0)];
    assert_eq!(chosen(&failed, &wish(1)), Ok(1), "a processor that does not run takes nobody");
}

/// A definition that names a processor.
struct DefinitionOn(u16);

impl DefinitionOn {
    fn of(&self, share: u16) -> abi::message::database::DefinitionRecord {
        abi::message::database::DefinitionRecord { processor: self.0, ..definition(3, share) }
    }
}

#[test]
fn several_contexts_need_several_processors() {
    let definition =
        |contexts| abi::message::database::DefinitionRecord { contexts, ..definition(3, 4) };
    let wish = |contexts| Wish { definition: definition(contexts), ..wish(4) };
    let all = [processor(0, 4, 0), processor(1, 3, 0), processor(2, 8, 0)];
    assert_eq!(chosen(&all, &wish(2)), Ok(2), "processors 2 and 0");
    assert!(matches!(chosen(&all, &wish(3)), Err(Refusal::NoSlots { contexts: 3, .. })));
    let all = [processor(0, 8, 0), processor(1, 4, 0)];
    assert_eq!(chosen(&all, &wish(3)), Ok(0), "the first has two of the three");
    let every = Wish { definition: DefinitionOn(EVERY_PROCESSOR).of(4), ..wish(1) };
    assert_eq!(chosen(&all, &every), Ok(EVERY_PROCESSOR));
    let named = Wish { processor: Some(0), ..every };
    assert_eq!(chosen(&all, &named), Err(Refusal::OnEvery));
}

#[test]
fn every_refusal_is_a_sentence() {
    let all = [processor(0, 1, 0), processor(1, 2, 0), processor(2, 3, 0)];
    let said = |wish: &Wish, free: &[Run]| place(view(&all, free), wish).unwrap_err().to_string();
    let cases = [
        (wish(4), "it needs 4 slots on one processor; the most free is 3, on processor 2"),
        (
            Wish { processor: Some(0), ..wish(2) },
            "it needs 2 slots on processor 0; 1 of 16 are free",
        ),
        (
            Wish { processor: Some(3), ..wish(1) },
            "there is no processor 3 that runs: they are 0 to 2",
        ),
        (
            Wish { share: Some(17), ..wish(1) },
            "it wants 17 slots of a frame of 16: type share 0 to 16",
        ),
        (
            Wish { heap: Some(16_384), ..wish(1) },
            "it needs 64 MiB in one piece; the largest is 3.9 MiB of 3.9 MiB free",
        ),
        (Wish { heap: Some(32_769), ..wish(1) }, "no heap is larger than 128 MiB"),
    ];
    for (wish, sentence) in cases {
        assert_eq!(said(&wish, &ROOM), sentence);
    }
    let pieces: Vec<Run> = (0..40).map(|at| Run { start: at * 100, count: 29 }).collect();
    let sentence = "it needs 120 KiB in one piece; the largest is 116 KiB of 4.5 MiB free";
    assert_eq!(said(&wish(1), &pieces), sentence);
    let role = abi::message::database::DefinitionRecord { role: 1, ..definition(0, 1) };
    let sentence = "it has a role in the machine, and there is one of each";
    assert_eq!(said(&Wish { definition: role, ..wish(1) }, &ROOM), sentence);
}

proptest! {
    /// What is taken is free, and no smaller run would have done; large areas lie on large pages where they can.
    #[test]
    fn the_smallest_run_that_fits_is_taken(
        raw in prop::collection::vec((1_u64..4000, 1_u64..5000), 0..12), count in 1_u64..3000, large in any::<bool>(),
    ) {
        let mut free = Vec::new();
        let mut at = 0;
        for (gap, length) in raw {
            free.push(Run { start: at + gap, count: length });
            at += gap + length;
        }
        let heap = if large { count } else { 0 };
        let aligned = |run: &Run| run.start.next_multiple_of(1024) + count <= run.end();
        let fits = |run: &&Run| run.count >= count;
        match room_for(free.iter().copied(), count, heap) {
            None => prop_assert!(!free.iter().any(|run| fits(&run))),
            Some(start) => {
                let home = free.iter().find(|run| (run.start..run.end()).contains(&start)).unwrap();
                prop_assert!(start + count <= home.end());
                if heap >= 1024 && free.iter().any(aligned) {
                    prop_assert!(start % 1024 == 0);
                } else {
                    let smallest = free.iter().filter(fits).map(|run| run.count).min();
                    prop_assert_eq!(Some(home.count), smallest);
                }
            }
        }
    }
}
