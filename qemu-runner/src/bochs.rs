//! Bochs: an independent and stricter machine, which boots the hybrid image through its BIOS without a window.
//!
//! It connects its first serial port to a socket of ours. Its own debugger is compiled in, so it is
//! told to go on, and to leave at the end.

use crate::exec::Answer;
use crate::images::Artifacts;
use crate::machine::installed;
use crate::marks::{Piece, Splitter};
use anyhow::{Context as _, Result, bail};
use std::collections::VecDeque;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The emulator, with its debugger.
const PROGRAM: &str = "bochs-bin";
const BIOS: &str = "/usr/share/bochs/BIOS-bochs-latest";
const VIDEO_BIOS: &str = "/usr/share/vgabios/vgabios.bin";
/// Bytes of the log that an error shows.
const TAIL: usize = 800;
/// How long one look at the serial port takes.
const TICK: Duration = Duration::from_millis(100);

/// What is missing to use it; `None` if nothing is.
#[must_use]
pub fn missing() -> Option<&'static str> {
    let files = [(BIOS, "bochsbios"), (VIDEO_BIOS, "vgabios")];
    if !installed(PROGRAM) {
        return Some("bochs and bochs-term");
    }
    files.into_iter().find(|(file, _)| !Path::new(file).exists()).map(|(_, package)| package)
}

/// A running machine. Dropped, it is ended the hard way.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    serial: TcpStream,
    splitter: Splitter,
    pieces: VecDeque<Piece>,
    transcript: String,
    folder: TempDir,
}

impl Machine {
    /// Starts a machine with this processor model, in Bochs' words, and so many processors.
    ///
    /// # Errors
    /// Bochs is not there or does not start.
    pub fn start(artifacts: &Artifacts, model: &str, processors: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("rc"), configuration(&artifacts.iso(), model, processors, port))?;
        fs::write(file("commands"), "c\nq\n")?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", PROGRAM, "-q", "-f", "rc", "-rc", "commands"])
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context(PROGRAM)?;
        let serial = accept(&listener, &mut child)
            .inspect_err(|_| drop(child.kill()))
            .with_context(|| log_tail(folder.path()))?;
        serial.set_read_timeout(Some(TICK))?;
        let (splitter, pieces) = (Splitter::default(), VecDeque::new());
        Ok(Self { child, serial, splitter, pieces, transcript: String::new(), folder })
    }

    /// Everything the machine has printed so far, without marks.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// Waits for the prompt, types `command`, and waits for its status; `None` if the machine ends first.
    ///
    /// # Errors
    /// It took longer than `patience`; the error shows what the machine and Bochs said.
    pub fn command(&mut self, command: &str, patience: Duration) -> Result<Answer> {
        let end = Instant::now() + patience;
        self.enter(command, patience)?;
        let from = self.transcript.len();
        let status = loop {
            match self.next(end)? {
                Some(Piece::Status(status)) => break Some(status),
                Some(_) => {}
                None => break None,
            }
        };
        let output = self.transcript.get(from..).unwrap_or_default().to_owned();
        Ok(Answer { command: command.to_owned(), output, status })
    }

    /// Waits for the prompt and types `command`.
    ///
    /// # Errors
    /// No prompt came within `patience`.
    pub fn enter(&mut self, command: &str, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        while self.next(end)? != Some(Piece::Prompt) {}
        Ok(self.serial.write_all(format!("{command}\r").as_bytes())?)
    }

    /// Waits until the machine has printed this.
    ///
    /// # Errors
    /// It has not after `patience`, or the machine ended.
    pub fn wait_text(&mut self, text: &str, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        while !self.transcript.contains(text) {
            if self.next(end)?.is_none() {
                bail!("the machine ended without saying '{text}'\n{}", self.transcript);
            }
        }
        Ok(())
    }

    /// Waits for the machine's end.
    ///
    /// # Errors
    /// It still runs after `patience`.
    pub fn finish(&mut self, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        while self.next(end)?.is_some() {}
        Ok(())
    }

    /// The next piece of output; `None` when the machine has ended.
    fn next(&mut self, end: Instant) -> Result<Option<Piece>> {
        let mut buffer = [0; 4096];
        while self.pieces.is_empty() {
            match self.serial.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => self.pieces.extend(self.splitter.feed(&buffer[..length])),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(_) if Instant::now() < end => {}
                Err(_) => bail!("nothing more came in time\n{}\n{}", self.transcript, self.log()),
            }
        }
        let piece = self.pieces.pop_front();
        if let Some(Piece::Text(bytes)) = &piece {
            self.transcript.push_str(&String::from_utf8_lossy(bytes).replace('\r', ""));
        }
        Ok(piece)
    }

    /// The last lines of Bochs' own log.
    #[must_use]
    pub fn log(&self) -> String {
        log_tail(self.folder.path())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Whether it had ended already does not matter.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until Bochs has connected its serial port.
fn accept(listener: &TcpListener, child: &mut Child) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false)?;
            return Ok(stream);
        }
        if let Some(status) = child.try_wait()? {
            bail!("{PROGRAM} ended at once, {status}");
        }
        thread::sleep(TICK);
    }
    bail!("{PROGRAM} did not connect its serial port")
}

fn log_tail(folder: &Path) -> String {
    let bytes = fs::read(folder.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned();
    format!("the end of Bochs' log:\n{log}")
}

/// What Bochs reads. A triple fault is an end and not a new start, and whatever a real processor would not do is fatal.
fn configuration(iso: &Path, model: &str, processors: u16, port: u16) -> String {
    format!(
        "\
cpu: model={model}, count={processors}:1:1, ips=10000000, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest=512, host=512
romimage: file={BIOS}
vgaromimage: file={VIDEO_BIOS}
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={}, status=inserted
boot: cdrom
clock: sync=none, time0=1700000000
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
display_library: term
panic: action=fatal
error: action=report
log: log
",
        iso.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_as_asked_for() {
        let text = configuration(Path::new("x.iso"), "ryzen", 4, 77);
        assert!(text.contains("model=ryzen, count=4:1:1"));
        assert!(text.contains("path=x.iso,"));
        assert!(text.contains("dev=127.0.0.1:77\n"));
    }
}
