//! A command in a process group of its own: fed, read, and killed with its children.
//!
//! The group is killed before its leader is reaped, so its number cannot belong to anybody else then: a child that has ended
//! and was not waited for keeps its number. Children that moved to another group or session are out of reach; the
//! leader is not, as it is killed by itself too.

use crate::manager::cancel::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often to look where the system has no handles of processes (Linux before 5.3).
const TICK: Duration = Duration::from_millis(10);
/// Read at once.
const CHUNK: usize = 16 * 1024;
/// What is still read when the group is dead: far more than a pipe holds.
const MAX_REST: usize = 1 << 20;

/// Where a piece of output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    Exited(ExitStatus),
    TimedOut,
    Cancelled,
}

/// A running command.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    handle: Option<OwnedFd>,
    is_reaped: bool,
}

impl Group {
    /// Starts a command whose standard input is written to, or empty.
    pub(super) fn spawn(command: &mut Command, has_input: bool) -> io::Result<Self> {
        let input = if has_input {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let child = command
            .process_group(0)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut group = Group {
            child,
            handle: None,
            is_reaped: false,
        };
        // From here on dropping it kills and reaps.
        group.handle = pidfd_open(group.id(), PidfdFlags::empty()).ok();
        let Child {
            stdin,
            stdout,
            stderr,
            ..
        } = &group.child;
        stdin
            .as_ref()
            .map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        stdout
            .as_ref()
            .map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        stderr
            .as_ref()
            .map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        Ok(group)
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Writes the input and gives out the output until the command ends, the time is up or it is cancelled; then kills what is
    /// left of its group and reaps it.
    pub(super) fn run(
        mut self,
        mut input: &[u8],
        deadline: Option<Instant>,
        cancel: &Cancel,
        mut output: impl FnMut(Stream, &[u8]),
    ) -> io::Result<End> {
        let end = loop {
            if input.is_empty() {
                // The command sees the end of its input.
                self.child.stdin = None;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                break Some(End::TimedOut);
            }
            if cancel.is_cancelled() {
                break Some(End::Cancelled);
            }
            if self.has_ended()? {
                break None;
            }
            self.wait(cancel, deadline.map(|deadline| deadline - now))?;
            if let Some(pipe) = &mut self.child.stdin {
                match pipe.write(input) {
                    Ok(written) => input = &input[written..],
                    Err(error) if is_later(&error) => {}
                    // It does not want to read on, which is its own business.
                    Err(_) => input = &[],
                }
            }
            self.read(&mut output)?;
        };
        self.kill();
        let mut rest = MAX_REST;
        while rest > 0 {
            match self.read(&mut output)? {
                0 => break,
                bytes => rest = rest.saturating_sub(bytes),
            }
        }
        let status = self.reap()?;
        Ok(end.unwrap_or(End::Exited(status)))
    }

    /// Sleeps until there is something to do.
    fn wait(&self, cancel: &Cancel, left: Option<Duration>) -> io::Result<()> {
        let Child {
            stdin,
            stdout,
            stderr,
            ..
        } = &self.child;
        let reading = [
            Some(cancel.reader().as_fd()),
            self.handle.as_ref().map(AsFd::as_fd),
            stdout.as_ref().map(AsFd::as_fd),
            stderr.as_ref().map(AsFd::as_fd),
        ];
        let mut files: Vec<PollFd<'_>> = (reading.into_iter().flatten())
            .map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN))
            .collect();
        files.extend(
            stdin
                .as_ref()
                .map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::OUT)),
        );
        let left = match self.handle {
            Some(_) => left,
            None => Some(left.unwrap_or(TICK).min(TICK)),
        };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut files, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what there is, a chunk of each; says how much. A pipe at its end is closed.
    fn read(&mut self, output: &mut impl FnMut(Stream, &[u8])) -> io::Result<usize> {
        let out = take(&mut self.child.stdout, |bytes| output(Stream::Out, bytes))?;
        let err = take(&mut self.child.stderr, |bytes| output(Stream::Err, bytes))?;
        Ok(out + err)
    }

    /// Without reaping it.
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.id()), options) {
                Ok(status) => return Ok(status.is_some()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn kill(&mut self) {
        // One that moved to another group would be waited for without end.
        let _ = self.child.kill();
        // No such group: the command ended before it had children.
        if let Err(error) = kill_process_group(self.id(), Signal::KILL)
            && error != Errno::SRCH
        {
            tracing::warn!(group = %self.child.id(), %error, "a process group cannot be killed");
        }
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.is_reaped = true;
        self.child.wait()
    }
}

impl Drop for Group {
    /// After an error on the way.
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            let _ = self.reap();
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn take(pipe: &mut Option<impl Read>, mut give: impl FnMut(&[u8])) -> io::Result<usize> {
    let Some(open) = pipe else { return Ok(0) };
    let mut chunk = [0; CHUNK];
    match open.read(&mut chunk) {
        Ok(0) => *pipe = None,
        Ok(bytes) => {
            give(&chunk[..bytes]);
            return Ok(bytes);
        }
        Err(error) if is_later(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(0)
}
