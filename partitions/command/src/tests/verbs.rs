//! Each verb's text.

use super::fake::Fake;
use abi::image::name_text;
use abi::message::resource::{PartitionState, ResourceRequest};

fn shown(line: &str) -> String {
    let (text, status) = Fake::new().run(line);
    assert_eq!(status, 0, "{text}");
    text
}

#[test]
fn ps() {
    let expected = [
        " ID NAME             STATE    SHARE   MEMORY RESTARTS WAITS FOR\n",
        "  0 resource-manager running      0  400 KiB        0 -\n",
        "  1 command          waiting      1  6.2 MiB        1 1 answer, interrupt 4\n",
        "  2 io-console       failed       2  100 MiB        2 page fault at 0x401234\n",
        "  3 web              stopped      3 1600 MiB        3 -\n",
    ];
    assert_eq!(shown("ps"), expected.concat());
}

#[test]
fn plan() {
    let text = shown("plan");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "processor 0: a slot is 1.0 ms, idle 93.1 %, timer interrupts 77");
    assert_eq!(lines[1], "     0  resource-manager     0.0 %     8  -                    4.0 %");
    assert_eq!(lines[4], "     3  ?                    1.5 %    11  -                    5.5 %");
    assert_eq!(lines[9], "  what is left goes to web, command");
    assert_eq!(lines[10], "processor 1: a slot is 0.1 ms, idle 100.0 %, timer interrupts 0");
    assert_eq!(lines[19], "  what is left goes to nobody");
    assert_eq!(lines.len(), 20);
}

#[test]
fn channels() {
    let expected = [
        "NAME         CLIENT           SERVER           KIND    EPOCH    RUNG  MESSAGES\n",
        "console      command          io-console       console     3      46       111\n",
    ];
    assert_eq!(shown("channels"), expected.concat());
}

#[test]
fn caps() {
    let expected = "\
command may
  use I/O ports 0x3f8 to 0x3ff (uart)  (slot 20)
  use I/O port 0xf4 (exit)  (slot 21)
  ring resource-manager for bell (its event 0)  (slot 22)
  serve interrupt line 4 (uart)  (slot 23)
  create from, grant and manage all physical memory  (slot 24)
  manage the partition web  (slot 25)
  write to the debug port  (slot 26)
  look at the kernel  (slot 27)
  ring io-console for console (its event 3)  (slot 28)
";
    assert_eq!(shown("caps command"), expected);
    assert_eq!(shown("caps web"), "web may\n  do nothing but compute\n");
}

