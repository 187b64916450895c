//! Sizes and times as manifests write them: `"32K"`, `"50ms"`.

use abi::types::PAGE_SIZE;

/// Pages of a size such as `"32K"`, `"4M"`, `"1G"`; `None` where it is none or no multiple of a page.
pub(crate) fn pages(text: &str) -> Option<u64> {
    let (number, scale) = split(text, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)])?;
    let bytes = number.checked_mul(scale)?;
    (bytes % PAGE_SIZE == 0).then_some(bytes / PAGE_SIZE)
}

/// Nanoseconds of a time such as `"100us"`, `"50ms"`, `"5s"`.
pub(crate) fn nanoseconds(text: &str) -> Option<u64> {
    let (number, scale) = split(text, &[("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)])?;
    number.checked_mul(scale)
}

/// The number before a unit, and what the unit stands for. The first unit that fits counts.
fn split(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    units.iter().find_map(|&(unit, scale)| {
        let digits = text.strip_suffix(unit)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        Some((digits.parse().ok().filter(|_| plain)?, scale))
    })
}

/// A number of pages for people.
pub(crate) fn size(pages: u64) -> String {
    let kib = pages * (PAGE_SIZE / 1024);
    if kib >= 1024 && kib.is_multiple_of(1024) {
        format!("{} MiB", kib / 1024)
    } else {
        format!("{kib} KiB")
    }
}

/// A time in nanoseconds for people, in the largest unit that leaves a whole number.
pub(crate) fn time(nanoseconds: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let fits = |(scale, _): &&(u64, &str)| nanoseconds.is_multiple_of(*scale);
    match units.iter().find(fits) {
        Some((scale, unit)) => format!("{} {unit}", nanoseconds / scale),
        None => format!("{nanoseconds} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_pages() {
        assert_eq!(pages("32K"), Some(8));
        assert_eq!(pages("0K"), Some(0));
        assert_eq!(pages("4M"), Some(1024));
        for bad in [
            "",
            "K",
            "32",
            "6K",
            "-4K",
            "+4K",
            "4k",
            "4 K",
            "99999999999999999999K",
            "17179869184G",
        ] {
            assert_eq!(pages(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(nanoseconds("100us"), Some(100_000));
        assert_eq!(nanoseconds("50ms"), Some(50_000_000));
        assert_eq!(nanoseconds("5s"), Some(5_000_000_000));
        for bad in ["", "5", "s", "5m", "1.5s", "ms5"] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }
}
