//! The command `qemu-runner` as a library: machines, sessions, verdicts.
