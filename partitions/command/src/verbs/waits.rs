//! What a partition waits for: who and what stands behind the events.

use super::capabilities;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble};
use crate::words::Events;
use abi::channel::Role;
use abi::message::resource::{ChannelRecord, PartitionRecord};
use abi::rights::Kind;
use abi::types::EventBit;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Columns that a line of `ps` leaves.
const ROOM: usize = 26;

/// What a partition waits for.
pub struct Waits<'a> {
    events: u64,
    /// Servers that have not answered yet.
    answers: Vec<&'a str>,
    /// Clients that may ask.
    requests: Vec<&'a str>,
    /// Lines of interrupts.
    interrupts: Vec<String>,
    /// Partitions that it rescues.
    rescued: Vec<&'a str>,
}

impl<'a> Waits<'a> {
    /// Asks what stands behind the events that the partition waits for.
    pub fn find(
        surroundings: &mut impl Surroundings,
        list: &'a List,
        channels: &Ends,
        record: &PartitionRecord,
    ) -> Result<Self, Trouble> {
        let events = record.waits_for;
        let mut waits = Self {
            events,
            answers: Vec::new(),
            requests: Vec::new(),
            interrupts: Vec::new(),
            rescued: channels.rescued_by(list, record),
        };
        if channels.may_have_interrupts(record.id) {
            waits.add_interrupts(surroundings, record.id)?;
        }
        for (channel, role) in channels.of(record.id) {
            waits.add(list, channel, role);
        }
        Ok(waits)
    }

    /// Adds the interrupts among the events.
    fn add_interrupts(
        &mut self,
        surroundings: &mut impl Surroundings,
        partition: u32,
    ) -> Result<(), Trouble> {
        for behind in capabilities::fetch_fixed(surroundings, partition)? {
            let waited = is_waited(self.events, behind.event.into());
            if waited && Kind::from_number(behind.kind.into()) == Some(Kind::Interrupt) {
                self.interrupts.push(format!("{}", behind.parameter));
            }
        }
        Ok(())
    }

    /// Adds what stands behind the event of a channel's end.
    fn add(&mut self, list: &'a List, channel: &ChannelRecord, role: Role) {
        let name = |id| list.name(id).unwrap_or("?");
        let owed = channel.requests != channel.completions;
        match role {
            Role::Server if is_waited(self.events, channel.server_event) => {
                self.requests.push(name(channel.client));
            }
            Role::Client if owed && is_waited(self.events, channel.client_event) => {
                self.answers.push(name(channel.server));
            }
            _ => {}
        }
    }

    /// In words: names where there is room for them, else how many; the numbers of the events where nothing is known.
    pub fn text(&self) -> String {
        let mut parts = [
            Part::new(("answer of ", &self.answers, ""), ("", " answers")),
            Part::new(("requests (", &self.requests, ")"), ("", " clients")),
            Part::new(("interrupt ", &self.interrupts, ""), ("", " interrupts")),
            Part::new(("faults (", &self.rescued, ")"), ("faults of ", "")),
        ];
        while width(&parts) > ROOM {
            let longest = parts.iter_mut().filter(|part| part.saves() > 0);
            let Some(longest) = longest.max_by_key(|part| part.saves()) else { break };
            longest.shorten();
        }
        let said: Vec<&str> =
            parts.iter().map(Part::text).filter(|text| !text.is_empty()).collect();
        match (said.is_empty(), self.events) {
            // The kernel does not say until when.
            (true, u64::MAX) => String::from("a timer, or nothing: idle"),
            (true, events) => format!("{}", Events(events)),
            (false, _) => fit(said.join(", ")),
        }
    }
}

/// Whether an event is among those.
fn is_waited(events: u64, event: u32) -> bool {
    let event = u8::try_from(event).ok().and_then(EventBit::new);
    event.is_some_and(|event| events & event.mask() != 0)
}

