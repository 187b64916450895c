//! Transactions as the document writes them (paragraphs 222-224).

use crate::common::{Pages, initialize};
use owner_map::{Operation, OwnerMap, Page, Run, Scale, Seen};

/// Parses one transaction. Places are looked up in the map, whose index pages the text names.
pub fn parse(map: &OwnerMap<Pages>, text: &str) -> Vec<Operation> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.first(), Some(&"Begin Transaction"));
    assert!(matches!(lines.last(), Some(&"Commit Transaction" | &"End Transaction")));
    lines[1..lines.len() - 1].iter().map(|line| operation(map, line)).collect()
}

fn operation(map: &OwnerMap<Pages>, line: &str) -> Operation {
    let pages = pages(line);
    if line.starts_with("Initialize Partition") {
        let text = line.split('"').nth(1).unwrap();
        return initialize(pages[0], text);
    }
    if line.starts_with("Destroy Partition") {
        return Operation::Destroy { partition: pages[0] };
    }
    let (start, scale) = described_by(map, pages[0]);
    let (low, high) = indices(line);
    let first = start + u64::from(low) * scale.frames();
    match line.split(" Map").next().unwrap() {
        "Change Owner" => {
            let run = Run { first, scale, count: high - low + 1 };
            Operation::ChangeOwner { run, from: pages[1], to: pages[2] }
        }
        "Merge" => Operation::Merge { first, scale, index: pages[1], owner: pages[2] },
        "Split" => Operation::Split { first, scale, index: pages[1], owner: pages[2] },
        other => panic!("unknown operation {other}"),
    }
}

/// What an index page describes: from which frame, and at which scale.
fn described_by(map: &OwnerMap<Pages>, index: Page) -> (u64, Scale) {
    let mut found = None;
    map.walk(|seen| match seen {
        Seen::Index { first, scale, page } if page == index => found = Some((first, scale)),
        _ => {}
    });
    found.unwrap_or_else(|| panic!("{index} is no index page"))
}

/// All `[G,M,K]` of a line, in order.
fn pages(line: &str) -> Vec<Page> {
    let inside = |part: &str| part.split(']').next().map(str::to_owned);
    let parts = line.split('[').skip(1).filter_map(inside);
    parts
        .map(|part| {
            let n: Vec<u32> = part.split(',').map(|n| n.trim().parse().unwrap()).collect();
            Page::at(n[0], n[1], n[2]).unwrap()
        })
        .collect()
}

/// `Index(n)` or `IndexRange(n, m)`.
fn indices(line: &str) -> (u16, u16) {
    let inside = line.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let numbers: Vec<u16> = inside.split(',').map(|n| n.trim().parse().unwrap()).collect();
    (numbers[0], *numbers.last().unwrap())
}
