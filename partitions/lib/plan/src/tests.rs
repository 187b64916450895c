//! Tests of the plans, as an enemy of their promises.

use super::*;
use proptest::prelude::*;
use std::vec::Vec;

fn want(partition: u32, processor: u16, share: u16, slack: bool) -> Want {
    let processor = Some(ProcessorId::new(processor));
    Want {
        partition: PartitionId::new(partition),
        processor,
        contexts: 1,
        share,
        slack,
        failed: 0,
        depths: 0,
        context_slot: 0,
    }
}

fn slots_of(plan: &Plan, partition: u32) -> Vec<usize> {
    let mine = |slot: &Option<Place>| slot.is_some_and(|p| p.partition.raw() == partition);
    (0..PLAN_SLOTS).filter(|&index| mine(&plan.slots[index])).collect()
}

/// covers: SCH-1
#[test]
fn shares_are_met_and_evenly_spread() {
    let wants = [want(1, 0, 4, false), want(2, 0, 8, false), want(3, 0, 4, false)];
    let plan = plan(ProcessorId::new(0), 1, wants.into_iter());
    assert_eq!(plan.fit, Fit::Met);
    assert_eq!(slots_of(&plan, 2), [0, 2, 4, 6, 8, 10, 12, 14]);
    assert_eq!(slots_of(&plan, 1), [1, 5, 9, 13]);
    assert_eq!(slots_of(&plan, 3), [3, 7, 11, 15]);
}

#[test]
fn processors_that_do_not_exist_are_folded() {
    let wants = [want(1, 0, 3, false), want(2, 5, 3, false), want(3, 6, 3, false)];
    let even = plan(ProcessorId::new(0), 2, wants.into_iter());
    let odd = plan(ProcessorId::new(1), 2, wants.into_iter());
    assert_eq!(slots_of(&even, 1).len() + slots_of(&even, 3).len(), 6);
    assert_eq!(slots_of(&odd, 2).len(), 3);
    assert_eq!(slots_of(&even, 2).len(), 0);
}

/// covers: REC-3
#[test]
fn the_work_of_a_processor_that_failed_is_spread_over_the_others() {
    let all = |failed| {
        (0..32_u16).map(move |index| Want { failed, ..want(index.into(), index % 4, 1, false) })
    };
    let where_ = |failed| all(failed).map(|want| want.processor_of(0, 4).raw()).collect::<Vec<_>>();
    let (none, one, two) = (where_(0), where_(0b0100), where_(0b0110));
    for index in 0..32 {
        assert!(one[index] != 2 && two[index] != 2 && two[index] != 1);
        assert!(none[index] == 2 || one[index] == none[index], "who is not concerned stays");
        assert!(one[index] == 1 || two[index] == one[index], "who was moved stays there");
    }
    for processor in [0, 1, 3] {
        let plan = plan(ProcessorId::new(processor), 4, all(0b0100));
        assert_eq!(plan.fit, Fit::Met, "processor {processor}");
        assert!(plan.slots.iter().flatten().count() > 8, "nobody got more than the others");
    }
    let scaled = plan(ProcessorId::new(0), 4, all(0b1110));
    assert_eq!(scaled.fit, Fit::Crowded { left_out: 16 }, "all on one, in words");
    let every = Want { processor: None, failed: 0b10, ..want(1, 0, 0, true) };
    for processor in [0, 2, 3] {
        let plan = plan(ProcessorId::new(processor), 4, [every].into_iter());
        assert_eq!(
            plan.slots,
            [Some(Place { partition: every.partition, context: processor, slot: processor }); 16]
        );
    }
}

/// covers: SCH-3
#[test]
fn who_waits_deeply_leaves_its_slots_to_the_others_by_their_shares() {
    let deep = |depths| Want { depths, ..want(1, 0, 8, true) };
    let at = |depths| {
        let wants = [deep(depths), want(2, 0, 4, false), want(3, 0, 2, false), want(4, 0, 0, true)];
        let plan = plan(ProcessorId::new(0), 1, wants.into_iter());
        assert_eq!(plan.fit, Fit::Met);
        let takers: Vec<_> = plan.takers.iter().map(|taker| taker.partition.raw()).collect();
        ([1, 2, 3].map(|partition| slots_of(&plan, partition).len()), takers)
    };
    assert_eq!(at(0), ([8, 4, 2], [1, 4].to_vec()));
    assert_eq!(at(1), at(0));
    assert_eq!(at(2), ([1, 9, 4], [1, 4].to_vec()), "one slot is kept, seven go four to two");
    assert_eq!(at(3), ([0, 10, 4], [4].to_vec()), "not even slack");
    assert_eq!(at(3 << 4), at(0), "that is another context");
    let plan = plan(ProcessorId::new(0), 1, [deep(3)].into_iter());
    assert!(plan.slots.iter().all(Option::is_none) && plan.takers.is_empty(), "nobody is left");
}

