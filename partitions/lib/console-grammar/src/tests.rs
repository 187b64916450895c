//! Lines as people type them, and as they should not.
// covers: CMD-3
use super::*;
use proptest::prelude::*;

fn complaint(text: &str) -> String {
    parse(text).expect_err("a mistake").to_string()
}

fn offered(before: &str) -> Vec<String> {
    let mut all = Vec::new();
    let names = ["web", "worker", "idle"];
    candidates(before, names.into_iter(), &mut |word| all.push(word.to_string()));
    all
}

#[test]
fn every_verb_is_understood() {
    let cases = [
        ("ps", Command::Ps),
        ("start web", Command::Start("web")),
        ("stop web", Command::Stop("web")),
        ("kill web", Command::Kill("web")),
        ("restart web", Command::Restart("web")),
        ("create web", Command::Create("web", Creation::default())),
        (
            "create web processor 1 share 2/16 memory 8K",
            Command::Create(
                "web",
                Creation { share: Some(2), memory: Some(2), processor: Some(1) },
            ),
        ),
        ("map", Command::Map(None)),
        ("map 1fff", Command::Map(Some(Area { frame: 1, scale: 1 }))),
        ("map 0x200000 4M", Command::Map(Some(Area { frame: 512, scale: 1024 }))),
        ("map 64M", Command::Map(Some(Area { frame: 16_384, scale: 1 }))),
        ("destroy 17", Command::Destroy("17")),
        ("pause web", Command::Pause("web")),
        ("resume web", Command::Resume("web")),
        ("set web processor 4/16", Command::Set("web", Setting::Share(4))),
        ("set web processor 16", Command::Set("web", Setting::Share(16))),
        ("set web memory 64M", Command::Set("web", Setting::Memory(16_384))),
        ("set web memory 5K", Command::Set("web", Setting::Memory(2))),
        ("set web memory 0K", Command::Set("web", Setting::Memory(0))),
        ("move web to processor 2", Command::Move("web", 2)),
        ("move web 63", Command::Move("web", 63)),
        ("plan", Command::Plan),
        ("channels", Command::Channels),
        ("caps io-console", Command::Caps("io-console")),
        ("log", Command::Log(None)),
        ("log web", Command::Log(Some("web"))),
        ("trace", Command::Trace(None)),
        ("trace 7", Command::Trace(Some(7))),
        ("console web", Command::Console("web")),
        ("machine", Command::Machine),
        ("hardware", Command::Hardware),
        ("dump", Command::Dump(None)),
        ("dump web", Command::Dump(Some(("web", Look::Now)))),
        ("dump web last", Command::Dump(Some(("web", Look::Last)))),
        ("dump web forget", Command::Dump(Some(("web", Look::Forget)))),
        ("audit", Command::Audit),
        ("uptime", Command::Uptime),
        ("help", Command::Help(None)),
        ("help ps", Command::Help(verb("ps"))),
        ("upgrade", Command::Upgrade(None)),
        ("upgrade web", Command::Upgrade(Some(("web", Going::Later)))),
        ("upgrade web now", Command::Upgrade(Some(("web", Going::Now)))),
        ("upgrade web  back", Command::Upgrade(Some(("web", Going::Back)))),
        ("reboot", Command::Reboot),
        ("  shutdown  ", Command::Shutdown),
    ];
    for (text, command) in cases {
        assert_eq!(parse(text), Ok(command), "{text}");
    }
}

#[test]
fn no_verb_of_the_table_is_forgotten() {
    for verb in VERBS {
        let text = match verb.argument {
            Argument::Name | Argument::Creation => [verb.name, " web"].concat(),
            Argument::Setting => [verb.name, " web memory 1M"].concat(),
            Argument::Destination => [verb.name, " web to processor 1"].concat(),
            _ => verb.name.to_string(),
        };
        let command = parse(&text).expect("a command");
        let help = matches!(command, Command::Help(_));
        assert_eq!(help, verb.name == "help", "{text} is read as {command:?}");
    }
}

