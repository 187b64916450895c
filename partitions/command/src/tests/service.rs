//! The resource service at the console: `create` with all that can be said, and `map`.

use super::fake::Fake;
use crate::Trouble;
use abi::message::resource::ResourceRequest;

fn fails(line: &str) -> String {
    let mut fake = Fake::new();
    let (text, status) = fake.run(line);
    assert_eq!((status, fake.changes.len()), (1, 0), "{text}");
    text
}

// covers: CMD-1
#[test]
fn a_partition_is_made_where_it_was_said_or_where_there_is_room() {
    let mut fake = Fake::new();
    let line = "create web share 2 memory 4M processor 0; create web memory 8M share 0";
    let (text, status) = fake.run(line);
    let expected = "\
partition 9 made like web: 4.0 MiB at 0x800000, 2/16 of processor 0; start 9 starts it
partition 9 made like web: 8.0 MiB at 0x420000, 0/16 of processor 1; start 9 starts it
";
    assert_eq!((text.as_str(), status), (expected, 0));
    assert_eq!(fake.changes, [(ResourceRequest::CreatePlaced, 3); 2]);
}

#[test]
fn what_cannot_be_made_is_told_with_what_there_is() {
    let cases = [
        (
            "create web share 6",
            "it needs 6 slots on one processor; the most free is 5, on processor 1",
        ),
        ("create web share 5 processor 0", "it needs 5 slots on processor 0; 3 of 16 are free"),
        ("create web processor 2", "there is no processor 2 that runs: they are 0 to 1"),
        (
            "create web memory 64M",
            "it needs 64 MiB in one piece; the largest is 11 MiB of 12 MiB free",
        ),
        ("create io-console", "it has a role in the machine, and there is one of each"),
    ];
    for (line, why) in cases {
        let name = line.split(' ').nth(1).unwrap();
        assert_eq!(fails(line), format!("cannot create {name}: {why}\n"));
    }
    let mistakes = [
        ("create", "create needs the name of a partition: type create NAME; ps lists them"),
        ("create wbe", "no partition is called 'wbe': did you mean 'web'?"),
        (
            "create web shares 2",
            "nothing is called 'shares' of a new partition: did you mean 'share'?",
        ),
        ("create web share 17", "'17' is no number of slots: type share 0 to share 16"),
        ("create web share 1 share 2", "'share' was said before: say it once"),
        (
            "create web memory lots",
            "'lots' is no amount of memory: type a number with K, M or G, such as 64M",
        ),
        (
            "map nowhere",
            "'nowhere' is no address: type one as map writes it, or an amount such as 64M",
        ),
        ("map 0 12K", "'12K' is no scale: type a power of two from 4K on, such as 4K, 64K or 4M"),
        ("map 0 4K 5", "'5' is too much: type map [ADDRESS]; ';' separates commands"),
    ];
    for (line, sentence) in mistakes {
        let text = fails(line);
        assert!(text.starts_with(sentence), "{line}: {text}");
    }
}

#[test]
fn a_manager_that_was_restarted_is_told() {
    let mut fake = Fake::new();
    fake.trouble = Some(Trouble::Restarted);
    let (text, status) = fake.run("machine");
    let sentence =
        "the resource manager was restarted before it answered: type ps to see what was done\n";
    assert_eq!((text.as_str(), status), (sentence, 1));
}

#[test]
fn the_map_is_the_whole_machine_or_a_part_of_it() {
    let mut fake = Fake::new();
    let (text, status) = fake.run("map");
    assert_eq!(status, 0, "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "a character is 16 KiB, a line 1.0 MiB");
    assert_eq!(lines[1], format!("000000000000 {}", "#".repeat(64)));
    assert_eq!(lines[2], format!("000000100000 {}{}", ".".repeat(25), "A".repeat(39)));
    assert_eq!(lines[16], format!("000000f00000 {}{}", ".".repeat(54), "B".repeat(10)));
    assert!(lines[17].contains("A  2.7 MiB web") && lines[18].contains("channel 7"), "{text}");
    assert_eq!(lines.len(), 19);
    let (part, _) = fake.run("map 164000");
    let lines: Vec<_> = part.lines().collect();
    assert_eq!(lines[0], "a character is 4 KiB, a line 256 KiB");
    assert_eq!(lines[6], format!("000000140000 {}{}", ".".repeat(36), "A".repeat(28)));
    let (large, _) = fake.run("map 0x164000 4M");
    assert!(large.contains("\n000000000000 A...\n"), "{large}");
}
