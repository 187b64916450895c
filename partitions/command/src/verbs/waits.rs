//! What a partition waits for: who and what stands behind the events.

use super::capabilities;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble};
use crate::words::{Events, name_of};
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
            rescued: rescued(list, record),
        };
        for behind in capabilities::fetch_fixed(surroundings, record.id)? {
            let waited = is_waited(events, behind.event.into());
            if waited && Kind::from_number(behind.kind.into()) == Some(Kind::Interrupt) {
                waits.interrupts.push(format!("{}", behind.parameter));
            }
        }
        for (channel, role) in channels.of(record.id) {
            waits.add(list, channel, role);
        }
        Ok(waits)
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

/// Names of those whose faults the partition waits for.
fn rescued<'a>(list: &'a List, record: &PartitionRecord) -> Vec<&'a str> {
    let waits = record.waits_for & EventBit::FAULT.mask() != 0;
    let all = list.all().filter(|one| waits && one.rescuer == record.id);
    all.map(|one| name_of(&one.name)).collect()
}

/// Whether an event is among those.
fn is_waited(events: u64, event: u32) -> bool {
    let event = u8::try_from(event).ok().and_then(EventBit::new);
    event.is_some_and(|event| events & event.mask() != 0)
}

/// All channels, to be found by either end.
pub struct Ends {
    channels: Vec<ChannelRecord>,
    /// Whose each end is, and which channel's at which place; in order.
    ends: Vec<(u32, usize, Role)>,
}

impl Ends {
    /// Those of all channels.
    pub fn new(channels: Vec<ChannelRecord>) -> Self {
        let both = |(place, one): (usize, &ChannelRecord)| {
            [(one.client, place, Role::Client), (one.server, place, Role::Server)]
        };
        let mut ends: Vec<_> = channels.iter().enumerate().flat_map(both).collect();
        ends.sort_unstable_by_key(|(partition, place, _)| (*partition, *place));
        Self { channels, ends }
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