#[test]
fn too_much_is_scaled_and_said() {
    let wants = [want(1, 0, 16, false), want(2, 0, 16, false), want(3, 0, 1, false)];
    let plan = plan(ProcessorId::new(0), 1, wants.into_iter());
    assert_eq!(plan.fit, Fit::Scaled { wanted: 33 });
    assert!(slots_of(&plan, 3).len() == 1 && slots_of(&plan, 1).len() >= 7);
    assert_eq!(check(1, wants.into_iter()), Err((ProcessorId::new(0), Fit::Scaled { wanted: 33 })));
    assert_eq!(check(1, wants[2..].iter().copied()), Ok(()));
}

#[test]
fn the_seventeenth_is_slow_and_not_dead() {
    let wants = (0..17).map(|index| want(index, 0, 1, false));
    let plan = plan(ProcessorId::new(0), 1, wants);
    assert_eq!(plan.fit, Fit::Crowded { left_out: 1 });
    assert_eq!(plan.takers.len(), 1);
    assert_eq!(plan.takers[0].partition, PartitionId::new(16));
}

/// covers: BOOT-6
#[test]
fn a_context_on_every_processor_leaves_an_owned_one_alone() {
    let every = Want { processor: None, ..want(1, 0, 0, true) };
    let wants = [every, want(2, 1, 16, true)];
    for processors in [2_u16, 4] {
        for index in 0..processors {
            let plan = plan(ProcessorId::new(index), processors, wants.into_iter());
            let takers: Vec<_> =
                plan.takers.iter().map(|p| (p.partition.raw(), p.context)).collect();
            assert_eq!(takers, [], "processor {index} of {processors}");
            let owner = if index == 1 { 2 } else { 1 };
            assert_eq!(slots_of(&plan, owner).len(), 16, "processor {index} of {processors}");
        }
    }
}

/// covers: SCH-7
#[test]
fn five_hundred_and_twelve_at_one_slot_fill_thirty_two_processors() {
    let wants = (0..512_u16).map(|index| want(index.into(), index % 32, 1, false));
    assert_eq!(check(32, wants.clone()), Ok(()));
    let mut seen = [0; 512];
    for processor in (0..32).map(ProcessorId::new) {
        for slot in plan(processor, 32, wants.clone()).slots {
            seen[slot.expect("no slot is free").partition.raw() as usize] += 1;
        }
    }
    assert!(seen.iter().all(|&count| count == 1));
}

#[test]
fn more_takers_than_places_are_counted() {
    let wants = (0..TAKERS as u32 + 3).map(|index| want(index, 0, 0, true));
    let plan = plan(ProcessorId::new(0), 1, wants);
    assert_eq!(plan.fit, Fit::Crowded { left_out: 3 });
    assert_eq!(plan.takers.len(), TAKERS);
}

fn any_want() -> impl Strategy<Value = (Option<u16>, u16, u16, bool)> {
    (proptest::option::weighted(0.9, 0_u16..8), 0_u16..4, 0_u16..20, any::<bool>())
}

proptest! {
    #[test]
    fn plans_keep_their_promises(raw in prop::collection::vec(any_want(), 0..24), processors in 1_u16..6) {
        let wants: Vec<Want> = raw.iter().enumerate().map(|(index, &(processor, contexts, share, slack))| Want {
            partition: PartitionId::new(index as u32), processor: processor.map(ProcessorId::new), contexts, share, slack, failed: 0, depths: 0, context_slot: 0,
        }).collect();
        for index in 0..processors {
            let plan = plan(ProcessorId::new(index), processors, wants.iter().copied());
            let mut wanted = 0;
            for want in &wants {
                for context in 0..want.contexts_on(processors) {
                    let place = Place { partition: want.partition, context, slot: context };
                    let got = plan.slots.iter().filter(|slot| **slot == Some(place)).count();
                    let here = want.processor_of(context, processors).raw() == index;
                    if !here {
                        prop_assert_eq!(got, 0);
                        prop_assert!(!plan.takers.contains(&place));
                        continue;
                    }
                    wanted += u32::from(want.share);
                    let alone = want.processor.is_none() && got == 16;
                    prop_assert!(got <= usize::from(want.share) || alone);
                    if plan.fit == Fit::Met && !alone { prop_assert_eq!(got, usize::from(want.share)); }
                    // Nobody who may run at all is forgotten.
                    prop_assert!(want.share == 0 || got > 0 || plan.takers.contains(&place));
                }
            }
            if wanted > 16 { prop_assert!(plan.fit != Fit::Met); } else { prop_assert_eq!(plan.fit, Fit::Met); }
        }
    }
}
