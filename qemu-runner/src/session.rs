//! A running machine: what it prints, what is typed at it, how it ends.

use crate::exec::QUIET;
use crate::images::Artifacts;
use crate::machine::{Debugger, Options, PROGRAM};
use crate::marks::{Piece, Splitter};
use crate::processors::Door;
use crate::qmp::Client;
use crate::symbols::Symbols;
use crate::verdict::{ANEW, End};
use abi::marks::PROMPT;
use anyhow::{Context as _, Error, Result, anyhow, bail};
use serde_json::json;
use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Lines of the transcript that an error shows.
const TAIL: usize = 25;
/// How long QEMU's own account of the end may take; the connection ends with QEMU, mostly at once.
const LAST_WORD: Duration = Duration::from_secs(20);
/// How long what a machine said before it reset itself may take to come.
const LATE: Duration = Duration::from_secs(2);
/// How often is looked whether the machine has reset itself.
const TICK: Duration = Duration::from_millis(100);

/// A running machine. Dropped, it is switched off the hard way.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    splitter: Splitter,
    symbols: Symbols,
    pieces: VecDeque<Piece>,
    transcript: String,
    control: Client,
    reboot: bool,
    /// Bytes that it has printed.
    printed: usize,
    asked: Asked,
    /// Processors that were stopped, and what keeps them so.
    failed: (Vec<u16>, Option<Door>),
    /// QEMU's own files; they go with the session.
    folder: TempDir,
}

/// The machine's last reset that was asked for: how many resets there had been, how often it had said that it starts anew, and what it had
/// printed.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    resets: usize,
    times: usize,
    printed: usize,
}

