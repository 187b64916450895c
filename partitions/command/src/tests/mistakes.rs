//! What fails, says why and what to do, with status 1.

use super::fake::Fake;
use crate::Trouble;
use abi::message::resource::ResourceStatus;
use proptest::prelude::*;

fn fails(fake: &mut Fake, line: &str) -> String {
    let (text, status) = fake.run(line);
    assert_eq!(status, 1, "{text}");
    text
}

/// A refusal, the line that leads to it, and what is said.
type Case = (ResourceStatus, Option<u32>, &'static str, &'static str);

fn each<const N: usize>(cases: [Case; N]) {
    for (status, error, line, expected) in cases {
        let mut fake = Fake::new();
        fake.trouble = Some(Trouble::Refused(status, error));
        assert_eq!(fails(&mut fake, line), expected);
    }
}

#[test]
fn names_are_corrected() {
    let mut fake = Fake::new();
    assert_eq!(fails(&mut fake, "kill wbe"), "no partition is called 'wbe': did you mean 'web'?\n");
    assert_eq!(fails(&mut fake, "caps nobody"), "no partition is called 'nobody': ps lists them\n");
    assert_eq!(fails(&mut fake, "sp"), "no command is called 'sp': did you mean 'ps'?\n");
    assert_eq!(fake.changes, []);
}

#[test]
fn one_failure_fails_the_line_and_the_rest_is_done() {
    let mut fake = Fake::new();
    let (text, status) = fake.run("uptime; nonsense; uptime");
    assert_eq!(status, 1);
    assert_eq!(
        text,
        "up 1 h 02 min\nno command is called 'nonsense': type help for the list\nup 1 h 02 min\n"
    );
    assert_eq!(fake.run(""), (String::new(), 0));
}

#[test]
fn refusals_say_what_to_do() {
    let cases = [
        (
            ResourceStatus::WrongState,
            None,
            "start web",
            "web is stopped, so there is nothing to start: type restart web instead\n",
        ),
        (
            ResourceStatus::WrongState,
            None,
            "kill web",
            "web is stopped, so there is nothing to kill: type start web instead\n",
        ),
        (
            ResourceStatus::NoMemory,
            None,
            "start web",
            "cannot start web: memory is out: stop another partition, machine shows what is free\n",
        ),
        (
            ResourceStatus::NoMemory,
            None,
            "create web",
            "cannot create web: memory is out: stop another partition, machine shows what is free\n",
        ),
        (
            ResourceStatus::NotAllowed,
            None,
            "destroy web",
            "web stands in the image and is not destroyed: only what create made is; type kill web to stop it\n",
        ),
        (
            ResourceStatus::Kernel,
            Some(12),
            "restart web",
            "cannot restart web: the kernel refused (InUse): type audit\n",
        ),
        (
            ResourceStatus::Kernel,
            Some(99),
            "restart web",
            "cannot restart web: the kernel refused (error 99): type audit\n",
        ),
        (
            ResourceStatus::NotAllowed,
            None,
            "machine",
            "the resource manager does not allow it to this console\n",
        ),
    ];
    each(cases);
}

#[test]
fn refusals_of_changes_say_what_to_do() {
    let cases = [
        (
            ResourceStatus::WrongState,
            None,
            "pause web",
            "web is stopped, so there is nothing to pause: type start web instead\n",
        ),
        (
            ResourceStatus::NotAllowed,
            None,
            "pause resource-manager",
            "everything else needs resource-manager: will not pause it; ps shows the others\n",
        ),
        (
            ResourceStatus::NotAllowed,
            None,
            "move command to processor 1",
            "everything else needs command: will not move it; ps shows the others\n",
        ),
    ];
    each(cases);
}

#[test]
fn what_is_too_much_says_how_much_there_is() {
    let cases = [
        (
            ResourceStatus::Limit,
            Some(5),
            "set web processor 9/16",
            "web can have at most 5/16 of processor 0: type set web processor 5/16, or plan to see who has the rest\n",
        ),
        (
            ResourceStatus::Limit,
            Some(0),
            "move web to processor 1",
            "processor 1 has nothing left for web: type plan to see who has it, and set another's share first\n",
        ),
        (
            ResourceStatus::Limit,
            Some(32_768),
            "set web memory 1G",
            "no heap can be larger than 128 MiB: type set web memory with less\n",
        ),
        (
            ResourceStatus::Busy,
            None,
            "set web memory 1M",
            "the heap of web is in as many pieces as can be, or just being changed: try again, or type restart web and then this\n",
        ),
        (
            ResourceStatus::NoSuch,
            None,
            "move web to processor 9",
            "there is no processor 9: machine says how many there are, from 0 on\n",
        ),
        (
            ResourceStatus::Disagrees,
            None,
            "set web processor 9/16",
            "cannot set web: it was changed meanwhile: type ps, and try again\n",
        ),
        (
            ResourceStatus::Busy,
            None,
            "move web to processor 1",
            "cannot move web: a change before this one is not finished: try again\n",
        ),
    ];
    each(cases);
}

