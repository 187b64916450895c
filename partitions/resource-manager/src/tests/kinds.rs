//! How many channels of a kind there may be is asked of each that is added, also while the machine runs.

use super::id;
use super::world::{TestManager, World, index};
use abi::channel::ChannelKind;
use abi::message::resource::ResourceStatus;
use abi::message::transaction::StepProblem;
use abi::types::ChannelId;
use resource_db::{ChannelRow, Outcome};

/// A channel like the first of a kind, at a place where none is.
fn another(manager: &TestManager, kind: ChannelKind) -> (ChannelId, ChannelRow) {
    let mut all = manager.books.channels();
    let (_, row) = all.find(|(_, row)| row.kind == kind as u16).expect("there is one");
    (manager.books.unused_channel(0).expect("room"), *row)
}

/// covers: CHN-2
#[test]
fn a_second_channel_of_a_kind_of_which_there_may_be_one_is_refused() {
    let (_world, mut manager) = World::new();
    for kind in [ChannelKind::Command, ChannelKind::Boot] {
        let (new, row) = another(&manager, kind);
        let before = manager.books.channels().count();
        let refused = manager.add_channel(new, row).map_err(|trouble| trouble.status());
        assert_eq!(refused, Err(ResourceStatus::Limit), "{kind:?}");
        assert_eq!((manager.books.channel(new), manager.books.channels().count()), (None, before));
        let told = manager.books.transaction(u64::MAX).expect("told");
        let problem = StepProblem::Limit.code().into();
        assert_eq!((told.outcome, told.count), (Outcome::Refused(0, problem), 0));
    }
}

/// covers: CHN-2
#[test]
fn who_has_another_role_gets_no_channel_of_a_kind_that_needs_one() {
    let (_world, mut manager) = World::new();
    let (new, mut row) = another(&manager, ChannelKind::Command);
    row.client.partition = index::WORKER;
    let refused = manager.add_channel(new, row).map_err(|trouble| trouble.status());
    assert_eq!(refused, Err(ResourceStatus::Limit));
    // Of other kinds there may be any number: this is not refused because of its ends.
    row.kind = ChannelKind::Custom as u16;
    manager.add_channel(new, row).expect("added");
    assert!(manager.books.channel(new).is_some());
    let ends = manager.books.ends_of(id(index::WORKER), None);
    assert!(ends.map(|(channel, ..)| channel).any(|channel| channel == new));
}
