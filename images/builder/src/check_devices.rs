//! The rules about hardware: no port, interrupt or register belongs to two.

use crate::diagnostic::Diagnostic;
use crate::manifest::{Grant, Manifest};
use abi::manifest::GrantKind;

/// Checks all grants of all partitions against each other.
pub(crate) fn manifest(manifest: &Manifest) -> Result<(), Diagnostic> {
    let mut seen: Vec<(&str, &Grant)> = Vec::new();
    for partition in &manifest.partitions {
        for grant in &partition.grants {
            if let Some((owner, _)) = seen.iter().find(|(_, other)| collide(other, grant)) {
                let message = format!("{} also given to '{owner}'", describe(grant));
                return Err(Diagnostic::new(&grant.base.span, message));
            }
            seen.push((&partition.name.value, grant));
        }
    }
    Ok(())
}

/// Whether the two are the same hardware, in part or whole.
fn collide(left: &Grant, right: &Grant) -> bool {
    if left.kind != right.kind {
        return false;
    }
    match left.kind {
        GrantKind::Framebuffer => true,
        GrantKind::Interrupt => left.base.value == right.base.value && left.count == right.count,
        GrantKind::Ports | GrantKind::Device => {
            left.base.value < right.base.value + right.count
                && right.base.value < left.base.value + left.count
        }
    }
}

fn describe(grant: &Grant) -> String {
    match grant.kind {
        GrantKind::Ports => format!("some of these {} ports are", grant.count),
        GrantKind::Interrupt => "this interrupt is".to_owned(),
        GrantKind::Framebuffer => "the framebuffer is".to_owned(),
        GrantKind::Device => "some of these registers are".to_owned(),
    }
}
