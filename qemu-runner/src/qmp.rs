//! A client for QEMU's machine protocol: events as they come, a few commands.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long QEMU may take to open the socket and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    messages: Receiver<Value>,
    events: Vec<Value>,
}

impl Client {
    /// Connects to the socket of a QEMU that was just started.
    ///
    /// # Errors
    /// It did not open its socket, or does not answer.
    pub fn connect(path: &Path) -> Result<Self> {
        let stream = connect(path)?;
        let lines = BufReader::new(stream.try_clone()?).lines();
        let (sender, messages) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or(Value::Null);
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut client = Self { stream, messages, events: Vec::new() };
        client.execute("qmp_capabilities", &json!({}))?;
        Ok(client)
    }

    /// Executes a command and gives what it returns.
    ///
    /// # Errors
    /// QEMU refuses it or does not answer.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream, "{request}")?;
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self
                .messages
                .recv_timeout(left)
                .with_context(|| format!("QEMU did not answer {command}"))?;
            if message.get("event").is_some() {
                self.events.push(message);
            } else if let Some(value) = message.get("return") {
                return Ok(value.clone());
            } else if let Some(error) = message.get("error") {
                bail!("QEMU refused {command}: {}", error["desc"]);
            }
        }
    }

    /// Types a line at the emulator's own monitor and gives what that says.
    ///
    /// # Errors
    /// As for [`Client::execute`].
    pub fn monitor(&mut self, line: &str) -> Result<String> {
        let said = self.execute("human-monitor-command", &json!({ "command-line": line }))?;
        Ok(said.as_str().unwrap_or_default().to_owned())
    }

    /// All events so far; with `end`, all until QEMU closes the connection or `end` has come.
    pub fn events(&mut self, end: Option<Instant>) -> &[Value] {
        let now = Instant::now();
        loop {
            let left = end.unwrap_or(now).saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(left) {
                Ok(message) if message.get("event").is_some() => self.events.push(message),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        &self.events
    }

    /// How often the machine has reset itself.
    pub fn resets(&mut self) -> usize {
        let reset = |event: &&Value| event["event"] == "RESET" && event["data"]["guest"] == true;
        self.events(None).iter().filter(reset).count()
    }

    /// Why the machine was switched off, in QEMU's words (`guest-shutdown`, `guest-reset`, …), if it was.
    pub fn shutdown_reason(&mut self, end: Instant) -> Option<String> {
        let events = self.events(Some(end));
        let shutdown = events.iter().find(|event| event["event"] == "SHUTDOWN")?;
        shutdown["data"]["reason"].as_str().map(str::to_owned)
    }
}

fn connect(path: &Path) -> Result<UnixStream> {
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() >= end => {
                return Err(error).context("QEMU did not open its control socket");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
