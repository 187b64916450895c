//! The places where processors meet without a lock, under the model checker:
//! `RUSTFLAGS="--cfg loom" cargo test -p kernel-core --test loom --release`.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "tests say what they expect")]

use kernel_core::capability::{self, Word};
use kernel_core::event;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

#[derive(Default)]
struct Checked(AtomicU64);

impl Word for Checked {
    fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
    fn store(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }
    fn look(&self) -> u64 {
        self.0.fetch_add(0, Ordering::AcqRel)
    }
    fn set_bits(&self, bits: u64) -> u64 {
        self.0.fetch_or(bits, Ordering::AcqRel)
    }
    fn clear_bits(&self, bits: u64) -> u64 {
        self.0.fetch_and(!bits, Ordering::AcqRel)
    }
}

#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let words = Arc::new((Checked::default(), Checked::default()));
        let shared = Arc::clone(&words);
        let ringer = thread::spawn(move || event::ring(&shared.0, &shared.1, 4));
        let taken = event::begin(&words.0, &words.1, 0b110);
        let told = ringer.join().unwrap();
        // Either it saw the event and did not wait, or its processor is told and finds the event.
        if taken == 0 {
            assert!(told, "it waits and nobody tells its processor");
            assert_eq!(event::end(&words.0, &words.1), 4);
        } else {
            assert_eq!(taken, 4);
        }
    });
}

#[test]
fn two_ringers_lose_nothing() {
    loom::model(|| {
        let words = Arc::new((Checked::default(), Checked::default()));
        let ringers: Vec<_> = [1, 2]
            .map(|bit| {
                let shared = Arc::clone(&words);
                thread::spawn(move || event::ring(&shared.0, &shared.1, bit))
            })
            .into_iter()
            .collect();
        let mut taken = event::begin(&words.0, &words.1, 3);
        let told: Vec<bool> = ringers.into_iter().map(|ringer| ringer.join().unwrap()).collect();
        if taken == 0 {
            assert!(told.contains(&true));
            taken |= event::end(&words.0, &words.1);
        }
        assert_eq!(taken | event::begin(&words.0, &words.1, 3), 3);
    });
}

#[test]
fn no_reader_takes_half_a_capability_or_none() {
    loom::model(|| {
        let slot = Arc::new([Checked::default(), Checked::default()]);
        capability::write(&slot, [1, 10]);
        let shared = Arc::clone(&slot);
        let reader = thread::spawn(move || capability::settled(&shared));
        capability::write(&slot, [2, 20]);
        let read = reader.join().unwrap();
        assert!(
            matches!(read, None | Some([1, 10] | [2, 20])),
            "torn, or as if nothing were there: {read:?}"
        );
        assert_eq!(capability::read(&slot), [2, 20]);
    });
}

#[test]
fn a_capability_replaced_by_one_of_the_same_object_is_not_torn() {
    // The first word is what it was, so that without a version comparing it would tell nothing.
    loom::model(|| {
        let slot = Arc::new([Checked::default(), Checked::default()]);
        capability::write(&slot, [1, 10]);
        let shared = Arc::clone(&slot);
        let reader = thread::spawn(move || capability::settled(&shared));
        capability::write(&slot, [2, 20]);
        capability::write(&slot, [1, 30]);
        let read = reader.join().unwrap();
        assert!(matches!(read, None | Some([1, 10] | [2, 20] | [1, 30])), "torn: {read:?}");
    });
}

#[test]
fn who_arrives_last_or_who_takes_out_a_failed_one_tells_the_others() {
    const FIRST: u64 = 1;
    const LAST: u64 = 2;
    const FAILED: u64 = 4;
    loom::model(|| {
        // Who arrived, and who takes part.
        let words = Arc::new([Checked::default(), Checked::default()]);
        words[0].store(FIRST);
        words[1].store(FIRST | LAST | FAILED);
        let shared = Arc::clone(&words);
        // As `frame::arrive` does it.
        let last = thread::spawn(move || {
            let arrived = shared[0].set_bits(LAST) | LAST;
            arrived == shared[1].load()
        });
        // As `watch::give_up_on` does it, and what the first one sees that is told by it, see `frame::join`.
        let _ = words[0].clear_bits(FAILED);
        let _ = words[1].clear_bits(FAILED);
        let seen = words[0].look() == words[1].load();
        assert!(last.join().unwrap() || seen, "all are there, and the first one is not told");
    });
}

#[test]
fn who_is_put_to_rest_or_who_rings_sees_the_other() {
    const RESTS: u64 = 6;
    loom::model(|| {
        // What it waits for, its events, its state; it waits already.
        let words = Arc::new([Checked::default(), Checked::default(), Checked::default()]);
        assert_eq!(event::begin(&words[0], &words[1], 4), 0);
        let shared = Arc::clone(&words);
        let ringer = thread::spawn(move || {
            event::ring(&shared[0], &shared[1], 4) && shared[2].load() == RESTS
        });
        // As `stop::stop` and `Context::awaits` do it.
        words[2].store(RESTS);
        let pending = words[1].look() & words[0].load() != 0;
        assert!(ringer.join().unwrap() || pending, "it rests, rung, and nobody tells");
    });
}