impl Session {
    /// Starts a machine.
    ///
    /// # Errors
    /// QEMU is missing, or refuses; it has said why.
    pub fn start(options: &Options, artifacts: &Artifacts, debugger: Debugger) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("control");
        let mut command = options.command(artifacts, &socket, debugger)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().context(PROGRAM)?;
        let output = reader(child.stdout.take().context("no pipe from QEMU")?);
        let control = Client::connect(&socket)
            .inspect_err(|_| drop(child.kill()))
            .context("QEMU did not start")?;
        Ok(Self {
            input: child.stdin.take(),
            child,
            output,
            splitter: Splitter::default(),
            symbols: Symbols::new(artifacts.symbols("")),
            pieces: VecDeque::new(),
            transcript: String::new(),
            control,
            reboot: options.reboot,
            printed: 0,
            asked: Asked::default(),
            failed: (Vec::new(), None),
            folder,
        })
    }

    /// Stops a processor in the middle of whatever it does, for as long as the session lasts or until [`Self::return_processors`].
    ///
    /// # Errors
    /// QEMU cannot do it.
    pub fn fail_processor(&mut self, processor: u16) -> Result<()> {
        self.stand_still()?;
        self.leave_out(processor)
    }

    /// The open door for debuggers.
    pub(crate) fn door(&mut self) -> Result<&mut Door> {
        self.failed.1.as_mut().context("no door for a debugger is open")
    }

    /// Opens the door, where it is not, and stops the machine.
    pub(crate) fn stand_still(&mut self) -> Result<&mut Door> {
        match &mut self.failed.1 {
            Some(door) => door.stop()?,
            none => *none = Some(Door::open(&mut self.control, self.folder.path())?),
        }
        self.door()
    }

    /// Lets the machine go on without a processor.
    pub(crate) fn leave_out(&mut self, processor: u16) -> Result<()> {
        self.failed.0.push(processor);
        let failed = self.failed.0.clone();
        self.door()?.go_on(&failed)
    }

    /// Lets all processors go on that were stopped.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn return_processors(&mut self) -> Result<()> {
        let Some(door) = &mut self.failed.1 else { return Ok(()) };
        door.stop()?;
        self.failed.0.clear();
        door.go_on(&[])
    }

    /// QEMU's control connection.
    pub const fn control(&mut self) -> &mut Client {
        &mut self.control
    }

    /// Everything the machine has printed so far, without marks.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// The last lines of the transcript, for errors.
    #[must_use]
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.transcript.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        format!("the machine's last lines:\n{tail}")
    }

    /// Types at the machine.
    ///
    /// # Errors
    /// The machine is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.input.as_mut().context("the machine's input is closed")?;
        input.write_all(bytes)?;
        Ok(input.flush()?)
    }

    /// The next piece of output: `None` if none came before `end`, `Some(None)` when the machine is gone.
    pub fn poll(&mut self, end: Instant) -> Option<Option<Piece>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                self.note(&piece);
                return Some(Some(piece));
            }
            // It is ended here and not by QEMU, which would take a reset that follows on switching off for the cause of the end.
            if self.has_crashed() {
                drop(self.child.kill());
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left.min(TICK)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => return Some(None),
                Err(RecvTimeoutError::Timeout) if left <= TICK => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Whether the machine has reset itself without having said that it would, and that is an end.
    fn has_crashed(&mut self) -> bool {
        if self.reboot || self.control.resets() == self.asked.resets {
            return false;
        }
        // What it said before that may still be on its way.
        drop(self.control.execute("stop", &json!({})));
        let end = Instant::now() + LATE;
        while !self.was_asked() && Instant::now() < end {
            match self.output.recv_timeout(TICK) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let asked = self.was_asked();
        if asked {
            let (resets, times) = (self.control.resets(), self.times_asked());
            self.asked = Asked { resets, times, printed: self.printed };
            drop(self.control.execute("cont", &json!({})));
        }
        !asked
    }

    /// Whether it said that it starts anew since it last did, or has done nothing since: it tries more than one way to reset itself.
    fn was_asked(&self) -> bool {
        let again = self.asked.times > 0 && self.printed == self.asked.printed;
        again || self.times_asked() > self.asked.times
    }

    /// How often the machine said that it starts anew, in what was shown and in what is to be.
    fn times_asked(&self) -> usize {
        let waiting = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        });
        let all = self.transcript.clone() + &waiting.collect::<String>();
        all.matches(ANEW).count()
    }

    /// Splits what came into pieces, and says where the addresses of back traces are.
    fn take(&mut self, bytes: &[u8]) {
        self.printed += bytes.len();
        for piece in self.splitter.feed(bytes) {
            self.pieces.push_back(match piece {
                Piece::Text(text) => Piece::Text(self.symbols.annotate(&text)),
                mark => mark,
            });
        }
    }

    /// The next piece of output; `None` when the machine is gone.
    ///
    /// # Errors
    /// Nothing came before `end`.
    pub fn next(&mut self, end: Instant) -> Result<Option<Piece>> {
        self.poll(end).ok_or_else(|| self.late())
    }

    /// Why it was waited for nothing.
    pub(crate) fn late(&self) -> Error {
        anyhow!("nothing more came in time; {}", self.tail())
    }

    /// Lines end in one byte in the transcript, whatever the machine sends.
    fn note(&mut self, piece: &Piece) {
        if let Piece::Text(bytes) = piece {
            self.transcript.push_str(&String::from_utf8_lossy(bytes).replace('\r', ""));
        }
    }

    /// Waits for a prompt. Where there was one before, another is asked for that stands at the end: its mark may be torn, or somebody took it
    /// who waited for something else, and words of others may have come after it.
    ///
    /// # Errors
    /// None came within `patience`, or the machine ended.
    pub fn wait_prompt(&mut self, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            match self.poll(end.min(Instant::now() + QUIET)) {
                Some(Some(Piece::Prompt)) => return Ok(()),
                Some(Some(_)) => {}
                Some(None) => bail!("the machine ended before its prompt came; {}", self.tail()),
                None if Instant::now() >= end => return Err(self.late().context("no prompt came")),
                None if self.transcript.contains(PROMPT) => self.send(b"\r")?,
                None => {}
            }
        }
    }

    /// Waits until the transcript from byte `from` on contains `text`, and gives where it ends.
    ///
    /// # Errors
    /// It did not come within `patience`, or the machine ended.
    pub fn wait_text(&mut self, from: usize, text: &str, patience: Duration) -> Result<usize> {
        let end = Instant::now() + patience;
        loop {
            let seen = self.transcript.get(from..).unwrap_or("");
            if let Some(index) = seen.find(text) {
                return Ok(from + index + text.len());
            }
            match self.next(end).with_context(|| format!("\"{text}\" did not come"))? {
                Some(_) => {}
                None => bail!("the machine ended before it printed \"{text}\"; {}", self.tail()),
            }
        }
    }

    /// Waits for the machine's end.
    ///
    /// # Errors
    /// It still runs after `patience`.
    pub fn finish(&mut self, patience: Duration) -> Result<End> {
        let end = Instant::now() + patience;
        while self.next(end).context("the machine did not end")?.is_some() {}
        let reason = self.control.shutdown_reason(Instant::now() + LAST_WORD);
        let reset = self.has_crashed();
        let reason = reason.or_else(|| reset.then(|| "guest-reset".to_owned()));
        let status = self.child.wait()?;
        Ok(End::new(status.code(), reason, &self.transcript))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Whether it had ended already does not matter.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads everything in the background, so that the machine never waits for us.
fn reader(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}
