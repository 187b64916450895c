//! The log of the books, in words.

use super::fake::Fake;
use abi::image::Name;
use abi::image::name_from;
use abi::message::resource::PartitionRecord;
use abi::message::transaction::{NameQuery, StepRecord, TransactionQuery, TransactionRecord};
use zerocopy::IntoBytes;

/// Who had a number: whoever is there, and number 9 another before.
pub fn name(query: NameQuery, there: &[PartitionRecord]) -> Option<Name> {
    if query.partition == 9 {
        return name_from("gone");
    }
    there.iter().find(|one| one.id == query.partition).map(|one| one.name)
}

/// Three transactions: 7 and 8 by the command partition, 5 by the manager itself; 6 is not remembered.
pub fn answer(query: TransactionQuery) -> Option<Vec<u8>> {
    let all = [(5, 0, 0, 2, 0, 1), (7, 1, 13, 11, 0, 2), (8, 77, 99, 0, 3, 4)];
    let found = all.iter().rev().find(|found| found.0 <= query.number);
    let &(number, who, what, steps, problem, end) = found?;
    let when = number * 1_000_000_000;
    let head = TransactionRecord { number, when, who, what, steps, end, problem };
    let Some(step) = query.step.checked_sub(1) else { return Some(head.as_bytes().to_vec()) };
    assert!(step < steps && query.number == number, "only what there is is asked for");
    Some(self::step(step).as_bytes().to_vec())
}

fn step(at: u32) -> StepRecord {
    let page = |mega: u32, kilo: u32| mega << 10 | kilo;
    let none = StepRecord::default();
    let name = |text: &str| name_from(text).unwrap();
    let map = page(1, 18);
    match at {
        0 => StepRecord { kind: 2, page: page(1, 25), name: name("x"), ..none },
        1 => StepRecord { kind: 1, map, index: 25, count: 1, from: 6, to: 4, to_id: 3, ..none },
        2 => StepRecord { kind: 1, map, index: 30, count: 4, from: 1, to: 4, to_id: 9, ..none },
        3 => StepRecord { kind: 5, map, index: 2, count: 1, page: page(1, 16), from: 1, ..none },
        4 => StepRecord { kind: 6, from_id: 3, before: 1, after: 2, name: name("share"), ..none },
        5 => StepRecord { kind: 7, from_id: 4, before: 1 << 40, name: name("cut at"), ..none },
        6 => StepRecord { kind: 8, from_id: 2, before: 3, after: 4, name: name("plan"), ..none },
        7 => StepRecord { kind: 8, page: 2, index: 15, from: 1, to: 4, to_id: 9, ..none },
        8 => StepRecord { kind: 8, page: 2, index: 16, from: 4, from_id: 3, to: 1, ..none },
        9 => {
            StepRecord { kind: 9, page: 5, scale: 2, first: 4, from: 4, from_id: 1, to: 4, ..none }
        }
        _ => StepRecord {
            kind: 9,
            page: 6,
            scale: 1,
            first: 0x60,
            before: 5,
            from: 2,
            to: 4,
            to_id: 3,
            ..none
        },
    }
}

#[test]
fn transactions_are_listed_the_newest_last() {
    let expected = "  NUMBER        WHEN WHO              ASKED FOR        STEPS ENDED
       5     5.000 s resource-manager what is due          2 committed
       7     7.000 s command          create              11 undone
       8     8.000 s partition 77     request 99           0 refused: the memory has another owner
";
    let expected = expected.replace("2 committed", "2 in progress");
    let expected = expected.replace("11 undone", "11 committed");
    assert_eq!(Fake::new().run("transactions"), (expected.clone(), 0));
    let last: Vec<&str> = expected.lines().collect();
    let one = [last[0], last[3], ""].join("\n");
    assert_eq!(Fake::new().run("transactions 1"), (one, 0));
}

#[test]
fn a_transaction_is_shown_as_the_document_writes_it() {
    let expected = "transaction 7: command, create, at 7.000 s
  Initialize Partition[0,1,25] (\"x\")
  Change Owner Map[0,1,18], Index(25), from database to web
  Change Owner Map[0,1,18], IndexRange(30,33), from available to gone (was 9)
  Split Map[0,1,18], Index(2), Into Map[0,1,16], {For available}
  Set web, share, from 1 to 2
  Set channel 4, cut at, from 0x10000000000 to 0
  Set processor 2, plan, from 3 to 4
  Set processor 2, slot 15, from available to gone (was 9)
  Set processor 2, taker of slack 1, from web to available
  Change Owner device 5, line 4, from command to resource-manager
  Change Owner device 6, ports 0x60 to 0x64, from reserved to web
committed
";
    assert_eq!(Fake::new().run("transaction 7"), (expected.to_owned(), 0));
    let refused = "transaction 8: partition 77, request 99, at 8.000 s
refused: the memory has another owner
";
    assert_eq!(Fake::new().run("transaction"), (refused.to_owned(), 0));
    for forgotten in ["transaction 6", "transaction 2", "transaction 9"] {
        let (text, status) = Fake::new().run(forgotten);
        assert_eq!((text.contains("holds no such transaction"), status), (true, 1), "{text}");
    }
}
