//! The lists of channels by their ends, against a look at every channel.

use super::*;
use proptest::prelude::*;

fn check(books: &Books<'_>) {
    for partition in 0..8 {
        let id = PartitionId::new(partition);
        let naive: Vec<_> = books
            .channels()
            .filter(|(_, row)| row.partitions().contains(&partition))
            .map(|(channel, row)| (channel, row.client.partition != partition))
            .collect();
        let ends = |after| {
            let ends = books.ends_of(id, after);
            ends.map(|(channel, role, _)| (channel, role as u8 == 1)).collect::<Vec<_>>()
        };
        assert_eq!(ends(None), naive);
        for (index, (channel, _)) in naive.iter().enumerate() {
            assert_eq!(ends(Some(*channel)), naive[index + 1..]);
        }
    }
}

proptest! {
    #[test]
    fn channels_are_found_by_either_end(
        steps in prop::collection::vec(
            (0_u32..4, 0_u32..8, 1_u32..8, any::<bool>(), any::<bool>()),
            1..60,
        )
    ) {
        let mut memory = memory();
        let mut books = books(&mut memory);
        for (channel, client, other, used, commits) in steps {
            let end = |partition| End { partition, ..End::default() };
            let stage = if used { Stage::Made } else { Stage::Unused }.number();
            let (client, server) = (end(client), end((client + other) % 8));
            books.begin();
            let row = ChannelRow { client, server, stage, ..ChannelRow::default() };
            books.set_channel(ChannelId::new(channel), row).unwrap();
            check(&books);
            if commits { books.commit() } else { books.rollback() }
            check(&books);
            let unused = books.unused_channel(0).map(ChannelId::raw);
            prop_assert_eq!(unused, (0..4).find(|id| books.channel(ChannelId::new(*id)).is_none()));
        }
        check(&Books::open(bytes(&mut memory)).unwrap());
    }
}