#[test]
fn trace() {
    let text = shown("trace 3");
    let expected = "         SECONDS  CPU  WHAT
     4.999998000    0  halts
     4.999999000    1  command runs
     5.000000000    0  command runs
";
    assert_eq!(text, expected);
    let text = shown("trace");
    assert_eq!(text.lines().count(), 17);
    for words in [
        "  interrupt line 4\n",
        "  doorbell of io-console rung, event 7\n",
        "  web stopped: general protection\n",
        "  web stopped: panic, its log says why\n",
        "  a new plan takes over\n",
        "  control: Partition Unmap\n",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn changes_reach_the_resource_manager() {
    let mut fake = Fake::new();
    let line = "start web; stop web; kill web; restart io-console; shutdown; reboot";
    let (text, status) = fake.run(line);
    let said = "web started\nweb stopped\nweb killed\nio-console restarted\n";
    assert_eq!(text, [said, &"stopping all partitions\n".repeat(2)].concat());
    let asked = [
        (ResourceRequest::Start, 3),
        (ResourceRequest::Stop, 3),
        (ResourceRequest::Kill, 3),
        (ResourceRequest::Restart, 2),
        (ResourceRequest::Shutdown, 0),
        (ResourceRequest::Shutdown, 1),
    ];
    assert_eq!((fake.changes.as_slice(), status), (asked.as_slice(), 0));
}

#[test]
fn partitions_are_made_and_ended_by_number() {
    let mut fake = Fake::new();
    let (text, status) = fake.run("create web; destroy 3; kill 3; start 17");
    let said = "partition 9 made like web: 120 KiB at 0x100000, 3/16 of processor 1; start 9 starts it\n\
                partition 3 destroyed\n3 killed\n\
                no partition is called '17': ps lists them\n";
    assert_eq!((text.as_str(), status), (said, 1));
    let asked = [
        (ResourceRequest::CreatePlaced, 3),
        (ResourceRequest::Destroy, 3),
        (ResourceRequest::Kill, 3),
    ];
    assert_eq!(fake.changes, asked);
}

#[test]
fn what_runs_is_paused_set_and_moved() {
    let mut fake = Fake::new();
    let line = "pause web; resume web; set web processor 4/16; move web to processor 2";
    let (text, status) = fake.run(line);
    let said = "web paused\nweb goes on\nweb has 4/16 of processor 0\nweb is on processor 2\n";
    assert_eq!((text.as_str(), status), (said, 0));
    let asked = [
        (ResourceRequest::Pause, 3),
        (ResourceRequest::Resume, 3),
        (ResourceRequest::SetShare, 3),
        (ResourceRequest::Move, 3),
    ];
    assert_eq!(fake.changes, asked);
    assert_eq!(fake.numbers, [(3, 4), (0, 2)], "what it was, and what it shall be");
}

#[test]
fn memory_that_is_in_use_goes_later() {
    let mut fake = Fake::new();
    let (text, status) = fake.run("set web memory 64M");
    assert_eq!((text.as_str(), status), ("web has 64 MiB of heap\n", 0));
    assert_eq!(fake.numbers, [(16, 16_384)]);
    fake.heap_in_use = 300;
    let (text, status) = fake.run("set web memory 1M");
    let said = "web uses 1.1 MiB of heap, and has 1.0 MiB from its next start on: type restart web for that\n";
    assert_eq!((text.as_str(), status), (said, 0));
}

#[test]
fn a_resource_manager_that_is_restarted_is_waited_for() {
    let mut fake = Fake::new();
    let (text, status) = fake.run("restart resource-manager; uptime; audit");
    assert!(text.starts_with("resource-manager restarted\n") && text.contains("agree"), "{text}");
    assert_eq!(status, 0);
}

#[test]
fn a_console_that_restarts_itself_says_so_before() {
    let mut fake = Fake::new();
    fake.run("restart command");
    assert!(fake.before_change.ends_with(b"command restarted\n\x1b]133;D;0\x07"));
}

#[test]
fn log_shows_the_last_lines_without_what_moves_the_cursor() {
    let mut fake = Fake::new();
    let lines =
        |range: std::ops::Range<u32>| range.map(|n| format!("line {n}\n")).collect::<String>();
    fake.log = lines(0..100).into_bytes();
    assert_eq!(fake.run("log web"), (lines(76..100), 0));
    fake.log =
        b"\x1b[31mred\x1b[0m\r\n\x1b]133;D;0\x07\x1b]133;A\x07forged> \x08\xff\tend".to_vec();
    assert_eq!(fake.run("log web"), ("red\nforged> \u{fffd}\tend\n".to_owned(), 0));
    fake.log = b"\x1b[31;never ended\nnext\n\x1b".to_vec();
    assert_eq!(fake.run("log web").1, 0);
    fake.log.clear();
    assert_eq!(fake.run("log web"), (String::new(), 0));
}

#[test]
fn console_shows_what_was_said_then_talks() {
    let mut fake = Fake::new();
    fake.log = b"ready\nname? ".to_vec();
    let expected = "ready\nname? \n-- talking to web --\n\n-- back from web --\n";
    assert_eq!(fake.run("console web"), (expected.to_owned(), 0));
    assert_eq!(fake.talked, [3]);
    assert_eq!(fake.run("console command").0, "this is the console of command\n");
    assert_eq!(fake.talked, [3]);
}

#[test]
fn machine_uptime_audit_and_help() {
    let expected = "\
processors          2 online
partitions          4
memory        512 MiB in all
              390 MiB free
              3.9 MiB of the kernel
              117 MiB of partitions
nodes               1 the firmware tells of no nodes
";
    assert_eq!(shown("machine"), expected);
    assert_eq!(shown("uptime"), "up 1 h 02 min\n");
    let agrees = "\
1000 frames looked at
every frame has one owner, 500 are free: the books agree
4 partitions, 1 channels, 12 capabilities: kernel, books and manifest agree
";
    assert_eq!(shown("audit"), agrees);
    assert_eq!(shown("help"), console_grammar::Overview.to_string());
    assert!(shown("help kill").starts_with("kill NAME: stop a partition at once\n"));
}

#[test]
fn hardware_shows_devices_to_their_end() {
    let mut fake = Fake::new();
    fake.books.devices = vec![fake.books.devices[1]; 1000];
    let (text, status) = fake.run("hardware");
    let told = text.lines().filter(|line| line.starts_with("owner of ")).count();
    assert_eq!((told, status), (1000, 0));
}

#[test]
fn hardware_shows_a_line_for_everything() {
    let expected = "\
version        0.1.0, ABI 2.0
door           Multiboot2
ACPI root      0xf5a10
serial port    0x3f8
features       SMEP global-pages
done without   SMAP UMIP x2APIC TSC-deadline invariant-TSC machine-check isolated-page-tables
processors     real
time           from the time stamp counter
TSC            3000000 ticks a second
timer          62500 ticks a second
ACPI timer     0x608
processor      APIC id 4, node 1
I/O APIC 1     at 0xfec00000, lines from 24
ISA 9          at line 9, level, active high
power off      0x2000 to port 0x604
               0x2400 to port 0x704
framebuffer    1024 x 768, 32 bits, at 0x80000000
000000100000-0000004fffff   4.0 MiB memory
ACPI tables    APIC FACP HPET
nodes          2: as the firmware tells
000000100000-0000004fffff   4.0 MiB node 1
distances      10 20
kind 99        [1, 2, 3, 4]
PCI 00:1f.2    8086:2922 class 010601 revision 02 subsystem 1af4:1100 SATA
owner of       line 4: command, rung on processor 0
owner of       ports 0x60 to 0x64: nobody
owner of       PCI 00:1f.2: reserved
";
    assert_eq!(shown("hardware"), expected);
}

#[test]
fn lengths_of_time_and_memory_are_short() {
    use crate::words::{Duration, Events, Pages};
    use abi::types::Nanoseconds;
    let cases = [
        (0, "0.0 ms"),
        (1_250_000, "1.2 ms"),
        (999_999_999, "999.9 ms"),
        (4_712_999_999, "4.712 s"),
        (12_340_000_000, "12.34 s"),
        (125_000_000_000, "2 min 05 s"),
        (3_723_000_000_000, "1 h 02 min"),
        (200_000_000_000_000, "2 d 07 h"),
        (u64::MAX, "213503 d 23 h"),
    ];
    for (nanoseconds, text) in cases {
        assert_eq!(Duration(Nanoseconds::new(nanoseconds)).to_string(), text);
    }
    for (pages, text) in [(0, "0 KiB"), (255, "1020 KiB"), (256, "1.0 MiB"), (1 << 25, "128 GiB")] {
        assert_eq!(Pages(pages).to_string(), text);
    }
    assert!(Pages(u64::MAX).to_string().ends_with(" TiB"));
    for (events, text) in [(0, "time only"), (1 << 55, "55"), (1 | 1 << 56, "0, fault")] {
        assert_eq!(Events(events).to_string(), text);
    }
}

#[test]
fn who_goes_back_to_a_version_is_not_started_by_that() {
    let runs = "command goes back from version 2 to 1\ncommand restarted\n";
    let rests = "web goes back from version 2 to 1 when it is started next\n";
    for (name, state, expected) in [
        ("command", PartitionState::Waiting, runs),
        ("web", PartitionState::Stopped, rests),
        ("web", PartitionState::Paused, rests),
    ] {
        let mut fake = Fake::new();
        let record = fake.partitions.iter_mut().find(|one| name_text(&one.name) == name);
        record.expect("there").state = state as u32;
        let (text, status) = fake.run(&format!("upgrade {name} back"));
        assert!(text.starts_with(expected.trim_end()), "{text}");
        assert_eq!((status, fake.changes.is_empty()), (0, state != PartitionState::Waiting));
    }
}