#[test]
fn a_dead_resource_manager_is_told_and_shutdown_counts_as_done() {
    let mut fake = Fake::new();
    fake.trouble = Some(Trouble::NoAnswer);
    let unanswered = "no answer: type ps to see who is down, and try again\n";
    assert_eq!(fails(&mut fake, "machine"), unanswered);
    assert_eq!(fake.run("shutdown"), ("stopping all partitions\n".to_owned(), 0));
    fake.trouble = Some(Trouble::Refused(ResourceStatus::NotAllowed, None));
    fails(&mut fake, "shutdown");
}

#[test]
fn a_partition_without_console_is_told() {
    let expected =
        "command has no console: give it a channel of kind console in the image's manifest\n";
    assert_eq!(fails(&mut Fake::new(), "log command"), expected);
    fails(&mut Fake::new(), "console io-console");
    fails(&mut Fake::new(), "log");
}

#[test]
fn nobody_saws_off_the_branch_they_sit_on() {
    let mut fake = Fake::new();
    let expected = "io-console carries this console, and nobody could start it again: will not kill it; \
                    type restart io-console\n";
    assert_eq!(fails(&mut fake, "kill io-console"), expected);
    fails(&mut fake, "stop command");
    let expected =
        "everything else needs resource-manager: it does not stop; type restart resource-manager\n";
    assert_eq!(fails(&mut fake, "stop resource-manager"), expected);
    assert_eq!(fake.changes, []);
}

#[test]
fn an_audit_that_finds_something_fails() {
    let mut fake = Fake::new();
    (fake.audit.violation, fake.audit.frame) = (4, 0x77);
    let text = fails(&mut fake, "audit");
    assert!(text.contains("frame 0x77: mapped where its partition may not map it\n"), "{text}");
    let mut fake = Fake::new();
    fake.audit.books_free = 499;
    let text = fails(&mut fake, "audit");
    assert!(text.contains("the kernel counts 500 free frames, the books 499\n"), "{text}");
}

#[test]
fn every_difference_that_an_audit_finds_is_a_sentence() {
    use super::books::difference;
    let doorbell = 9 | 1 << 8 | 7 << 32;
    let cases = [
        (difference(1, 9, 0, [0; 2]), "partition 9 of the image is not there"),
        (difference(2, 3, 0, [3, 1]), "web is not what the image says of number 3"),
        (difference(3, 3, 0, [0; 2]), "web was made neither by the image nor by create"),
        (difference(4, 3, 2, [8, 9]), "web has 9 pages of stacks, and was to get 8"),
        (difference(5, 3, 0, [0; 2]), "the kernel does not know web"),
        (difference(6, 3, 0, [1, 2]), "web has 2 contexts in the kernel and 1 in the books"),
        (difference(8, 3, 5, [doorbell, 0]), "in slot 5, and holds nothing"),
        (difference(9, 3, 5, [1, 2]), "what web holds in slot 5 leads elsewhere than it was given"),
        (difference(10, 3, 6, [0, doorbell]), "in slot 6, which nobody gave"),
        (
            difference(11, 1, 7, [0; 2]),
            "channel 7 of the image, of which command is the client, is not there",
        ),
        (
            difference(13, 1, 7, [4, 0]),
            "channel 7 of command has 0 pages in the kernel and 4 in the books",
        ),
        (difference(99, 1, 7, [4, 0]), "command: a difference of kind 99"),
    ];
    for (record, sentence) in cases {
        let mut fake = Fake::new();
        fake.books.differences.push(record);
        let text = fails(&mut fake, "audit");
        assert!(text.contains(sentence) && text.contains("do not agree"), "{text}");
    }
}

proptest! {
    /// Records full of rubbish are shown somehow.
    #[test]
    fn any_records_are_survived(state in any::<u32>(), number in any::<u64>(), name in any::<[u8; 24]>(),
                                line in prop::sample::select(&["ps", "plan", "channels", "trace", "machine", "audit"])) {
        let mut fake = Fake::new();
        for record in &mut fake.partitions {
            (record.state, record.name, record.used, record.pages) = (state, name, number, number);
            (record.reason, record.waits_for) = (number, number);
        }
        fake.audit.violation = number;
        fake.run(line);
    }

    #[test]
    fn any_line_is_survived(line in "[ -~]{0,80}") {
        fake_line(&line);
    }
}

fn fake_line(line: &str) {
    let mut fake = Fake::new();
    fake.run(line);
}