/// All channels, to be found by either end, and all partitions, to be found by their rescuers.
pub struct Ends {
    channels: Vec<ChannelRecord>,
    /// Whose each end is, and which channel's at which place; in order.
    ends: Vec<(u32, usize, Role)>,
    /// Rescuers and whom they rescue; in order.
    rescued: Vec<(u32, u32)>,
}

impl Ends {
    /// Those of all channels and partitions.
    pub fn new(list: &List, channels: Vec<ChannelRecord>) -> Self {
        let both = |(place, one): (usize, &ChannelRecord)| {
            [(one.client, place, Role::Client), (one.server, place, Role::Server)]
        };
        let mut ends: Vec<_> = channels.iter().enumerate().flat_map(both).collect();
        ends.sort_unstable_by_key(|(partition, place, _)| (*partition, *place));
        let mut rescued: Vec<_> = list.all().map(|one| (one.rescuer, one.id)).collect();
        rescued.sort_unstable();
        Self { channels, ends, rescued }
    }

    /// Names of those whose faults a partition waits for.
    fn rescued_by<'a>(&self, list: &'a List, record: &PartitionRecord) -> Vec<&'a str> {
        if record.waits_for & EventBit::FAULT.mask() == 0 {
            return Vec::new();
        }
        let first = self.rescued.partition_point(|(rescuer, _)| *rescuer < record.id);
        let all = self.rescued.iter().skip(first).take_while(|(one, _)| *one == record.id);
        all.filter_map(|(_, id)| list.name(*id)).collect()
    }

    /// Whether a partition may have interrupts: their events are the first, so that its first channel has event 0 where there are none.
    fn may_have_interrupts(&self, partition: u32) -> bool {
        self.of(partition).next().is_none_or(|(channel, role)| match role {
            Role::Client => channel.client_event != 0,
            Role::Server => channel.server_event != 0,
        })
    }

    /// The channels of which a partition is an end.
    fn of(&self, partition: u32) -> impl Iterator<Item = (&ChannelRecord, Role)> {
        let first = self.ends.partition_point(|(one, ..)| *one < partition);
        let own = self.ends.iter().skip(first).take_while(move |(one, ..)| *one == partition);
        own.filter_map(|(_, place, role)| Some((self.channels.get(*place)?, *role)))
    }
}

/// A kind of things that are waited for, with names and as a number.
struct Part {
    long: String,
    short: String,
    is_short: bool,
}

impl Part {
    /// Things with the text around their names, and around their number.
    fn new<T: AsRef<str>>(
        (before, names, after): (&str, &[T], &str),
        (short_before, short_after): (&str, &str),
    ) -> Self {
        if names.is_empty() {
            return Self { long: String::new(), short: String::new(), is_short: true };
        }
        let mut long = String::from(before);
        for (place, name) in names.iter().enumerate() {
            long.push_str(if place == 0 { "" } else { ", " });
            long.push_str(name.as_ref());
        }
        long.push_str(after);
        let one = if names.len() == 1 { short_after.trim_end_matches('s') } else { short_after };
        let short = format!("{short_before}{}{one}", names.len());
        Self { long, short, is_short: false }
    }

    fn text(&self) -> &str {
        if self.is_short { &self.short } else { &self.long }
    }

    /// Columns that are gained if it becomes short.
    fn saves(&self) -> usize {
        self.text().len().saturating_sub(self.short.len())
    }

    const fn shorten(&mut self) {
        self.is_short = true;
    }
}

/// Columns of all parts with what stands between them.
fn width(parts: &[Part]) -> usize {
    let used = parts.iter().map(|part| part.text().len()).filter(|&length| length > 0);
    used.map(|length| length.saturating_add(2)).sum::<usize>().saturating_sub(2)
}

/// Cuts what is too long even so.
fn fit(mut text: String) -> String {
    if text.len() > ROOM {
        text.truncate(ROOM.saturating_sub(3));
        text.push_str("...");
    }
    text
}
