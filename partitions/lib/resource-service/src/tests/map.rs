//! The owner map as text.

use crate::{MapText, Zoom};
use abi::message::database::MemoryOwner;
use abi::message::resource::RunRecord;
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec::Vec;

fn run(start: u64, count: u64, owner: MemoryOwner, id: u32) -> RunRecord {
    RunRecord { start, count, owner: owner.code().into(), id }
}

fn text(map: &MapText) -> String {
    let mut text = String::new();
    map.write(&mut text, &|owner, id| format!("{owner:?}-{id}")).unwrap();
    text
}

#[test]
fn a_map_shows_who_has_most_and_says_who_that_is() {
    let mut map = MapText::new(0, Zoom::PAGE);
    map.add(&run(0, 1, MemoryOwner::Reserved, 0));
    map.add(&run(1, 62, MemoryOwner::Available, 0));
    map.add(&run(63, 3, MemoryOwner::Partition, 7));
    map.add(&run(66, 1, MemoryOwner::Channel, 2));
    map.add(&run(67, 2, MemoryOwner::Missing, 0));
    map.finish();
    let expected = [
        "a character is 4 KiB, a line 256 KiB\n",
        "000000000000 #..............................................................A\n",
        "000000040000 AAB--\n",
        ".  248 KiB free           A   12 KiB Partition-7    -    8 KiB no memory      \n",
        "#    4 KiB kernel+devices B    4 KiB Channel-2      \n",
    ];
    assert_eq!(text(&map), expected.concat());
}

#[test]
fn where_there_is_no_memory_a_sentence_says_so() {
    let mut map = MapText::new(1 << 40, Zoom::PAGE);
    map.add(&run(0, 320, MemoryOwner::Available, 0));
    map.finish();
    assert_eq!(text(&map), "there is no memory there: 'map' alone shows all of it\n");
}

#[test]
fn long_names_stand_there_whole() {
    let mut map = MapText::new(0, Zoom::PAGE);
    for (at, count) in [(0, 9), (9, 8), (17, 7), (24, 6)] {
        map.add(&run(at, count, MemoryOwner::Partition, at as u32));
    }
    map.finish();
    let mut text = String::new();
    let name = |_, id| if id == 9 { "a-name-of-twenty-4-chars".into() } else { format!("n{id}") };
    map.write(&mut text, &name).unwrap();
    let legend: Vec<_> = text.lines().skip(2).collect();
    let expected = [
        "A   36 KiB n0             B   32 KiB a-name-of-twenty-4-chars                 ",
        "C   28 KiB n17            D   24 KiB n24            ",
    ];
    assert_eq!(legend, expected);
}

#[test]
fn lines_tell_their_node_where_there_are_several() {
    let node = super::fake::node;
    let mut map = MapText::new(0, Zoom::PAGE);
    map.add(&run(0, 320, MemoryOwner::Available, 0));
    map.finish();
    let before = text(&map);
    map.tell_nodes(&[node(0, 0, 999)]);
    assert_eq!(text(&map), before, "one node says nothing");
    map.tell_nodes(&[node(0, 0, 64), node(0, 100, 28), node(1, 128, 40), node(0, 168, 80)]);
    let shown = text(&map);
    assert!(shown.starts_with("a character is 4 KiB, a line 256 KiB; its node behind it\n"));
    let tails: Vec<_> = shown.lines().skip(1).take(5).map(|line| &line[77..]).collect();
    assert_eq!(tails, [" 0", " 0", " +", " 0", ""]);
}

#[test]
fn a_machine_of_any_size_fits_on_a_screen() {
    for frames in [1_u64, 1024, 4096, 16_777_216, 1 << 40] {
        let scale = Zoom::fitting(frames);
        let mut map = MapText::new(0, scale);
        map.add(&run(0, frames / 2, MemoryOwner::Available, 0));
        for id in 0..200 {
            map.add(&run(frames / 2 + u64::from(id), 1, MemoryOwner::Partition, id));
        }
        map.add(&run(frames / 2 + 200, frames / 2, MemoryOwner::Missing, 0));
        map.finish();
        let text = text(&map);
        assert!(text.lines().count() <= 25, "{text}");
        assert!(text.lines().all(|line| line.len() <= 79), "{text}");
    }
}

proptest! {
    /// Every character stands for an owner that has as many of its frames as any.
    #[test]
    fn a_character_is_that_of_a_greatest_owner(
        raw in prop::collection::vec((1_u64..40, 0_u32..4), 1..60), shift in 0_u32..5,
    ) {
        let scale = Zoom::of(1 << shift).unwrap();
        let mut map = MapText::new(0, scale);
        let mut owners = Vec::new();
        for (count, id) in raw {
            map.add(&run(owners.len() as u64, count, MemoryOwner::Partition, id));
            owners.extend(std::iter::repeat_n(id, count as usize));
        }
        map.finish();
        let text = text(&map);
        let letters: Vec<char> = text.lines().skip(1).filter(|line| line.get(..12).is_some_and(|head| head.bytes().all(|byte| byte.is_ascii_hexdigit())))
            .flat_map(|line| line[13..].chars().collect::<Vec<_>>()).take(owners.len().div_ceil(1 << shift)).collect();
        let letter_of = |id: u32| {
            let entry = format!("Partition-{id} ");
            let line = text.lines().find(|line| line.contains(&entry)).unwrap();
            let at = line.find(&entry).unwrap();
            line[..at].chars().rev().nth(10).unwrap()
        };
        for (cell, frames) in owners.chunks(1 << shift).enumerate().take(1024) {
            let count = |id: u32| frames.iter().filter(|one| **one == id).count();
            let most = frames.iter().map(|id| count(*id)).max().unwrap();
            let greatest = (0..4).filter(|id| count(*id) == most).map(letter_of);
            prop_assert!(greatest.collect::<Vec<_>>().contains(&letters[cell]), "{}: {}", cell, text);
        }
    }
}
