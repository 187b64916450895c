//! Nodes at the console.

use super::books::node;
use super::fake::Fake;

/// A machine whose first MiB and last 8 KiB are of node 0, the rest of node 1, as is processor 1.
fn two_nodes() -> Fake {
    let mut fake = Fake::new();
    fake.books.nodes = vec![node(0, 0, 356), node(0, 4094, 2), node(1, 356, 3738)];
    fake
}

#[test]
fn machine_tells_each_nodes_part() {
    let (text, status) = two_nodes().run("machine");
    let expected = "\
node 0        1.3 MiB of memory, 400 KiB free, processor 0
node 1         14 MiB of memory, 11 MiB free, processor 1
";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(status, 0);
}

#[test]
fn create_says_which_node_and_why_another() {
    let (text, status) =
        two_nodes().run("create web; create web processor 0; create web memory 512K processor 0");
    let expected = "\
partition 9 made like web: 120 KiB at 0x420000, node 1, 3/16 of processor 1; start 9 starts it
partition 9 made like web: 120 KiB at 0x100000, node 0, 3/16 of processor 0; start 9 starts it
partition 9 made like web: 596 KiB at 0x420000, node 1, 3/16 of processor 0, on node 0, where the longest free piece is 400 KiB; start 9 starts it
";
    assert_eq!((text.as_str(), status), (expected, 0));
}

#[test]
fn move_says_where_the_memory_stays() {
    let mut fake = two_nodes();
    assert_eq!(
        fake.run("move web to processor 1").0,
        "web is on processor 1 of node 1; its memory stays on node 0\n"
    );
    assert_eq!(fake.run("move web to processor 0").0, "web is on processor 0\n");
    assert_eq!(Fake::new().run("move web to processor 1").0, "web is on processor 1\n");
}

#[test]
fn a_move_that_was_made_is_told_though_nobody_says_what_it_means() {
    let mut fake = Fake { last_change: true, ..two_nodes() };
    let answer = fake.run("move web to processor 1");
    assert_eq!(answer, ("web is on processor 1\n".to_owned(), 0));
    assert_eq!(fake.trouble, Some(crate::Trouble::NoAnswer), "nobody was asked after it");
}

#[test]
fn a_change_that_zones_forbid_is_refused_with_theirs() {
    use abi::channel::ChannelKind;
    use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION};
    use abi::message::resource::ResourceStatus;
    let zone = |partition, kind, node| ManifestZone {
        name: abi::image::name_from("near").expect("short"),
        partition,
        kind: kind as u16,
        reserved: 0,
        node,
    };
    let mut fake = two_nodes();
    for kind in [ChannelKind::Memory, ChannelKind::Processor] {
        fake.books.zones.extend([zone(NO_PARTITION, kind, 0), zone(3, kind, ALL_NODES)]);
    }
    let refused = "cannot move web: processor 1 is not one that runs in its zone, 'near'\n";
    assert_eq!(fake.run("move web to processor 1"), (refused.to_owned(), 1));
    assert_eq!(fake.changes, [], "nobody was asked for it");
    assert_eq!(fake.run("move web to processor 0").1, 0);
    fake.refusal = Some(ResourceStatus::NoMemory);
    let full = "cannot set web: it needs 960 KiB in one piece of zone 'near'; the largest free there is 400 KiB\n";
    assert_eq!(fake.run("set web memory 1M"), (full.to_owned(), 1));
    fake.books.zones.clear();
    assert!(fake.run("set web memory 1M").0.starts_with("cannot set web: memory is out"));
}

#[test]
fn map_tells_the_node_of_each_line() {
    let text = two_nodes().run("map").0;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "a character is 16 KiB, a line 1.0 MiB; its node behind it");
    assert!(
        lines[1].ends_with(" 0") && lines[2].ends_with(" +") && lines[3].ends_with(" 1"),
        "{text}"
    );
}

#[test]
fn a_manager_that_lies_of_nodes_gets_no_endless_answer() {
    let mut fake = Fake::new();
    fake.books.nodes = vec![node(3, 0, u64::MAX); 400];
    fake.books.nodes[7].node = u32::MAX;
    fake.books.nodes[8].start = u64::MAX;
    for line in ["machine", "map", "create web", "move web to processor 1"] {
        let (text, _) = fake.run(line);
        assert!(text.lines().count() < 60, "{text}");
    }
}
