//! The service against clients that mean harm, and against a port in software.
// covers: IO-4

mod clients;
mod hostile;
mod keyboard;
mod pixels;
mod port;
mod screen;
mod whole;
