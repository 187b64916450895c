//! What changes in the information pages while the partition runs: clients come and go, peers are restarted.

use crate::agenda::{By, list_of_place};
use crate::channel::Server;
use crate::end::{End, Left};
use crate::information::{Pages, is_end, is_for};
use crate::protocol::Protocol;
use crate::signal::{Signal, Source};
use crate::system::{System, same};
use crate::{sys, time};
use abi::channel::{Role, Versions};
use abi::information::{CHANGES, Information, Resource};
use abi::types::EventBit;

/// What is spoken on a channel whose protocol is not known yet.
const EVERY: Versions = Versions::from_bits(u32::MAX);

/// A set of places in the information pages, as large as those are.
#[derive(Debug)]
pub(crate) struct Places([u64; 64]);

impl Default for Places {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Places {
    /// Puts a place in (`true`) or takes it out; whether it was in.
    pub(crate) fn set(&mut self, place: u32, there: bool) -> bool {
        let word = usize::try_from(place / 64).ok().and_then(|at| self.0.get_mut(at));
        let Some(word) = word else { return true };
        let bit = 1_u64.wrapping_shl(place % 64);
        let was = *word & bit != 0;
        *word = if there { *word | bit } else { *word & !bit };
        was
    }

    /// The first place in it that is not before this one.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        let mut mask = u64::MAX.wrapping_shl(u32::try_from(from % 64).ok()?);
        for (at, word) in self.0.iter().enumerate().skip(from / 64) {
            let found = word & mask;
            if found != 0 {
                let bit = usize::try_from(found.trailing_zeros()).ok()?;
                return at.checked_mul(64)?.checked_add(bit);
            }
            mask = u64::MAX;
        }
        None
    }

    pub(crate) fn contains(&self, place: u32) -> bool {
        let word = usize::try_from(place / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word & 1_u64.wrapping_shl(place % 64) != 0)
    }
}

/// Whether a resource is the server's end of a channel that has a client and on which `P` is spoken.
pub(crate) fn serves<P: Protocol>(resource: &Resource) -> bool {
    has_client(resource) && is_for(resource, P::KINDS)
}

/// Whether a resource is a channel that has a client whom this partition serves.
fn has_client(resource: &Resource) -> bool {
    is_end(resource, Role::Server) && resource.epoch != 0
}

impl System {
    /// The next channel on which this partition serves `P`, counted on in `from`, which starts at 0.
    pub fn next_server<P: Protocol>(&mut self, from: &mut u32) -> Option<Server<P>> {
        for (place, resource) in self.pages?.records(*from) {
            *from = place.saturating_add(1);
            if serves::<P>(&resource)
                && let Some(source) = self.open(place, &resource, P::VERSIONS)
            {
                return Some(Server::at(source));
            }
        }
        None
    }

    /// The server's end from which a signal comes, if `P` is spoken there.
    pub fn server_of<P: Protocol>(&mut self, signal: Signal) -> Option<Server<P>> {
        let serves = self.with_end(signal.0, |end| {
            let serves = serves::<P>(&end.resource);
            if serves {
                end.speak(P::VERSIONS);
            }
            serves
        });
        serves.filter(|serves| *serves).map(|_| Server::at(signal.0))
    }

    /// At the start: what there is is found by name, and nothing of it has come just now.
    pub(crate) fn note_all(&mut self) {
        let Some(pages) = self.pages else { return };
        self.changes = self.information.map_or(0, |information| information.changes);
        for (place, resource) in pages.records(0) {
            self.known.set(place, has_client(&resource));
        }
    }

    /// After the start: opens the channels of clients that the program did not ask for, so that their requests are signals like any
    /// others. Who came since is left to [`Self::refresh`], which tells the program of it.
    pub(crate) fn open_others(&mut self) {
        let Some(pages) = self.pages else { return };
        let mut open = Places::default();
        for end in self.ends.iter().flatten() {
            open.set(end.place, true);
        }
        for (place, resource) in pages.records(0) {
            let was_there = self.known.contains(place) && has_client(&resource);
            if was_there && !open.contains(place) {
                // One without room for its end stays unserved.
                let _ = self.open(place, &resource, EVERY);
            }
        }
    }

