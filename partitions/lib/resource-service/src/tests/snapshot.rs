//! The copy is the books, whatever happens while it is taken.

use super::fake::{Fake, row};
use crate::{Answer, Authority, Failure, Snapshot};
use abi::channel::INLINE;
use abi::message::resource::{ResourceRequest, ResourceStatus};
use proptest::prelude::*;
use std::vec::Vec;

/// What the copy says is what the books say.
fn agrees(snapshot: &Snapshot, fake: &Fake) {
    let rows: Vec<_> = fake.rows.values().copied().collect();
    assert_eq!(snapshot.partitions(), rows);
    assert_eq!(snapshot.processors(), fake.processors());
    let free: Vec<_> = fake.free_runs().iter().map(|run| (run.start, run.count)).collect();
    assert_eq!(snapshot.free().iter().map(|run| (run.start, run.count)).collect::<Vec<_>>(), free);
    assert_eq!(snapshot.generation(), Some(fake.generation));
}

// covers: RES-10
#[test]
fn a_copy_is_taken_once_and_then_followed() {
    let (mut fake, mut snapshot) = (Fake::new(), Snapshot::new());
    snapshot.follow(&mut fake).unwrap();
    agrees(&snapshot, &fake);
    fake.asked.clear();
    snapshot.follow(&mut fake).unwrap();
    assert_eq!(fake.asked, [ResourceRequest::Changes], "nothing changed");
    fake.put(row(9, 1, 200, 30));
    fake.remove(1);
    fake.asked.clear();
    snapshot.follow(&mut fake).unwrap();
    agrees(&snapshot, &fake);
    assert_eq!(fake.asked.len(), 3, "what changed, processors, free memory");
    // A manager that was restarted knows nothing of before: all is read anew.
    fake.put(row(9, 0, 300, 3));
    fake.known_since = fake.generation;
    snapshot.follow(&mut fake).unwrap();
    agrees(&snapshot, &fake);
}

/// What happens to the books.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    Put(u32, u32, u32),
    Remove(u32),
    Forget,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Nothing),
        3 => (0_u32..40, 0_u32..4000, 0_u32..90).prop_map(|(id, at, count)| Event::Put(id, at, count)),
        2 => (0_u32..40).prop_map(Event::Remove),
        1 => Just(Event::Forget),
    ]
}

fn happen(fake: &mut Fake, event: &Event) {
    match *event {
        Event::Nothing => {}
        Event::Put(id, at, count) => {
            let room = fake.free[at as usize..(at + count) as usize].iter().all(|free| *free);
            if room && !fake.rows.contains_key(&id) {
                fake.put(row(id, 0, at, count));
            }
        }
        Event::Remove(id) => fake.remove(id),
        Event::Forget => fake.known_since = fake.generation,
    }
}

proptest! {
    /// Whatever changes between two questions: once it is quiet the copy is the books, and before that it fails or goes on.
    #[test]
    fn a_copy_follows_whatever_happens_between_questions(
        events in prop::collection::vec(event(), 0..120), room in 72_usize..600,
    ) {
        let (mut fake, mut snapshot) = (Fake::new(), Snapshot::new());
        fake.room = room;
        let mut left = events.into_iter();
        fake.before = Some(Box::new(move |fake, _| {
            if let Some(event) = left.next() {
                happen(fake, &event);
            }
        }));
        for _ in 0..40 {
            match snapshot.follow(&mut fake) {
                Ok(()) | Err(Failure::Refused(ResourceStatus::Disagrees, _)) => {}
                Err(failure) => prop_assert!(false, "{failure:?}"),
            }
        }
        fake.before = None;
        snapshot.follow(&mut fake).unwrap();
        agrees(&snapshot, &fake);
    }

    /// Whatever is answered, it ends.
    #[test]
    fn nonsense_is_survived(answers in prop::collection::vec(
        (prop::collection::vec(any::<u8>(), 24), any::<bool>(), 0_u64..3), 1..20,
    )) {
        let mut liar = Liar { answers, asked: 0 };
        let _ = Snapshot::new().follow(&mut liar);
        prop_assert!(liar.asked < 200_000);
    }
}

/// Answers with bytes that are nearly right.
struct Liar {
    answers: Vec<(Vec<u8>, bool, u64)>,
    asked: usize,
}

impl Authority for Liar {
    fn ask(&mut self, _: ResourceRequest, _: &[u8]) -> Result<Answer, Failure> {
        let (bytes, sound, next) = &self.answers[self.asked % self.answers.len()];
        let mut bytes = bytes.clone();
        if *sound {
            bytes[8..16].copy_from_slice(&next.wrapping_sub(1).to_le_bytes());
            bytes[16..24].copy_from_slice(&[1, 0, 0, 0, 72, 0, 0, 0]);
        }
        self.asked += 1;
        Ok(Answer::new(&bytes[..bytes.len().min(INLINE)]))
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        to.fill(7);
        offset < 16_384
    }
}
