//! The ring against a model that keeps everything in a vector.
// covers: IO-4
use super::Scrollback;
use proptest::prelude::*;

/// What is kept, read in pieces of `step`.
fn kept(ring: &Scrollback<Vec<u8>>, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = vec![0; step];
    loop {
        match ring.read(all.len(), &mut piece) {
            0 => return all,
            count => all.extend_from_slice(&piece[..count]),
        }
    }
}

/// The same rule in the simplest words.
fn model_push(model: &mut Vec<u8>, capacity: usize, bytes: &[u8]) {
    let tail = &bytes[bytes.len().saturating_sub(capacity)..];
    let over = (model.len() + tail.len()).saturating_sub(capacity);
    if over > 0 {
        let end = model[over - 1..].iter().position(|&byte| byte == b'\n');
        model.drain(..end.map_or(over, |end| over + end));
    }
    model.extend_from_slice(tail);
    if tail.len() < bytes.len()
        && let Some(end) = model.iter().position(|&byte| byte == b'\n')
        && end + 1 < model.len()
    {
        model.drain(..=end);
    }
}

#[test]
fn forgets_whole_lines_first() {
    let mut ring = Scrollback::new(vec![0; 12]);
    ring.push(b"one\ntwo\n");
    ring.push(b"three\n");
    assert_eq!(kept(&ring, 5), b"two\nthree\n");
}

#[test]
fn a_line_longer_than_the_ring_keeps_its_end() {
    let mut ring = Scrollback::new(vec![0; 4]);
    ring.push(b"abc");
    ring.push(b"defg");
    ring.push(b"h");
    assert_eq!(kept(&ring, 3), b"efgh");
}

#[test]
fn a_push_longer_than_the_ring_begins_with_a_line() {
    let mut ring = Scrollback::new(vec![0; 8]);
    ring.push(b"first line\nsecond\n");
    assert_eq!(kept(&ring, 8), b"second\n");
}

#[test]
fn no_memory_keeps_nothing() {
    let mut ring = Scrollback::new(Vec::new());
    ring.push(b"lost\n");
    assert_eq!((ring.length(), kept(&ring, 4)), (0, Vec::new()));
}

#[test]
fn reading_past_the_end_gives_nothing() {
    let mut ring = Scrollback::new(vec![0; 8]);
    ring.push(b"ab");
    let mut into = [7; 4];
    assert_eq!(ring.read(2, &mut into), 0);
    assert_eq!(ring.read(usize::MAX, &mut into), 0);
    assert_eq!(into, [7; 4]);
}

proptest! {
    #[test]
    fn keeps_what_the_model_keeps(
        capacity in 0_usize..40,
        pieces in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), b'a'..=b'e'], 0..50), 0..40),
        step in 1_usize..9,
    ) {
        let mut ring = Scrollback::new(vec![0; capacity]);
        let mut model = Vec::new();
        for piece in pieces {
            ring.push(&piece);
            model_push(&mut model, capacity, &piece);
            prop_assert!(ring.length() <= capacity);
            prop_assert_eq!(&kept(&ring, step), &model);
        }
    }
}
