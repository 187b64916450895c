//! The example of the document: a host of 64 GiB, and the logs that create and destroy X and Y, merge and split.
//! Its figure 8 shows X in entry 1 of the coarsest index page where its logs say index 2; the logs are followed.

use crate::common::{Pages, Whole, by, name, page, whole};
use owner_map::{Entry, Kind, Memory, OwnerMap, Page, Scale, Seen};

const CREATE_X: &str = r#"
Begin Transaction
Change Owner Map[0,1,18], Index(25), from [0,1,20], to [0,1,24]
Initialize Partition[0,1,25] ("X", UserX, ...)
Change Owner Map[0,1,18], Index(25), from [0,1,24], to [0,1,25]
Change Owner Map[0,1,0], Index(2), from [0,1,20], to [0,1,25]
Commit Transaction
"#;
const CREATE_Y: &str = r#"
Begin Transaction
Change Owner Map[0,1,18], Index(26), from [0,1,20], to [0,1,24]
Initialize Partition[0,1,26] ("Y", UserY, ...)
Change Owner Map[0,1,18], Index(26), from [0,1,24], to [0,1,26]
Change Owner Map[0,1,1], IndexRange(768,1023), from [0,1,20], to [0,1,26]
Commit Transaction
"#;
const DESTROY_X: &str = "
Begin Transaction
Change Owner Map[0,1,0], Index(2), from [0,1,25], to [0,1,20]
Change Owner Map[0,1,18], Index(25), from [0,1,25], to [0,1,24]
Destroy Partition[0,1,25]
Change Owner Map[0,1,18], Index(25), from [0,1,24], to [0,1,20]
Commit Transaction
";
const DESTROY_Y: &str = "
Begin Transaction
Change Owner Map[0,1,1], IndexRange(768, 1023), from [0,1,26], to [0,1,20]
Change Owner Map[0,1,18], Index(26), from [0,1,26], to [0,1,24]
Destroy Partition[0,1,26]
Change Owner Map[0,1,18], Index(26), from [0,1,24], to [0,1,20]
Commit Transaction
";
const MERGE: &str = "
Begin Transaction
Merge Map[0,1,0], Index(15), {From Map[0,1,16], For[0,1,20]}
Change Owner Map[0,1,18], Index(16), from [0,1,24] to [0,1,20]
End Transaction
";
const SPLIT: &str = "
Begin Transaction
Change Owner Map[0,1,18], Index(16), from [0,1,20], to [0,1,24]
Split Map[0,1,0], Index(15), Into Map[0,1,16], {For[0,1,20]}
Commit Transaction
";

/// Writes the map of figure 8 word by word, before X and Y are there. The log, of which the figure says nothing, lies at [0,2,0].
fn figure_8() -> OwnerMap<Pages> {
    let [missing, available, boot, index, manager] =
        [19, 20, 22, 23, 24].map(|kilo| page(0, 1, kilo));
    let mut memory = Pages::new();
    let owner = |page: Page| Entry::Owner(page).word();
    let divided = |kilo| Entry::Index(page(0, 1, kilo)).word();
    // The coarsest: 16 pages of 4 GiB, of which the first and the last are divided.
    for at in 0..1024 {
        let word = match at {
            0 => divided(1),
            15 => divided(16),
            1..15 => owner(available),
            _ => owner(missing),
        };
        memory.write(page(0, 1, 0), at, word);
        memory.write(page(0, 1, 16), at, owner(available));
        let first_4_gib = match at {
            0 => owner(boot),
            1 => divided(18),
            2 => owner(manager),
            _ => owner(available),
        };
        memory.write(page(0, 1, 1), at, first_4_gib);
        let second_4_mib = match at {
            19..=22 | 24 => owner(page(0, 1, u32::from(at))),
            0..=18 | 23 => owner(manager),
            _ => owner(available),
        };
        memory.write(page(0, 1, 18), at, second_4_mib);
    }
    descriptors(&mut memory);
    let master = [
        u32::from_le_bytes(*b"BULK"),
        u32::from_le_bytes(*b"OWNR"),
        1,
        3,
        page(0, 1, 0).number(),
        0,
        0,
        index.number(),
        manager.number(),
        available.number(),
        page(0, 2, 0).number(),
        8,
    ];
    for (at, word) in (0..).zip(master) {
        memory.write(index, at, word);
    }
    OwnerMap::open(memory, index).unwrap()
}

