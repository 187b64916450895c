//! Reads the keys of one table, each with its place in the file; what is not expected is an error.

use crate::diagnostic::{Diagnostic, nearest};
use crate::manifest::Located;
use crate::unit;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What reading gives.
pub(crate) type Read<T> = Result<T, Diagnostic>;

/// A table of which every key is known.
pub(crate) struct Fields<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// The table, if it has no other keys than `keys`.
    pub(crate) fn new(
        table: &'a DeTable<'a>,
        span: Range<usize>,
        what: &'static str,
        keys: &[&str],
    ) -> Read<Self> {
        let mut unknown = table.iter().filter(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        match unknown.by_ref().min_by_key(|(key, _)| key.span().start) {
            None => Ok(Self { table, span, what }),
            Some((key, _)) => Err(unknown_key(key.get_ref(), &key.span(), what, keys)),
        }
    }

    /// Where the table is.
    pub(crate) const fn span(&self) -> &Range<usize> {
        &self.span
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// That a key is missing.
    pub(crate) fn lacks(&self, key: &str) -> Diagnostic {
        Diagnostic::new(&self.span, format!("{} lacks the key `{key}`", self.what))
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, key: &str) -> Read<Option<Located<String>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(Located::new(text.to_string(), value.span()))),
            _ => Err(wrong_type(key, "a text in quotes", &value.span())),
        }
    }

    /// A text of which `help` gives an example, if it is there.
    fn quoted(&self, key: &str, help: &str) -> Read<Option<Located<String>>> {
        self.text(key).map_err(|error| error.help(help))
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, key: &str) -> Read<Located<String>> {
        self.text(key)?.ok_or_else(|| self.lacks(key))
    }

    /// Texts in a list, none where it is not there.
    pub(crate) fn texts(&self, key: &str) -> Read<Vec<Located<String>>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wrong = || wrong_type(key, "a list of texts in quotes", &value.span());
        let list = value.get_ref().as_array().ok_or_else(wrong)?;
        let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) => Some(Located::new(text.to_string(), item.span())),
            _ => None,
        };
        list.iter().map(text).collect::<Option<_>>().ok_or_else(wrong)
    }

    /// A whole number within `range`, if it is there.
    pub(crate) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Read<Option<Located<u64>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let DeValue::Integer(number) = value.get_ref() else {
            let error = wrong_type(key, "a whole number", &value.span());
            let quoted = value.get_ref().as_str().is_some_and(|text| text.parse::<u64>().is_ok());
            return Err(if quoted { error.help("write it without quotes") } else { error });
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Ok(Some(Located::new(number, value.span()))),
            _ => Err(Diagnostic::new(
                &value.span(),
                format!("`{key}` must be {} to {}", range.start(), range.end()),
            )),
        }
    }

    /// A list of whole numbers within `range`, if it is there.
    pub(crate) fn numbers(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Read<Option<Located<Vec<u64>>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let (least, most) = (range.start(), range.end());
        let wrong =
            || wrong_type(key, &format!("a list of numbers {least} to {most}"), &value.span());
        let list = value.get_ref().as_array().ok_or_else(wrong)?;
        let number = |item: &Spanned<DeValue<'_>>| {
            let number = item.get_ref().as_integer()?;
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
            number.filter(|number| range.contains(number))
        };
        let numbers: Option<Vec<u64>> = list.iter().map(number).collect();
        numbers.map(|numbers| Some(Located::new(numbers, value.span()))).ok_or_else(wrong)
    }

    /// A whole number that must be there.
    pub(crate) fn required_number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Read<Located<u64>> {
        self.number(key, range)?.ok_or_else(|| self.lacks(key))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Read<bool> {
        let Some(value) = self.value(key) else { return Ok(default) };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(wrong_type(key, "true or false", &value.span())),
        }
    }

    /// Pages of a size such as `"32K"`, at most `most`.
    pub(crate) fn pages(&self, key: &str, default: u64, most: u64) -> Read<u64> {
        let help = "write it as \"32K\" or \"4M\"";
        let Some(text) = self.quoted(key, help)? else { return Ok(default) };
        let Some(pages) = unit::pages(&text.value) else {
            let message = format!("`{key}` must be a size in multiples of 4 KiB");
            return Err(Diagnostic::new(&text.span, message).help(help));
        };
        if pages <= most {
            return Ok(pages);
        }
        Err(Diagnostic::new(&text.span, format!("`{key}` may be at most {}", unit::size(most))))
    }

    /// Nanoseconds of a time such as `"50ms"`, within `range`.
    pub(crate) fn time(&self, key: &str, default: u64, range: RangeInclusive<u64>) -> Read<u64> {
        let help = "write it as \"100us\", \"50ms\" or \"5s\"";
        let Some(text) = self.quoted(key, help)? else { return Ok(default) };
        let Some(time) = unit::nanoseconds(&text.value) else {
            let message = format!("`{key}` must be a time");
            return Err(Diagnostic::new(&text.span, message).help(help));
        };
        if range.contains(&time) {
            return Ok(time);
        }
        let (least, most) = (unit::time(*range.start()), unit::time(*range.end()));
        Err(Diagnostic::new(&text.span, format!("`{key}` must be {least} to {most}")))
    }

    /// One of the words of `table`, by its name.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(T, &'static str)],
    ) -> Read<Option<Located<T>>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match words.iter().find(|(_, word)| *word == text.value) {
            Some((value, _)) => Ok(Some(Located::new(*value, text.span))),
            None => Err(unknown_word(key, &text, words.iter().map(|(_, word)| *word))),
        }
    }

    /// The tables of an array, each with no other keys than `keys`.
    pub(crate) fn tables(
        &self,
        key: &str,
        what: &'static str,
        keys: &[&str],
    ) -> Read<Vec<Fields<'a>>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let DeValue::Array(array) = value.get_ref() else {
            return Err(wrong_type(key, "a list of tables", &value.span()));
        };
        let table = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::Table(table) => Fields::new(table, item.span(), what, keys),
            _ => Err(wrong_type(key, "a list of tables", &item.span())),
        };
        array.iter().map(table).collect()
    }

    /// A table that must be there, with no other keys than `keys`.
    pub(crate) fn table(&self, key: &str, keys: &[&str]) -> Read<Fields<'a>> {
        let missing = || self.lacks(key).help(format!("write [{key}] in a line of its own"));
        let value = self.value(key).ok_or_else(missing)?;
        match value.get_ref() {
            DeValue::Table(table) => Fields::new(table, value.span(), "the table [image]", keys),
            _ => Err(wrong_type(key, "a table", &value.span())),
        }
    }
}

fn wrong_type(key: &str, wanted: &str, span: &Range<usize>) -> Diagnostic {
    Diagnostic::new(span, format!("`{key}` must be {wanted}"))
}

fn unknown_key(key: &str, span: &Range<usize>, what: &str, keys: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(span, format!("unknown key `{key}` in {what}"));
    suggest(diagnostic, key, keys.iter().copied())
}

/// Complains that `text` is none of `words`.
pub(crate) fn unknown_word<'w>(
    key: &str,
    text: &Located<String>,
    words: impl Iterator<Item = &'w str>,
) -> Diagnostic {
    let message = format!("`{key}` cannot be \"{}\"", text.value);
    suggest(Diagnostic::new(&text.span, message), &text.value, words)
}

fn suggest<'w>(
    diagnostic: Diagnostic,
    word: &str,
    words: impl Iterator<Item = &'w str>,
) -> Diagnostic {
    let words: Vec<&str> = words.collect();
    match nearest(word, words.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if words.is_empty() => diagnostic,
        None => diagnostic.help(format!("known are: {}", words.join(", "))),
    }
}
