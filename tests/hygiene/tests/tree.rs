//! Applies every rule to the tree.

use hygiene::rust_abi::Abi;
use hygiene::{
    Complaint, budget, covers, drivers, functions, manifests, numbers, report, scan, spec, tree,
    words,
};

type Files = Vec<(String, String)>;

fn files() -> Files {
    let files = tree::files().unwrap_or_default();
    assert!(files.len() > 50, "the tree was not read");
    files
}

fn text<'a>(files: &'a Files, path: &str) -> &'a str {
    files.iter().find(|(own, _)| own == path).map_or("", |(_, text)| text)
}

fn rust(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    let source = files.iter().filter(|(path, _)| tree::is_rust(path));
    source.map(|(path, text)| (path.as_str(), text.as_str()))
}

fn silent(complaints: &[Complaint]) {
    assert!(complaints.is_empty(), "\n{}", report(complaints));
}

fn each_rust(rule: impl Fn(&str, &str) -> Vec<Complaint>) {
    let files = files();
    let complaints: Vec<_> = rust(&files).flat_map(|(path, text)| rule(path, text)).collect();
    silent(&complaints);
}

fn abi(files: &Files) -> Abi {
    let module = |path: &str| path.strip_prefix("abi/src/")?.strip_suffix(".rs").map(str::to_owned);
    let sources: Vec<_> =
        files.iter().filter_map(|(path, text)| Some((module(path)?, text.clone()))).collect();
    Abi::read(&sources)
}

#[test]
fn the_specification_and_abi_agree() {
    let files = files();
    let abi = abi(&files);
    assert!(abi.enums.len() >= 30 && abi.structures.len() >= 30, "abi was not read");
    silent(&spec::compare(text(&files, spec::PATH), &abi));
}

#[test]
fn nobody_repeats_a_number_of_abi() {
    let files = files();
    let telling = numbers::telling(&abi(&files));
    let own = files.iter().filter(|(path, _)| path.starts_with("abi/src/"));
    let magics: Vec<_> = own.flat_map(|(_, text)| numbers::magics(text)).collect();
    assert!(!telling.is_empty() && !magics.is_empty(), "abi was not read");
    let outside =
        rust(&files).filter(|(path, _)| !path.starts_with("abi/") && !tree::is_test(path));
    let complaints: Vec<_> =
        outside.flat_map(|(path, text)| numbers::repeated(path, text, &telling, &magics)).collect();
    silent(&complaints);
}

#[test]
fn the_kernel_keeps_its_budget() {
    let files = files();
    let kernel =
        |path: &str| path.starts_with("kernel/core/src/") || path.starts_with("kernel/src/");
    let own = rust(&files).filter(|(path, _)| kernel(path) && !tree::is_test(path));
    let total = own.map(|(_, text)| budget::lines(text)).sum();
    silent(&budget::kernel(total));
}

#[test]
fn unsafe_stands_only_where_the_list_says() {
    let files = files();
    let list = text(&files, "tests/hygiene/unsafe.txt");
    assert!(!budget::allowed(list).is_empty(), "the list was not read");
    let complaints: Vec<_> = rust(&files)
        .filter(|(path, _)| !path.starts_with("tests/hygiene/"))
        .flat_map(|(path, text)| budget::unsafe_outside(path, text, list))
        .collect();
    silent(&complaints);
    let holds = |text: &str| scan::code(text).lines().any(|line| scan::has_word(line, "unsafe"));
    let with: Vec<_> =
        rust(&files).filter(|(_, text)| holds(text)).map(|(path, _)| path.to_owned()).collect();
    silent(&budget::stale_entries(list, &with));
}

#[test]
fn files_open_with_a_head_and_are_short() {
    each_rust(words::head_and_length);
}

#[test]
fn functions_are_short() {
    each_rust(functions::too_long);
    let files = files();
    let code = rust(&files).filter(|(path, _)| !tree::is_test(path));
    let all: Vec<_> = code
        .flat_map(|(_, text)| functions::functions(&scan::without_tests(&scan::code(text))))
        .collect();
    let median = functions::median(&all);
    assert!(median <= functions::MEDIAN, "the median of {} functions is {median} lines", all.len());
}

#[test]
fn no_forbidden_words() {
    each_rust(words::forbidden_in_rust);
}

#[test]
fn no_paths_or_hosts_of_one_machine() {
    let files = files();
    let complaints: Vec<_> =
        files.iter().flat_map(|(path, text)| words::places(path, text)).collect();
    silent(&complaints);
    silent(&words::lock_file("Cargo.lock", text(&files, "Cargo.lock")));
}

#[test]
fn covered_rows_exist() {
    let files = files();
    let rows = text(&files, "tests/hygiene/rows.txt").to_owned();
    assert!(rows.lines().count() > 100, "the rows were not read");
    each_rust(|path, text| covers::unknown(path, text, &rows));
}

#[test]
fn dependencies_have_reasons_and_come_from_the_workspace() {
    let files = files();
    let root = text(&files, "Cargo.toml");
    let declared = manifests::declared(root);
    let members = files.iter().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let mut complaints = manifests::reasons("Cargo.toml", root);
    for (path, text) in members.clone() {
        complaints.extend(manifests::undeclared(path, text, &declared));
    }
    let texts: Vec<&str> = members.map(|(_, text)| text.as_str()).collect();
    complaints.extend(manifests::unused("Cargo.toml", &declared, &texts));
    silent(&complaints);
}

#[test]
fn every_partition_has_a_readme() {
    let files = files();
    let partition = |path: &str| {
        let name = path.strip_prefix("partitions/")?.strip_suffix("/Cargo.toml")?;
        (!name.contains('/') && name != "rt").then(|| format!("partitions/{name}/README.md"))
    };
    let missing = files.iter().filter_map(|(path, _)| partition(path));
    let missing: Vec<_> = missing
        .filter(|readme| text(&files, readme).trim().is_empty())
        .map(|readme| Complaint::new(&readme, 0, "is missing"))
        .collect();
    silent(&missing);
}

// covers: KRN-1
#[test]
fn the_kernel_has_no_driver_but_those_it_must_have_and_no_heap() {
    each_rust(drivers::kernel);
    let files = files();
    silent(&drivers::idle(|path| text(&files, path)));
}