/// The descriptors of figure 8, and how many frames the figure gives to each.
fn descriptors(memory: &mut Pages) {
    let [missing, available, idle, boot, manager] =
        [19, 20, 21, 22, 24].map(|kilo| page(0, 1, kilo));
    let mega = 1_u64 << 10;
    let giga = 1_u64 << 20;
    let frames = [
        (missing, Kind::MISSING, "missing", 1 + 1008 * giga),
        (available, Kind::AVAILABLE, "available", 999 + 1 + 1021 * mega + 15 * giga),
        (idle, Kind::Ordinary, "idle", 1),
        (boot, Kind::Ordinary, "boot", 1 + mega),
        (manager, Kind::Manager, "ultravisor", 20 + mega + 1),
    ];
    for (at, kind, text, frames) in frames {
        let low = u32::try_from(frames & 0xffff_ffff).unwrap();
        let words = [u32::from_le_bytes(*b"PART"), at.number(), kind.number(), 0, low, 0];
        for (index, word) in (0..).zip(words) {
            memory.write(at, index, word);
        }
        for (index, bytes) in (8..).zip(name(text).chunks_exact(4)) {
            memory.write(at, index, u32::from_le_bytes(bytes.try_into().unwrap()));
        }
    }
}

fn replay(map: &mut OwnerMap<Pages>, text: &str) -> Whole {
    let operations = crate::text::parse(map, text);
    map.submit(by(page(0, 1, 24), 0), &operations).unwrap();
    whole(map)
}

/// covers: RES-6
#[test]
fn the_documented_logs_replay_to_the_documented_map() {
    let mut map = figure_8();
    let start = whole(&map);
    let with_x = replay(&mut map, CREATE_X);
    let entries = |map: &OwnerMap<Pages>, at: Page, low: u16, high: u16| -> Vec<u32> {
        (low..=high).map(|index| map.memory().read(at, index)).collect()
    };
    let (x, y) = (page(0, 1, 25), page(0, 1, 26));
    assert_eq!(entries(&map, page(0, 1, 0), 2, 2), [x.number()]);
    assert_eq!(entries(&map, page(0, 1, 18), 25, 25), [x.number()]);
    assert_eq!(map.frames(x), (1 << 20) + 1);
    assert_eq!(map.describe(x), Some((Kind::Ordinary, name("X"))));

    let with_both = replay(&mut map, CREATE_Y);
    assert_eq!(entries(&map, page(0, 1, 1), 768, 1023), vec![y.number(); 256]);
    assert_eq!(map.frames(y), 256 * 1024 + 1);
    assert_eq!(map.owner(page(0, 768, 0).frame()).unwrap(), (y, Scale::Mega));
    assert_eq!(map.owner(page(0, 767, 1023).frame()).unwrap(), (page(0, 1, 20), Scale::Mega));

    let merged = replay(&mut map, MERGE);
    assert!(!merged.index_pages.contains(&page(0, 1, 16)));
    assert_eq!(map.owner(15 << 20).unwrap(), (page(0, 1, 20), Scale::Giga));
    assert_eq!(replay(&mut map, SPLIT), with_both);

    let with_y = replay(&mut map, DESTROY_X);
    assert!(!map.is_partition(x) && map.is_partition(y));
    assert_ne!(with_y, start);
    assert_eq!(replay(&mut map, DESTROY_Y), start);
    assert_eq!(replay(&mut map, CREATE_X), with_x);
}

#[test]
fn a_log_whose_before_image_is_wrong_changes_nothing() {
    for (text, wrong, right) in [
        (CREATE_X, "Index(2), from [0,1,20]", "Index(2), from [0,1,24]"),
        (CREATE_X, "Index(25), from [0,1,20]", "Index(25), from [0,1,22]"),
        (CREATE_Y, "IndexRange(768,1023)", "IndexRange(2,1023)"),
        (MERGE, "For[0,1,20]", "For[0,1,24]"),
        (MERGE, "Index(15)", "Index(14)"),
        (CREATE_X, "Initialize Partition[0,1,25]", "Initialize Partition[0,1,26]"),
        (CREATE_X, "to [0,1,25]\nCommit", "to [0,1,27]\nCommit"),
    ] {
        assert!(text.contains(wrong), "{wrong}");
        let mut map = figure_8();
        let before = whole(&map);
        let operations = crate::text::parse(&map, &text.replace(wrong, right));
        let refusal = map.submit(by(page(0, 1, 24), 7), &operations);
        assert!(refusal.is_err(), "{right}");
        assert_eq!(whole(&map), before);
        let logged = map.transaction(1).unwrap();
        assert!(matches!(logged.outcome, owner_map::Outcome::Refused(..)), "{logged:?}");
        assert_eq!(logged.cause, by(page(0, 1, 24), 7));
    }
}

/// What the figure states: one page of index for each 4 GiB that is given in 4 MiB, none for what is given whole; at most 0.1 %.
///
/// covers: RES-3
#[test]
fn the_map_takes_a_thousandth_at_most() {
    let map = figure_8();
    let mut pages = 0_u64;
    map.walk(|seen| pages += u64::from(matches!(seen, Seen::Index { .. })));
    assert_eq!(pages, 4);
    // All of 64 GiB in pages of 4 KiB: an index page for each 4 MiB and each 4 GiB, and the coarsest.
    let finest = (64_u64 << 30 >> 22) + (64 >> 2) + 1;
    assert!(finest * 4096 * 1000 <= (64 << 30) + 4096 * 1000 * 17);
}
