//! A copy of the books that is brought up to date by what changed.

use super::*;
use std::collections::BTreeSet;

fn touched(books: &Books<'_>, since: u64) -> Option<BTreeSet<String>> {
    Some(books.changed_since(since)?.map(|touched| format!("{touched:?}")).collect())
}

fn commit(books: &mut Books<'_>, id: u32) {
    books.begin();
    let starts = books.partition(PartitionId::new(id)).map_or(0, |row| row.starts);
    let row = PartitionRow { starts: starts + 1, ..row(2) };
    books.set_partition(PartitionId::new(id), &row).unwrap();
    books.commit();
}

#[test]
fn what_changed_is_told_until_it_is_forgotten_or_the_books_are_opened_anew() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let start = books.generation();
    commit(&mut books, 1);
    commit(&mut books, 2);
    assert_eq!(books.generation(), start + 2);
    assert_eq!(touched(&books, start).unwrap().len(), 2);
    assert_eq!(touched(&books, start + 1).unwrap().len(), 1);
    assert_eq!(touched(&books, start + 2), Some(BTreeSet::new()));
    assert_eq!(touched(&books, start + 9), None, "there was no such transaction");
    books.begin();
    books.allocate(3, P1).unwrap();
    books.rollback();
    books.begin();
    books.commit();
    assert_eq!(touched(&books, start + 2), Some(BTreeSet::new()), "nothing was committed");
    books.begin();
    books.allocate(3, P1).unwrap();
    books.commit();
    assert_eq!(touched(&books, start + 2), Some(BTreeSet::from(["Memory".to_owned()])));
    let now = books.generation();
    for _ in 0..65 {
        commit(&mut books, 3);
    }
    assert_eq!(touched(&books, now).unwrap().len(), 1);
    let mut books = Books::open(bytes(&mut memory)).unwrap();
    assert_eq!(touched(&books, now).unwrap().len(), 1, "the log outlives its reader");
    for _ in 0..500 {
        commit(&mut books, 3);
    }
    assert_eq!(touched(&books, now), None, "more changed than is remembered");
    assert_eq!(touched(&books, books.generation() - 1).unwrap().len(), 1);
}

#[test]
fn times_of_their_own_are_noticed_once() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    assert!(books.take_timed(), "nobody has looked yet");
    commit(&mut books, 1);
    assert!(!books.take_timed());
    let timed = [
        PartitionRow { stop_by: 1, ..row(2) },
        PartitionRow { restart_at: 1, ..row(2) },
        PartitionRow { before: 1, ..row(2) },
    ];
    for row in timed {
        books.begin();
        books.set_partition(PartitionId::new(1), &row).unwrap();
        books.commit();
        commit(&mut books, 2);
        assert!(books.take_timed() && !books.take_timed());
    }
    assert!(Books::open(bytes(&mut memory)).unwrap().take_timed());
}

#[test]
fn runs_tell_every_frame() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    books.describe(extent(5, 3), P1);
    books.describe(extent(1020, 10), P2);
    let mut at = 0;
    while let Some((owner, count)) = books.run(Frame::new(at)) {
        assert!(count > 0);
        for frame in at..at + count {
            assert_eq!(books.owner(Frame::new(frame)), owner, "{frame}");
        }
        at += count;
    }
    assert_eq!(at, FRAMES);
    assert_eq!(books.run(Frame::new(2048)), Some((Owner::Available, BASE - 2048)));
}