#[test]
fn a_version_is_the_next_one_or_the_one_before() {
    for extra in ["soon", "now then", "back back"] {
        let word = extra.rsplit(' ').next().expect("a word");
        let said = complaint(&["upgrade web ", extra].concat());
        let usage = "is too much: type upgrade [NAME [now|back]]; ';' separates commands";
        assert_eq!(said, ["'", word, "' ", usage].concat());
    }
    assert_eq!(offered("upgrade w"), ["web", "worker"]);
    assert_eq!(offered("upgrade web "), ["now", "back"]);
    assert!(offered("upgrade web now ").is_empty());
}

#[test]
fn mistakes_say_what_to_type() {
    let cases = [
        ("sp", "no command is called 'sp': did you mean 'ps'?"),
        ("shutdwon", "no command is called 'shutdwon': did you mean 'shutdown'?"),
        ("frobnicate", "no command is called 'frobnicate': type help for the list"),
        ("start", "start needs the name of a partition: type start NAME; ps lists them"),
        ("ps web", "'web' is too much: type ps; ';' separates commands"),
        ("kill a b", "'b' is too much: type kill NAME; ';' separates commands"),
        (
            "kill Web!",
            "no partition can be called 'Web!': names are lower case letters, digits and '-'; ps lists them",
        ),
        ("trace 0", "'0' is not a count: type a number from 1 on"),
        ("trace all", "'all' is not a count: type a number from 1 on"),
        ("set", "set needs a partition, what to set and to what: type set NAME processor 4/16"),
        (
            "set web memory",
            "set needs a partition, what to set and to what: type set NAME processor 4/16",
        ),
        (
            "set web colour 4",
            "no partition has a 'colour' to set: type set NAME processor 4/16 or set NAME memory 64M",
        ),
        ("set web procesor 4", "no partition has a 'procesor' to set: did you mean 'processor'?"),
        ("set web processor 17/16", "'17/16' is no share of a processor: type 1/16 to 16/16"),
        ("set web processor 0", "'0' is no share of a processor: type 1/16 to 16/16"),
        ("set web processor 4/8", "'4/8' is no share of a processor: type 1/16 to 16/16"),
        (
            "set web memory 64",
            "'64' is no amount of memory: type a number with K, M or G, such as 64M",
        ),
        (
            "set web memory 1KM",
            "'1KM' is no amount of memory: type a number with K, M or G, such as 64M",
        ),
        (
            "set web memory -1M",
            "'-1M' is no amount of memory: type a number with K, M or G, such as 64M",
        ),
        (
            "set web memory 4294967295G",
            "'4294967295G' is no amount of memory: type a number with K, M or G, such as 64M",
        ),
        ("set web memory 1M 2", "'2' is too much: type set NAME ...; ';' separates commands"),
        ("move web to", "move needs a partition and a processor: type move NAME to processor 1"),
        (
            "move web to processor two",
            "'two' is no processor: type its number; machine says how many there are",
        ),
        ("move web 64", "'64' is no processor: type its number; machine says how many there are"),
        ("move web 1 2", "'2' is too much: type move NAME to ...; ';' separates commands"),
        ("suspend web", "no command is called 'suspend': did you mean 'pause'?"),
        ("help chanels", "no command is called 'chanels': did you mean 'channels'?"),
    ];
    for (text, sentence) in cases {
        assert_eq!(complaint(text), sentence);
    }
    let unknown = Mistake::UnknownPartition { word: "wbe", nearest: Some("web") };
    assert_eq!(unknown.to_string(), "no partition is called 'wbe': did you mean 'web'?");
    let unknown = Mistake::UnknownPartition { word: "x", nearest: None };
    assert_eq!(unknown.to_string(), "no partition is called 'x': ps lists them");
}

#[test]
fn semicolons_separate_commands() {
    let all: Vec<_> = commands(" ps ;; start web; ").collect();
    assert_eq!(all, ["ps", "start web"]);
    assert_eq!(commands(" ; ").count(), 0);
}

