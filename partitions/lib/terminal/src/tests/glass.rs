//! A terminal of a few rows, as far as the editor uses one; wraps late, as xterm does.

use unicode_width::UnicodeWidthChar;

pub struct Glass {
    columns: usize,
    rows: Vec<Vec<Option<char>>>,
    pub row: usize,
    pub column: usize,
    wrap_next: bool,
    sequence: Option<String>,
}

impl Glass {
    pub fn new(columns: usize) -> Self {
        let rows = vec![vec![None; columns]];
        Self { columns, rows, row: 0, column: 0, wrap_next: false, sequence: None }
    }

    pub fn show(&mut self, text: &str) {
        for character in text.chars() {
            match self.sequence.take() {
                Some(sequence) => self.sequence_goes_on(sequence, character),
                None => self.plain(character),
            }
        }
    }

    /// What stands from this row on, trailing blanks and blank rows left out.
    pub fn text_from(&self, row: usize) -> String {
        let rows: Vec<String> = self.rows[row..]
            .iter()
            .map(|row| row.iter().flatten().collect::<String>().trim_end().into())
            .collect();
        rows.join("\n").trim_end().into()
    }

    fn plain(&mut self, character: char) {
        match character {
            '\r' => (self.column, self.wrap_next) = (0, false),
            '\n' => self.line_feed(),
            '\x08' => (self.column, self.wrap_next) = (self.column.saturating_sub(1), false),
            '\x07' => {}
            '\x1b' => self.sequence = Some(String::new()),
            _ => self.put(character),
        }
    }

    fn put(&mut self, character: char) {
        let width = character.width().expect("no control is shown");
        if width == 0 {
            return;
        }
        if self.wrap_next || self.column + width > self.columns {
            self.column = 0;
            self.line_feed();
        }
        self.rows[self.row][self.column] = Some(character);
        for hidden in 1..width {
            self.rows[self.row][self.column + hidden] = None;
        }
        self.column += width;
        if self.column == self.columns {
            (self.column, self.wrap_next) = (self.columns - 1, true);
        }
    }

    fn line_feed(&mut self) {
        self.wrap_next = false;
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(vec![None; self.columns]);
        }
    }

    fn sequence_goes_on(&mut self, mut sequence: String, character: char) {
        sequence.push(character);
        if sequence.len() > 1 && character.is_ascii_alphabetic() {
            self.perform(&sequence);
        } else {
            self.sequence = Some(sequence);
        }
    }

    fn perform(&mut self, sequence: &str) {
        self.wrap_next = false;
        let count: usize = sequence[1..sequence.len() - 1].parse().unwrap_or(1);
        match sequence {
            "[J" => self.erase_below(),
            "[2J" => self.rows.iter_mut().for_each(|row| row.fill(None)),
            "[H" => (self.row, self.column) = (0, 0),
            _ if sequence.ends_with('A') => self.row = self.row.checked_sub(count).expect("a row"),
            _ if sequence.ends_with('B') => self.row += count,
            _ if sequence.ends_with('C') => self.column += count,
            _ => panic!("{sequence:?}"),
        }
        assert!(self.row < self.rows.len() && self.column < self.columns, "{sequence:?}");
    }

    fn erase_below(&mut self) {
        self.rows[self.row][self.column..].fill(None);
        self.rows[self.row + 1..].iter_mut().for_each(|row| row.fill(None));
    }
}
