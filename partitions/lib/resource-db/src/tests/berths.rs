//! Places for clients that join, against a look at every channel.

use super::*;
use model::Dice;

/// Room for more than a word of places of one server, and for a server between others.
const CROWDED: Capacity = Capacity {
    frames: FRAMES,
    partitions: 8,
    channels: 150,
    processors: 2,
    devices: 0,
    berths: 138,
};
/// Channels of the manifest and places for clients, of partitions 1 to 3.
const SERVERS: [(u32, u32); 3] = [(5, 70), (0, 3), (2, 65)];

/// The first place that no channel has.
fn naive(books: &Books<'_>, id: u32) -> Option<u32> {
    let row = books.partition(PartitionId::new(id))?;
    let taken =
        |place: &u32| books.channels().any(|(_, channel)| channel.places().contains(&(id, *place)));
    (row.ends..row.ends + row.clients).find(|place| !taken(place))
}

fn check(books: &Books<'_>) {
    for id in 0..8 {
        assert_eq!(books.berth(PartitionId::new(id)), naive(books, id), "{id}");
    }
}

fn serve(books: &mut Books<'_>, id: u32, (ends, clients): (u32, u32)) {
    let row = PartitionRow { ends, clients, ..row(2) };
    books.set_partition(PartitionId::new(id), &row).unwrap();
}

/// A channel of a client at a place of its server.
fn joined(client: u32, server: u32, place: u32) -> ChannelRow {
    let end = |partition, place| End { partition, place, ..End::default() };
    let (client, server) = (end(client, 0), end(server, place));
    ChannelRow { client, server, stage: 2, ..ChannelRow::default() }
}

/// Clients come and go in any order, also in transactions that are given up; who opens the books finds the same places taken.
#[test]
fn the_first_free_place_is_told() {
    let mut memory = vec![0_u64; bytes_needed(CROWDED).unwrap().div_ceil(8)];
    let mut books = Books::create(bytes(&mut memory), Frame::new(BASE), CROWDED).unwrap();
    books.describe(extent(0, FRAMES), Owner::Available);
    books.begin();
    (1..).zip(SERVERS).for_each(|(id, server)| serve(&mut books, id, server));
    serve(&mut books, 4, (0, 0));
    books.commit();
    let (mut dice, mut full) = (Dice(11), 0);
    for round in 0..3000_u64 {
        let (channel, server) = (dice.below(150) as u32, 1 + dice.below(3) as u32);
        let there = books.channel(ChannelId::new(channel)).is_some();
        let place = books.berth(PartitionId::new(server));
        full += u32::from(place.is_none());
        books.begin();
        // First mostly who comes, then mostly who leaves.
        let leaves = there && (round / 700 % 2 == 1 || dice.below(8) == 0);
        if let (Some(place), false) = (place, there) {
            books.set_channel(ChannelId::new(channel), joined(4, server, place)).unwrap();
        } else if leaves {
            books.set_channel(ChannelId::new(channel), ChannelRow::default()).unwrap();
        }
        check(&books);
        if dice.below(5) == 0 {
            books.rollback()
        } else {
            books.commit()
        }
        check(&books);
        if dice.below(64) == 0 {
            books = Books::open(bytes(&mut memory)).unwrap();
            check(&books);
        }
    }
    assert!(full > 0, "a server was never full");
}

/// A server that becomes one, gets other places or is gone moves those of all behind it.
#[test]
fn places_follow_the_rows_of_servers() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let mut dice = Dice(5);
    for _ in 0..400 {
        books.begin();
        let (id, ends) = (1 + dice.below(3) as u32, dice.below(3) as u32);
        match dice.below(4) {
            0 => books.set_partition(PartitionId::new(id), &PartitionRow::default()).unwrap(),
            _ => serve(&mut books, id, (ends, dice.below(4) as u32)),
        }
        check(&books);
        let server = PartitionId::new(1 + dice.below(3) as u32);
        if let Some(place) = books.berth(server) {
            let channel = ChannelId::new(dice.below(4) as u32);
            books.set_channel(channel, joined(5, server.raw(), place)).unwrap();
        }
        check(&books);
        if dice.below(3) == 0 {
            books.rollback()
        } else {
            books.commit()
        }
        check(&books);
    }
}
