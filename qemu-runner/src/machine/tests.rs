//! What is chosen about a machine arrives at the emulator.

use super::*;

/// The arguments of a machine that is always emulated.
fn arguments(options: Options) -> Vec<String> {
    let options = Options { tcg: true, ..options };
    let command =
        options.command(&Artifacts::of("x"), Path::new("control"), Debugger::None).unwrap();
    command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

fn value<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let index = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(index + 1).map(String::as_str)
}

#[test]
fn what_is_chosen_arrives() {
    let options = Options { smp: 4, memory: 300, machine: Chipset::Pc, ..Options::default() };
    let arguments = arguments(options);
    assert_eq!(value(&arguments, "-smp"), Some("4"));
    assert_eq!(value(&arguments, "-m"), Some("300"));
    assert_eq!(value(&arguments, "-machine"), Some("pc,accel=tcg"));
    assert_eq!(value(&arguments, "-cpu"), Some("max"));
    assert!(value(&arguments, "-icount").is_none());
}

#[test]
fn counted_instructions_and_x2apic_do_not_meet() {
    let arguments = arguments(Options { deterministic: true, ..Options::default() });
    assert!(value(&arguments, "-icount").is_some());
    assert_eq!(value(&arguments, "-cpu"), Some("max,-x2apic"));
}

#[test]
fn nodes_have_their_parts() {
    let options = Options { smp: 3, memory: 101, nodes: 2, ..Options::default() };
    let arguments = arguments(options).join(" ");
    for part in [
        "id=node0,size=50M -numa node,nodeid=0,cpus=0-0,memdev=node0",
        "id=node1,size=51M -numa node,nodeid=1,cpus=1-2,memdev=node1",
    ] {
        assert!(arguments.contains(part), "{arguments}");
    }
    assert!(!self::arguments(Options::default()).join(" ").contains("-numa"));
}

#[test]
fn words_make_the_same_machine() {
    let odd = Options {
        smp: 3,
        memory: 77,
        nodes: 2,
        firmware: Firmware::UefiDisc,
        machine: Chipset::Pc,
        cpu: Some("max,-x2apic".to_owned()),
        deterministic: true,
        tcg: true,
        no_serial: true,
        reboot: true,
        qemu_args: vec!["-device".to_owned(), "nvme,id=a b".to_owned()],
    };
    for options in [Options::default(), odd] {
        let parsed = <Words as clap::Parser>::try_parse_from(options.words()).unwrap().options;
        assert_eq!(format!("{parsed:?}"), format!("{options:?}"));
    }
}

#[test]
fn the_persons_own_arguments_come_last() {
    let qemu_args = vec!["-device".to_owned(), "nvme".to_owned()];
    let arguments = arguments(Options { qemu_args, ..Options::default() });
    assert_eq!(arguments[arguments.len() - 2..], ["-device", "nvme"]);
}