#[test]
fn completion_knows_verbs_names_and_topics() {
    assert_eq!(offered("st"), ["start", "stop"]);
    assert_eq!(offered("ps; kill w"), ["web", "worker"]);
    assert_eq!(offered("log "), ["web", "worker", "idle"]);
    assert_eq!(offered("help ch"), ["channels"]);
    assert_eq!(offered("kill web w"), Vec::<String>::new());
    assert_eq!(offered("set w"), ["web", "worker"]);
    assert_eq!(offered("set web "), ["processor", "memory"]);
    assert_eq!(offered("move web to p"), ["processor"]);
    assert_eq!(offered("move web t"), ["to"]);
    assert_eq!(offered("set web memory "), Vec::<String>::new());
    assert_eq!(offered("ps "), Vec::<String>::new());
    assert_eq!(offered("nothing w"), Vec::<String>::new());
    assert_eq!(offered("").len(), VERBS.len());
    assert_eq!(offered("kill\u{2003}w"), ["web", "worker"]);
}

#[test]
fn help_has_a_line_for_every_verb_and_fits_the_screen() {
    let overview = Overview.to_string();
    assert_eq!(overview.lines().count(), VERBS.len() + 1);
    assert!(overview.contains("  start NAME        start a stopped partition\n"), "{overview}");
    for verb in VERBS {
        let page = Page(verb).to_string();
        assert!(page.lines().all(|line| line.len() <= 80), "{page}");
        let words: Vec<_> =
            page.split_once('\n').expect("two lines").1.split_whitespace().collect();
        assert_eq!(words.join(" "), verb.detail);
    }
}

/// The distance by its definition: try every slip at the first letters.
fn slow_distance(left: &[u8], right: &[u8]) -> usize {
    match (left, right) {
        ([], rest) | (rest, []) => rest.len(),
        ([a, left_rest @ ..], [b, right_rest @ ..]) => {
            let mut best = slow_distance(left_rest, right_rest) + usize::from(a != b);
            best = best.min(slow_distance(left_rest, right) + 1);
            best = best.min(slow_distance(left, right_rest) + 1);
            if let ([a, b, left @ ..], [c, d, right @ ..]) = (left, right)
                && (a, b) == (d, c)
            {
                best = best.min(slow_distance(left, right) + 1);
            }
            best
        }
    }
}

#[test]
fn words_too_long_to_be_meant_are_left_alone() {
    let long = "a".repeat(5000);
    assert_eq!(nearest(&long, ["aa"].into_iter()), None);
    assert_eq!(nearest("aa", [long.as_str(), "ab"].into_iter()), Some("ab"));
}

proptest! {
    #[test]
    fn the_nearest_word_is_the_nearest(typed in "[ab-]{0,6}", words in prop::collection::vec("[ab-]{0,6}", 0..5)) {
        let found = nearest(&typed, words.iter().map(String::as_str));
        let slips = |word: &str| slow_distance(typed.as_bytes(), word.as_bytes());
        let best = words.iter().min_by_key(|word| slips(word));
        match (found, best) {
            (Some(found), Some(best)) => prop_assert_eq!(slips(found), slips(best)),
            (None, Some(best)) => prop_assert!(slips(best) > (typed.len().max(best.len()) / 3).max(1)),
            (found, None) => prop_assert_eq!(found, None),
        }
    }

    #[test]
    fn nothing_typed_does_harm(line in any::<String>()) {
        for part in commands(&line) {
            let _ = parse(part).map_err(|mistake| mistake.to_string());
        }
        let _ = offered(&line);
    }

    #[test]
    fn words_near_verbs_do_no_harm(words in prop::collection::vec("(ps|start|log|trace|help|;|web|-1|99999999999|\u{e4}){1,2}", 0..4)) {
        for part in commands(&words.join(" ")) {
            let _ = parse(part).map_err(|mistake| mistake.to_string());
        }
    }
}

#[test]
fn words_of_other_systems_lead_to_the_verb_that_does_it() {
    for (typed, verb) in [
        ("exit", "shutdown"),
        ("Quit", "shutdown"),
        ("ls", "ps"),
        ("PS", "ps"),
        ("dmesg", "log"),
        ("?", "help"),
    ] {
        let wanted = Mistake::UnknownVerb { word: typed, nearest: Some(verb) };
        assert_eq!(parse(typed), Err(wanted), "{typed}");
    }
    assert!(
        crate::parse::MEANT.iter().all(|(other, meant)| crate::verbs::verb(other).is_none()
            && crate::verbs::verb(meant).is_some())
    );
}
