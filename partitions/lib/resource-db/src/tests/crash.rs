//! Every kind of transaction, stopped at every single write to the books' memory. That a recovery may be stopped too is shown in `owner-map`.

use super::life::{LIFE, transact};
use super::model::Model;
use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs the writer until it has made so many writes; what it left, and whether it came to its end.
fn stopped(
    memory: &[u64],
    writes: u64,
    act: impl FnOnce(&mut Books<'_>),
) -> (Vec<u64>, Option<u64>) {
    let mut memory = memory.to_vec();
    let left = catch_unwind(AssertUnwindSafe(|| {
        let mut books = Books::open(bytes(&mut memory)).unwrap();
        books.fuse(Some(writes), || resume_unwind(Box::new("the writer dies")));
        act(&mut books);
        books.fuse_left()
    }));
    (memory, left.ok().flatten())
}

/// What whoever opens these books finds.
pub fn recovered(memory: Vec<u64>) -> Model {
    let mut memory = memory;
    Model::of(&Books::open(bytes(&mut memory)).unwrap())
}

/// covers: RES-2, RES-7
#[test]
fn books_stopped_at_any_write_are_as_before_or_as_after() {
    let mut memory = memory();
    let _ = books(&mut memory);
    for (what, changes) in LIFE {
        let before = recovered(memory.clone());
        let (after, left) = stopped(&memory, u64::MAX, |books| transact(books, changes));
        let writes = u64::MAX - left.unwrap();
        let changed = recovered(after.clone());
        assert!(before != changed && writes > 10, "{what}");
        for stop in 0..=writes {
            let (broken, left) = stopped(&memory, stop, |books| transact(books, changes));
            assert_eq!(left.is_some(), stop == writes, "{what}: {writes} writes");
            let found = recovered(broken);
            // Only the last write commits.
            assert!(
                found == if stop == writes { changed.clone() } else { before.clone() },
                "{what}, write {stop}"
            );
        }
        memory = after;
    }
    let mut again = super::memory();
    assert!(recovered(memory) == Model::of(&books(&mut again)), "all was given back");
}
