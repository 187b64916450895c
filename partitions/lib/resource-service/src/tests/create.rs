//! Creation: decided again if somebody was faster, done once even if the manager dies.

use super::fake::{Fake, row};
use crate::{Failure, NotCreated, Options, Refusal, Service};
use abi::message::database::RowRecord;
use abi::message::resource::{ResourceRequest, ResourceStatus};

#[test]
fn a_partition_is_made_and_the_copy_learns_of_it() {
    let (mut fake, mut service) = (Fake::new(), Service::new());
    let created = service.create(&mut fake, 1, Options::default()).unwrap();
    assert_eq!((created.id, created.placed.placement.processor), (2, 1), "processor 0 is fuller");
    let more = Options { share: Some(5), heap: Some(600), processor: Some(0) };
    let created = service.create(&mut fake, 1, more).unwrap();
    let made = fake.rows[&created.id];
    assert_eq!((made.share, made.processor, made.definition), (5, 0, 1));
    assert_eq!(service.follow(&mut fake).unwrap().partition(3).copied(), Some(made));
}

#[test]
fn what_cannot_be_is_not_asked_for() {
    let (mut fake, mut service) = (Fake::new(), Service::new());
    let many = Options { share: Some(16), ..Options::default() };
    let refused = service.create(&mut fake, 1, Options { processor: Some(0), ..many });
    assert!(matches!(refused, Err(NotCreated::Refusal(Refusal::NoSlotsThere { free: 14, .. }))));
    let nobody = service.create(&mut fake, 99, Options::default());
    let no_such = Failure::Refused(ResourceStatus::NoSuch, None);
    assert_eq!(nobody, Err(NotCreated::Failure(no_such)));
    assert!(!fake.asked.contains(&ResourceRequest::CreatePlaced));
}

#[test]
fn who_was_too_late_decides_again_but_not_for_ever() {
    let (mut fake, mut service) = (Fake::new(), Service::new());
    let mut taken = 0;
    // Somebody else takes what was chosen, three times.
    fake.before = Some(Box::new(move |fake, request| {
        if request == ResourceRequest::CreatePlaced && taken < 3 {
            let run = fake.free_runs().into_iter().filter(|run| run.count >= 31);
            let best = run.min_by_key(|run| run.count).unwrap();
            fake.put(row(500 + taken, 0, best.start as u32, 1));
            taken += 1;
        }
    }));
    let created = service.create(&mut fake, 1, Options::default()).unwrap();
    assert!(fake.rows.contains_key(&created.id));
    fake.before = Some(Box::new(move |fake, request| {
        if request == ResourceRequest::CreatePlaced {
            let best = fake.free_runs().into_iter().filter(|run| run.count >= 30);
            let best = best.min_by_key(|run| run.count).unwrap();
            taken += 1;
            fake.put(row(600 + taken, 0, best.start as u32, 1));
        }
    }));
    // Then it takes what there is.
    let asked = fake.asked.len();
    let created = service.create(&mut fake, 1, Options::default()).unwrap();
    let placements =
        |asked: &[_]| asked.iter().filter(|one| **one == ResourceRequest::CreatePlaced).count();
    assert_eq!(placements(&fake.asked[asked..]), 8);
    let row = fake.rows[&created.id];
    assert_eq!(created.placed.placement.start, u64::from(row.memory[0].start));
}

#[test]
fn who_never_finds_slots_is_told_so() {
    let (mut fake, mut service) = (Fake::new(), Service::new());
    fake.before = Some(Box::new(|fake, request| {
        for processor in 0..2 {
            let all =
                RowRecord { share: 16, processor, ..row(700 + u32::from(processor), 0, 0, 0) };
            if request == ResourceRequest::CreatePlaced {
                fake.put(all);
            } else {
                fake.remove(all.id);
            }
        }
    }));
    let contended = service.create(&mut fake, 1, Options::default());
    let Err(NotCreated::Refusal(refusal)) = contended else { panic!("{contended:?}") };
    let sentence = "others took what was chosen for it, 8 times: type it again";
    assert_eq!(refusal.to_string(), sentence);
}

// covers: CMD-2
#[test]
fn a_manager_that_dies_makes_it_once() {
    for deaths in [vec![false], vec![true], vec![false, false], vec![true, false], vec![true; 3]] {
        let (mut fake, mut service) = (Fake::new(), Service::new());
        fake.deaths.clone_from(&deaths);
        let created = service.create(&mut fake, 1, Options::default()).unwrap();
        assert_eq!(fake.rows.len(), 3, "{deaths:?}");
        assert!(fake.rows.contains_key(&created.id), "{deaths:?}");
    }
}
