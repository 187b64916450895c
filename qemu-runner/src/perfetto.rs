//! Draws a trace for Perfetto's viewer, in the JSON of Chrome's trace events: processors with the partitions that run
//! on them, partitions with the processors they run on, and arrows from doorbells to whom they woke.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use trace_text::{Line, What};

/// The groups of tracks.
const PROCESSORS: u32 = 1;
const PARTITIONS: u32 = 2;

/// Somebody who runs.
#[derive(Clone, Copy, Debug)]
struct Running<'a> {
    who: &'a str,
    /// Which of those of that name that run at the same time, from 0: each has a track.
    lane: usize,
    since: u64,
}

/// A drawing, as far as it got.
#[derive(Debug, Default)]
struct Drawing<'a> {
    /// Events with their times, nanoseconds.
    events: Vec<(u64, Value)>,
    running: BTreeMap<u32, Running<'a>>,
    /// Partitions and their lanes in the order in which they were first seen; the place gives the track.
    partitions: Vec<(&'a str, usize)>,
    /// Arrows that have not arrived, by whom they lead to.
    arrows: Vec<(&'a str, u64)>,
    drawn_arrows: u64,
}

/// The trace as a file: an event in each line, in the order of their times.
#[must_use]
pub fn file(lines: &[Line<'_>]) -> String {
    let mut ordered = lines.to_vec();
    ordered.sort_by_key(|line| line.time);
    let mut drawing = Drawing::default();
    for line in &ordered {
        drawing.add(line);
    }
    let end = ordered.last().map_or(0, |line| line.time);
    for processor in drawing.running.keys().copied().collect::<Vec<_>>() {
        drawing.close(processor, end);
    }
    drawing.written(&ordered)
}

impl<'a> Drawing<'a> {
    fn add(&mut self, line: &Line<'a>) {
        let Line { time, processor, what } = *line;
        match what {
            What::Runs(who) => {
                self.close(processor, time);
                let lane = self.free_lane(who);
                self.running.insert(processor, Running { who, lane, since: time });
                self.arrive(who, processor, time);
            }
            What::Halts => self.close(processor, time),
            What::Rung(who, _) => {
                self.instant((PROCESSORS, processor), time, &what);
                self.leave(who, processor, time);
            }
            What::Stopped(who, _) => {
                let track = self.track(who, 0);
                self.instant((PROCESSORS, processor), time, &what);
                self.instant((PARTITIONS, track), time, &what);
            }
            _ => self.instant((PROCESSORS, processor), time, &what),
        }
    }

    /// Whoever runs on a processor ends.
    fn close(&mut self, processor: u32, time: u64) {
        let Some(Running { who, lane, since }) = self.running.remove(&processor) else { return };
        let track = self.track(who, lane);
        let length = microseconds(time.saturating_sub(since));
        for (group, track, name) in [
            (PROCESSORS, processor, who.to_owned()),
            (PARTITIONS, track, format!("processor {processor}")),
        ] {
            self.event((group, track), since, json!({ "ph": "X", "name": name, "dur": length }));
        }
    }

    /// An arrow leaves whoever rings, to wake one who does not run.
    fn leave(&mut self, who: &'a str, processor: u32, time: u64) {
        let awake = self.running.values().any(|running| running.who == who);
        if awake || !self.running.contains_key(&processor) {
            return;
        }
        self.drawn_arrows += 1;
        let id = self.drawn_arrows;
        let arrow = json!({ "ph": "s", "name": "wakes", "cat": "doorbell", "id": id });
        self.event((PROCESSORS, processor), time, arrow);
        self.arrows.push((who, id));
    }

    /// The arrows that led to somebody arrive.
    fn arrive(&mut self, who: &str, processor: u32, time: u64) {
        let arrows = std::mem::take(&mut self.arrows);
        let (arrived, left): (Vec<_>, Vec<_>) = arrows.into_iter().partition(|(to, _)| *to == who);
        self.arrows = left;
        for (_, id) in arrived {
            let arrow =
                json!({ "ph": "f", "bp": "e", "name": "wakes", "cat": "doorbell", "id": id });
            self.event((PROCESSORS, processor), time, arrow);
        }
    }

    fn instant(&mut self, track: (u32, u32), time: u64, what: &What<'_>) {
        let event = json!({ "ph": "i", "s": "t", "name": what.to_string() });
        self.event(track, time, event);
    }

    fn event(&mut self, (group, track): (u32, u32), time: u64, mut event: Value) {
        event["pid"] = group.into();
        event["tid"] = number(group, track).into();
        event["ts"] = microseconds(time).into();
        self.events.push((time, event));
    }

    /// The first lane in which nobody of that name runs.
    fn free_lane(&self, who: &str) -> usize {
        let taken = |lane: usize| {
            self.running.values().any(|running| running.who == who && running.lane == lane)
        };
        (0..).find(|&lane| !taken(lane)).unwrap_or(0)
    }

    /// The track of a partition.
    fn track(&mut self, who: &'a str, lane: usize) -> u32 {
        let known = self.partitions.iter().position(|one| *one == (who, lane));
        let track = known.unwrap_or_else(|| {
            self.partitions.push((who, lane));
            self.partitions.len() - 1
        });
        u32::try_from(track).unwrap_or(u32::MAX)
    }

    /// Slices come before what happens in them at the same time.
    fn written(mut self, lines: &[Line<'_>]) -> String {
        self.events.sort_by_key(|(time, event)| (*time, event["ph"] != "X"));
        let events = self.events.iter().map(|(_, event)| event.clone());
        let mut text = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n".to_owned();
        let mut first = true;
        for event in self.names(lines).into_iter().chain(events) {
            let comma = if std::mem::take(&mut first) { "" } else { ",\n" };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{event}");
        }
        text + "\n]}\n"
    }

    /// What tracks and their groups are called.
    fn names(&self, lines: &[Line<'_>]) -> Vec<Value> {
        let name = |what: &str, group: u32, track: u32, name: String| json!({ "ph": "M", "name": what, "pid": group, "tid": number(group, track), "args": { "name": name } });
        let mut names = vec![
            name("process_name", PROCESSORS, 0, "processors".to_owned()),
            name("process_name", PARTITIONS, 0, "partitions".to_owned()),
        ];
        let mut processors: Vec<u32> = lines.iter().map(|line| line.processor).collect();
        processors.sort_unstable();
        processors.dedup();
        for processor in processors {
            names.push(name(
                "thread_name",
                PROCESSORS,
                processor,
                format!("processor {processor}"),
            ));
        }
        for ((who, lane), track) in self.partitions.iter().zip(0..) {
            let other = if *lane > 0 { format!(" ({})", lane + 1) } else { String::new() };
            names.push(name("thread_name", PARTITIONS, track, format!("{who}{other}")));
        }
        names
    }
}

/// The number of a track: none is the number of its group or of a track of the other group, which have meanings of their own.
const fn number(group: u32, track: u32) -> u32 {
    group * 1000 + track
}

/// Times in the file are microseconds.
fn microseconds(nanoseconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact for 104 days")]
    let exact = nanoseconds as f64;
    exact / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One question and its answer across two processors.
    const SAMPLE: &str = "
     1.000000000    0  asks runs
     1.000001000    1  idle runs
     1.000002500    0  doorbell of answers rung, event 3
     1.000003000    1  answers runs
     1.000004000    0  halts
     1.000005000    1  doorbell of asks rung, event 1
     1.000006000    0  asks runs
     1.000007000    1  interrupt line 4
     1.000008000    0  asks stopped: page fault
     1.000009000    0  halts
";

    fn events(text: &str) -> Vec<Value> {
        let lines: Vec<Line<'_>> = text.lines().filter_map(trace_text::parse).collect();
        let drawn: Value = serde_json::from_str(&file(&lines)).unwrap();
        drawn["traceEvents"].as_array().unwrap().clone()
    }

    fn of<'a>(events: &'a [Value], phase: &str) -> Vec<&'a Value> {
        events.iter().filter(|event| event["ph"] == phase).collect()
    }

    #[test]
    fn processors_and_partitions_have_their_slices() {
        let events = events(SAMPLE);
        let slices: Vec<_> = of(&events, "X")
            .into_iter()
            .filter(|event| event["pid"] == 1)
            .map(|event| {
                (
                    event["tid"].clone(),
                    event["name"].clone(),
                    event["ts"].as_f64().unwrap(),
                    event["dur"].as_f64().unwrap(),
                )
            })
            .collect();
        let slice = |tid: u32, name: &str, start: f64, length: f64| {
            (json!(1000 + tid), json!(name), 1_000_000.0 + start, length)
        };
        assert_eq!(
            slices,
            [
                slice(0, "asks", 0.0, 4.0),
                slice(1, "idle", 1.0, 2.0),
                slice(1, "answers", 3.0, 6.0),
                slice(0, "asks", 6.0, 3.0)
            ]
        );
        let own = of(&events, "X").into_iter().filter(|event| event["pid"] == 2);
        assert_eq!(own.filter(|event| event["name"] == "processor 0").count(), 2);
        let names: Vec<_> =
            of(&events, "M").iter().map(|event| event["args"]["name"].clone()).collect();
        assert_eq!(
            names,
            ["processors", "partitions", "processor 0", "processor 1", "idle", "asks", "answers"]
        );
    }

    #[test]
    fn arrows_lead_from_doorbells_to_whom_they_woke() {
        let events = events(SAMPLE);
        let ends = |phase| -> Vec<_> {
            of(&events, phase)
                .iter()
                .map(|event| {
                    (event["id"].clone(), event["tid"].clone(), event["ts"].as_f64().unwrap())
                })
                .collect()
        };
        assert_eq!(
            ends("s"),
            [(json!(1), json!(1000), 1_000_002.5), (json!(2), json!(1001), 1_000_005.0)]
        );
        assert_eq!(
            ends("f"),
            [(json!(1), json!(1001), 1_000_003.0), (json!(2), json!(1000), 1_000_006.0)]
        );
    }

    #[test]
    fn who_runs_on_two_processors_at_once_has_two_tracks() {
        let text = "     1.000000000    0  idle runs\n     1.000001000    1  idle runs\n     1.000002000    0  halts\n     1.000003000    0  idle runs\n     1.000004000    1  halts\n";
        let events = events(text);
        let own: Vec<_> = of(&events, "X")
            .into_iter()
            .filter(|event| event["pid"] == 2)
            .map(|event| event["tid"].clone())
            .collect();
        assert_eq!(own, [json!(2000), json!(2001), json!(2000)]);
        let names: Vec<_> =
            of(&events, "M").iter().map(|event| event["args"]["name"].clone()).collect();
        assert_eq!(names[4..], ["idle", "idle (2)"]);
    }

    #[test]
    fn what_takes_no_time_is_marked_where_it_happens() {
        let marks = events(SAMPLE);
        let marks: Vec<_> = of(&marks, "i")
            .iter()
            .map(|event| (event["pid"].clone(), event["name"].clone()))
            .collect();
        assert_eq!(
            marks[2..],
            [
                (json!(1), json!("interrupt line 4")),
                (json!(1), json!("asks stopped: page fault")),
                (json!(2), json!("asks stopped: page fault"))
            ]
        );
        assert_eq!(events("").len(), 2);
    }
}
