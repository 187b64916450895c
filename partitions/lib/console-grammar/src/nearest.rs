//! Which word was meant: the distance between words, counted in slips of a typing hand.

/// Longest word looked at, in bytes.
const LONGEST: usize = 32;

type Row = [usize; LONGEST + 1];

/// The one of `words` that is nearest to `typed`, if it is near enough to have been meant.
pub fn nearest<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |word: &'a str| Some((distance(typed, word)?, word));
    let (slips, word) = words.filter_map(near).min_by_key(|&(slips, _)| slips)?;
    let tolerated = typed.len().max(word.len()).wrapping_div(3).max(1);
    (slips <= tolerated).then_some(word)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to make
/// one word the other; `None` where one is too long to tell.
fn distance(left: &str, right: &str) -> Option<usize> {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() > LONGEST || right.len() > LONGEST {
        return None;
    }
    let mut before: Row = [0; LONGEST + 1];
    let mut above: Row = core::array::from_fn(|column| column);
    for (index, &letter) in left.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|index| left.get(index));
        let row = next_row(letter, previous.copied(), right, &above, &before);
        before = core::mem::replace(&mut above, row);
    }
    above.get(right.len()).copied()
}

/// One more row of the table of distances between all beginnings of both words.
fn next_row(letter: u8, previous: Option<u8>, right: &[u8], above: &Row, before: &Row) -> Row {
    let at = |row: &Row, column: Option<usize>| {
        column.and_then(|column| row.get(column)).copied().unwrap_or(usize::MAX)
    };
    let mut row: Row = [0; LONGEST + 1];
    let mut left = at(above, Some(0)).saturating_add(1);
    let mut places = row.iter_mut();
    if let Some(first) = places.next() {
        *first = left;
    }
    for ((column, &other), place) in right.iter().enumerate().zip(places) {
        let replaced = at(above, Some(column)).saturating_add(usize::from(letter != other));
        let inserted = left.min(at(above, column.checked_add(1))).saturating_add(1);
        let neighbour = column.checked_sub(1);
        let crossed = neighbour.and_then(|neighbour| right.get(neighbour)).copied();
        let swapped = match previous == Some(other) && crossed == Some(letter) {
            true => at(before, neighbour).saturating_add(1),
            false => usize::MAX,
        };
        left = replaced.min(inserted).min(swapped);
        *place = left;
    }
    row
}
