//! Plans and devices: what is refused, and what the log says.

use super::*;

const FIRST: ProcessorId = ProcessorId::new(0);

/// What the last transaction of the log did, but for values.
fn steps(books: &Books<'_>) -> Vec<Step> {
    let found = books.transaction(u64::MAX).unwrap();
    books.steps(&found).filter(|step| !matches!(step, Step::Value(_))).collect()
}

fn planned(places: &[(usize, u16)]) -> ProcessorRow {
    let mut row = ProcessorRow::online();
    for &(place, slot) in places {
        row.places[place] = slot;
        row.length = row.length.max(u32::try_from(place).unwrap() + 1);
    }
    row
}

/// covers: RES-2
#[test]
fn a_plan_is_told_place_by_place() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    for (places, expected) in [
        (&[(3, 7), (15, 8)][..], &[(3, 0, 7), (15, 0, 8)][..]),
        (&[(3, 8), (15, 8), (20, 9)], &[(3, 7, 8), (20, 0, 9)]),
        (&[(3, 8), (15, 8)], &[(20, 9, 0)]),
    ] {
        books.begin();
        books.set_processor(FIRST, &planned(places)).unwrap();
        books.commit();
        assert_eq!(books.processor(FIRST), Some(&planned(places)));
        let told = |&(place, before, after)| Step::Place(FIRST, place, [before, after]);
        assert_eq!(steps(&books), expected.iter().map(told).collect::<Vec<_>>());
    }
}

/// A change of all sixteen slots takes two records.
#[test]
fn a_plan_costs_two_records() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let all = |slot| (0..16).map(|place| (place, slot)).collect::<Vec<_>>();
    books.begin();
    books.set_processor(FIRST, &ProcessorRow { generation: 5, ..planned(&all(9)) }).unwrap();
    books.commit();
    assert_eq!(books.map.count(), 2);
    books.begin();
    assert_eq!(books.set_processor(ProcessorId::new(9), &planned(&[])), Err(Problem::NoSuch));
    assert_eq!(books.set_processor(FIRST, &planned(&[(2, 500)])), Err(Problem::Rule));
    let found = books.transaction(u64::MAX).unwrap();
    assert_eq!(found.outcome, Outcome::Refused(0, 16));
}

/// covers: RES-1
#[test]
fn a_device_has_one_owner() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let give = |books: &mut Books<'_>, id, before, after| {
        books.begin();
        let done = books.give_device(id, before, after);
        books.commit();
        done
    };
    let nobody = Owner::Partition(PartitionId::new(7));
    assert_eq!(give(&mut books, 2, Owner::Available, P1), Ok(()));
    assert_eq!(steps(&books), [Step::Device(2, Owner::Available, P1)]);
    // Ports that meet, another's, nobody's, one that is not there.
    for (id, before, after, problem) in [
        (3, Owner::Available, P2, Problem::Rule),
        (3, Owner::Available, Owner::Reserved, Problem::Rule),
        (2, P2, Owner::Available, Problem::Rule),
        (2, Owner::Available, P2, Problem::Rule),
        (0, Owner::Available, nobody, Problem::Rule),
        (5, Owner::Available, P1, Problem::NoSuch),
    ] {
        assert_eq!(give(&mut books, id, before, after), Err(problem), "{id}");
        let owners = books.devices().map(|(_, row)| books.device_owner(row)).collect::<Vec<_>>();
        assert_eq!(owners, [Owner::Available, Owner::Available, P1, Owner::Available]);
    }
    assert_eq!(give(&mut books, 3, Owner::Available, P1), Ok(()), "both are the same partition's");
    assert_eq!(give(&mut books, 2, P1, Owner::Available), Ok(()));
    assert_eq!(give(&mut books, 2, Owner::Available, P2), Err(Problem::Rule));
    assert_eq!(give(&mut books, 3, P1, Owner::Available), Ok(()));
    assert_eq!(give(&mut books, 2, Owner::Available, P2), Ok(()));
}
