//! The partition that `./bulkhead new` makes runs here as it is, and the tutorial shows it as it is.

#[cfg(test)]
#[path = "../template/src/partition.rs"]
mod partition;
#[cfg(test)]
#[path = "../template/src/tests.rs"]
mod tests;

const TUTORIAL: &str = include_str!("../../../abi/TUTORIAL.md");
const TEMPLATE: [&str; 3] = [
    include_str!("../template/src/main.rs"),
    include_str!("../template/src/partition.rs"),
    include_str!("../template/src/tests.rs"),
];
/// The name that the tutorial gives its partition.
const NAME: &str = "greeter";

/// The blocks of the tutorial in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let block = |rest: &'static str| rest.split("```").next();
    TUTORIAL.split(&fence).skip(1).filter_map(block).collect()
}

#[test]
fn the_tutorial_shows_the_template() {
    let template = TEMPLATE.map(|text| text.replace("template-name", NAME));
    let blocks = blocks("rust");
    assert!(blocks.len() >= 3, "the tutorial was not read");
    for block in &blocks {
        assert!(template.iter().any(|text| text.contains(block)), "not in the template:\n{block}");
    }
    assert!(blocks.contains(&template[1].as_str()), "the partition is shown as a whole");
}

#[test]
fn the_lines_that_the_tutorial_names_are_those() {
    let line = TEMPLATE[1].lines().position(|line| line.contains("panic!")).map(|at| at + 1);
    let named: Vec<&str> = TUTORIAL.split("partition.rs:").skip(1).collect();
    assert_eq!(named.len(), 3);
    for rest in named {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(digits.parse().ok(), line);
    }
}

#[test]
fn the_tutorial_fits_on_a_page() {
    assert!(TUTORIAL.lines().count() <= 170, "{} lines", TUTORIAL.lines().count());
}
