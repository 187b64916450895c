//! As few rows as it takes that every two values of different columns meet in one of them.

use std::collections::BTreeSet;

/// The value of each column, by its number; `None` while it is open.
type Partial = Vec<Option<usize>>;
/// Two columns and a value of each, the lower column first.
type Pair = ((usize, usize), (usize, usize));

/// Rows in which all pairs meet that `allowed` lets meet at all, for columns with so many values each. `allowed` also judges rows
/// that are not complete: whatever it allows must have a completion that it allows.
#[must_use]
pub fn cover(sizes: &[usize], allowed: impl Fn(&[Option<usize>]) -> bool) -> Vec<Vec<usize>> {
    let mut open = pairs(sizes);
    open.retain(|pair| allowed(&begin(sizes, *pair)));
    let mut rows = Vec::new();
    while let Some(&first) = open.first() {
        let mut row = begin(sizes, first);
        for column in 0..sizes.len() {
            if row[column].is_none() {
                row[column] = best(&row, column, sizes[column], &open, &allowed);
            }
        }
        open.retain(|&(a, b)| row[a.0] != Some(a.1) || row[b.0] != Some(b.1));
        // A pair that no row can hold must not be tried for ever.
        open.remove(&first);
        rows.extend(row.into_iter().collect::<Option<Vec<usize>>>());
    }
    rows
}

fn pairs(sizes: &[usize]) -> BTreeSet<Pair> {
    let values = |column: usize| (0..sizes[column]).map(move |value| (column, value));
    let columns = (0..sizes.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    columns
        .flat_map(|(a, b)| {
            values(a).flat_map(move |left| values(b).map(move |right| (left, right)))
        })
        .collect()
}

fn begin(sizes: &[usize], (a, b): Pair) -> Partial {
    let mut row = vec![None; sizes.len()];
    (row[a.0], row[b.0]) = (Some(a.1), Some(b.1));
    row
}

/// The allowed value of a column that closes most open pairs with what the row has.
fn best(
    row: &[Option<usize>],
    column: usize,
    size: usize,
    open: &BTreeSet<Pair>,
    allowed: &impl Fn(&[Option<usize>]) -> bool,
) -> Option<usize> {
    let with = |value: usize| {
        let mut row = row.to_vec();
        row[column] = Some(value);
        row
    };
    let gain = |value: &usize| {
        let here = (column, *value);
        let there = row.iter().enumerate().filter_map(|(other, set)| Some((other, (*set)?)));
        there.filter(|&there| open.contains(&(here.min(there), here.max(there)))).count()
    };
    // Of equals the first, so the common values come first in their columns.
    (0..size).rev().filter(|&value| allowed(&with(value))).max_by_key(gain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(sizes: &[usize], rows: &[Vec<usize>]) -> usize {
        let met = |&(a, b): &Pair| rows.iter().any(|row| row[a.0] == a.1 && row[b.0] == b.1);
        pairs(sizes).iter().filter(|pair| !met(pair)).count()
    }

    #[test]
    fn every_pair_meets_in_few_rows() {
        let sizes = [4, 3, 4, 6, 8, 12];
        let rows = cover(&sizes, |_| true);
        assert_eq!(missing(&sizes, &rows), 0);
        assert!((96..140).contains(&rows.len()), "{} rows", rows.len());
        assert!(missing(&sizes, &rows[1..]) > 0, "no row is there in vain");
    }

    #[test]
    fn what_is_not_allowed_never_meets() {
        let forbidden = |row: &[Option<usize>]| row[0] == Some(1) && row[1] == Some(2);
        let rows = cover(&[3, 3, 3], |row| !forbidden(row));
        assert!(rows.iter().all(|row| (row[0], row[1]) != (1, 2)));
        assert_eq!(missing(&[3, 3, 3], &rows), 1);
    }
}