    /// Looks at the records that changed: takes new epochs over, sends again what may be sent again, opens the channels of
    /// clients that came, and marks those of clients that left. A record that is being written is looked at in the next turn, and so is
    /// what changed after it.
    pub(crate) fn refresh(&mut self) {
        let Some(pages) = self.pages.map(Pages::hasty) else { return };
        let Some(head) = pages.header() else { return self.refresh_later() };
        self.information = Some(head);
        self.settle_heap();
        let most = u64::try_from(CHANGES).unwrap_or(0);
        if head.changes.wrapping_sub(self.changes) > most {
            return self.look_at_all(pages, &head);
        }
        while self.changes != head.changes {
            let at = self.changes.checked_rem(most).and_then(|at| usize::try_from(at).ok());
            let Some(&place) = at.and_then(|at| head.changed.get(at)) else { return };
            let Some(resource) = pages.resource(place.into()) else { return self.refresh_later() };
            self.look_at(place.into(), &resource);
            self.changes = self.changes.wrapping_add(1);
        }
    }

    /// Somebody changes the pages and was held up: nobody may ring for that change.
    fn refresh_later(&mut self) {
        self.pending |= EventBit::PEER.mask();
        let _ = sys::wait(0, time::after(time::milliseconds(1)));
    }

    fn look_at_all(&mut self, pages: Pages, head: &Information) {
        for place in 0..head.resources {
            let Some(resource) = pages.resource(place) else { return self.refresh_later() };
            self.look_at(place, &resource);
        }
        self.changes = head.changes;
    }

    fn look_at(&mut self, place: u32, resource: &Resource) {
        let there = has_client(resource);
        let was_there = self.known.set(place, there);
        let Some(source) = self.end_at(place) else {
            self.hear_of_voice(place, resource);
            let opened = if there && !was_there { self.open(place, resource, EVERY) } else { None };
            let _ = opened.and_then(|source| self.with_end(source, |end| end.joined = true));
            return;
        };
        self.look_again_at(source);
        let mut saved = core::mem::take(&mut self.saved);
        self.with_end(source, |end| {
            let leaving = is_end(resource, Role::Server) && resource.epoch == 0;
            if !same(&end.resource, resource) {
                end.left = Some(Left::CutOff);
            } else if leaving {
                end.left = Some(Left::Leaving);
            } else if end.resource.epoch != resource.epoch {
                end.set_epoch(resource.epoch, resource.version);
                saved.repeat(source, end);
            }
        });
        self.saved = saved;
    }

    /// Whether the client of an end is gone.
    pub(crate) fn has_left(&self, source: Source) -> bool {
        let Source::End(index) = source else { return false };
        let end = self.ends.get(usize::from(index)).and_then(Option::as_ref);
        end.is_some_and(|end| end.left.is_some())
    }

    /// Lets go of a channel whose client is gone. Another may have come in its place before anybody looked: then that one has joined.
    pub(crate) fn part(&mut self, source: Source) {
        let Source::End(index) = source else { return };
        let Some(end) = self.take_end(index.into()) else { return };
        let place = end.place;
        end.part();
        self.known.set(place, false);
        if let Some(resource) = self.pages.and_then(|pages| pages.hasty().resource(place))
            && has_client(&resource)
        {
            self.look_at(place, &resource);
            self.pending |= EventBit::PEER.mask();
        }
    }

    /// Where the end is whose record is at this place.
    fn end_at(&mut self, place: u32) -> Option<Source> {
        let here = |end: &End| end.place == place && end.left.is_none();
        match self.find_end(By::Place, list_of_place(place), here) {
            Some(index) => u16::try_from(index).ok().map(Source::End),
            None => {
                let voice = self.with_end(Source::Voice, |end| end.place == place);
                (voice == Some(true)).then_some(Source::Voice)
            }
        }
    }
}
