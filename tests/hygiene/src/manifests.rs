//! Dependencies: declared once, each with its reason.

use crate::Complaint;

/// Complaints about dependencies of the workspace without a comment in their group.
#[must_use]
pub fn reasons(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut explained = false;
    for (index, line) in section(text, "[workspace.dependencies]") {
        if line.trim().is_empty() {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if !explained && !line.contains("path = ") {
            complaints.push(Complaint::new(path, index, format!("no reason above: {line}")));
        }
    }
    complaints
}

/// The names that the workspace declares.
#[must_use]
pub fn declared(text: &str) -> Vec<String> {
    let lines = section(text, "[workspace.dependencies]").into_iter();
    let named = lines.filter(|(_, line)| !line.starts_with('#'));
    named.filter_map(|(_, line)| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

/// The dependencies of a member, with the line of each.
#[must_use]
pub fn used(text: &str) -> Vec<(usize, String)> {
    let heads =
        text.lines().filter(|line| line.starts_with('[') && line.ends_with("dependencies]"));
    let lines = heads.flat_map(|head| section(text, head));
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')).collect()
}

/// Complaints about dependencies of a member that do not come from the workspace.
#[must_use]
pub fn undeclared(path: &str, text: &str, declared: &[String]) -> Vec<Complaint> {
    let bad = |(_, line): &(usize, String)| {
        // A crate may name itself, to have a feature on in its own tests.
        let itself = line.contains("path = \".\"");
        !itself && (!line.contains("workspace = true") || !declared.contains(&name(line)))
    };
    let complaint =
        |(index, line)| Complaint::new(path, index, format!("not of the workspace: {line}"));
    used(text).into_iter().filter(bad).map(complaint).collect()
}

/// Complaints about what the workspace declares and no member uses.
#[must_use]
pub fn unused(path: &str, declared: &[String], members: &[&str]) -> Vec<Complaint> {
    let in_use = |wanted: &String| {
        members.iter().any(|text| used(text).iter().any(|(_, line)| name(line) == *wanted))
    };
    let idle = declared.iter().filter(|wanted| !in_use(wanted));
    idle.map(|name| Complaint::new(path, 0, format!("nobody uses {name}"))).collect()
}

/// The name in a line of dependencies.
fn name(line: &str) -> String {
    line.split(['=', '.', ' ']).next().unwrap_or_default().to_owned()
}

/// The lines of a section with their numbers.
fn section(text: &str, head: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned()));
    let after = lines.skip_while(|(_, line)| line != head).skip(1);
    after.take_while(|(_, line)| !line.starts_with('[')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nabi = { path = \"abi\" }\n\n# Flags.\nbitflags = \"2\"\nzerocopy = \"0.8\"\n\nspin = \"1\"\n\n[profile.dev]\nx = 1\n";

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let found = reasons("Cargo.toml", ROOT);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 8);
        assert_eq!(declared(ROOT), ["abi", "bitflags", "zerocopy", "spin"]);
    }

    #[test]
    fn a_dependency_past_the_workspace_is_found() {
        let declared = declared(ROOT);
        let good = "[dependencies]\nabi.workspace = true\nspin = { workspace = true, features = [] }\nx = { path = \".\" }\n";
        assert_eq!(undeclared("a", good, &declared), []);
        let bad = "[dependencies]\nabi = \"1\"\n[dev-dependencies]\nloom.workspace = true\n";
        assert_eq!(undeclared("a", bad, &declared).len(), 2);
    }

    #[test]
    fn a_dependency_that_nobody_uses_is_found() {
        let member = "[dependencies]\nabi.workspace = true\nbitflags.workspace = true\nspin.workspace = true\n";
        let found = unused("Cargo.toml", &declared(ROOT), &[member]);
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains("zerocopy"));
    }
}
