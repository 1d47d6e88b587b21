//! A command that is run and measured. To the command, to the terminal and to whoever started us it is as if we were not there: same session,
//! process group, terminal and descriptors; signals that only we get are passed on; we stop when it stops; our exit code is its own.
//!
//! What it has started is ours to wait for, wherever its parents have gone (we are a subreaper), so the kernel adds the time of each of them,
//! however short it lived, to the time of our children.

mod spawn;

use std::ffi::OsString;
use std::io::Error as IoError;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use rustix::process::{Pid, PidfdFlags, WaitOptions};

use crate::gpu::Gpus;
use crate::meter::{Ended, Measured, Meter};
use crate::tree::{Root, Stat};

/// What we get and the command should have got. `SIGCHLD` is ours.
const PASSED_ON: [Signal; 13] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
    Signal::SIGCONT,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGURG,
];

/// `si_code` of a signal that the kernel itself has sent, such as a terminal's to all of its foreground.
const SENT_BY_KERNEL: i32 = 0x80;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no process {0}")]
    NoProcess(u32),
    #[error("process {0} is this one, or one that it stands on; it cannot be measured")]
    Itself(u32),
    #[error("the system refused {what}")]
    Refused {
        what: &'static str,
        #[source]
        source: IoError,
    },
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(u8),
    /// By a signal of this number.
    Killed(i32),
    /// It was never started; the exit code that shells have for it, and why.
    NotStarted(u8, String),
    /// A process of somebody else's: how it ended is known to its parent only.
    Unknown,
    /// It goes on, and nobody wants to know any more.
    Left,
}

/// A command that has been run.
#[derive(Clone, Debug)]
pub struct Run {
    pub ending: Ending,
    pub measured: Measured,
    /// Processes it has started and left behind, which go on. Their time up to its end is counted.
    pub left_running: usize,
}

impl Ending {
    /// As shells have it: the command's own, or 128 and the number of the signal.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exited(code) | Self::NotStarted(code, _) => *code,
            Self::Killed(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            Self::Unknown | Self::Left => 0,
        }
    }

    /// Why it failed; `None` if it did not.
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Exited(0) | Self::Unknown | Self::Left => None,
            Self::Exited(code) => Some(format!("exit code {code}")),
            Self::Killed(signal) => {
                let name = Signal::try_from(*signal).map_or("no name", Signal::as_str);
                Some(format!("killed by signal {signal} ({name})"))
            }
            Self::NotStarted(_, why) => Some(why.clone()),
        }
    }
}

/// A command that has been started, or could not be: [`Running::to_end`] says which.
pub struct Running {
    child: Result<Pid, Ending>,
    meter: Meter,
    gpus: Receiver<Gpus>,
    /// Of children before this one.
    used_before: Duration,
    /// Our own, in kB. A child begins as our image, so up to this its own says nothing of it.
    own_high_water: i64,
}

/// Starts a command. Nothing that can wait is done before it, and the thread that calls it is the process's first: what the command leaves behind
/// becomes a child of that.
///
/// * `signals`: taken before there was a second thread.
/// * `command`: program and arguments; at least the program.
/// * `around_spawn`: does what has to be done around the moment in which the process is made, and makes it by calling what it is given.
///
/// Errors: the system refuses what measuring takes. A command that cannot be started is an [`Ending`].
pub fn start(signals: &Signals, command: &[OsString], around_spawn: impl FnOnce(&mut dyn FnMut())) -> Result<Running, Error> {
    nix::sys::prctl::set_child_subreaper(true).map_err(refused("adopting what the command leaves behind"))?;
    let used_before = children_usage().0;
    let meter = Meter::new(Root::ChildrenOf(std::process::id()), Gpus::none());
    let mut child = None;
    around_spawn(&mut || child = Some(spawn::command(command, signals.mask_before)));
    let child = child.expect("whoever is around the spawn calls it");
    let own_high_water = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss());
    Ok(Running { child, meter, gpus: open_gpus(), used_before, own_high_water })
}

impl Running {
    /// Measures the command until it ends.
    ///
    /// * `wait_for_all`: what it has started and left behind belongs to it, and is waited for.
    /// * `looked`: called after each look with what it has cost so far.
    ///
    /// Errors: the system refuses to wait.
    pub fn to_end(self, signals: &Signals, wait_for_all: bool, mut looked: impl FnMut(&Measured)) -> Result<Run, Error> {
        let Self { child, mut meter, gpus, used_before, own_high_water } = self;
        let child = match child {
            Ok(child) => child,
            Err(ending) => return Ok(Run { ending, measured: meter.so_far(), left_running: 0 }),
        };
        let ended = || {
            let (used, high_water) = children_usage();
            let high_water_bytes = if own_high_water < high_water { high_water as u64 * 1_024 } else { 0 };
            Ended { used: used.saturating_sub(used_before), high_water_bytes }
        };
        let mut ending = None;
        loop {
            reap(child, &mut ending);
            if ending.is_some() && !(wait_for_all && meter.has_members()) {
                break;
            }
            if let Ok(gpus) = gpus.try_recv() {
                meter.use_gpus(gpus);
            }
            if meter.due() <= Instant::now() {
                meter.look(ended());
                looked(&meter.so_far());
                continue;
            }
            wait_for(meter.due(), &mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)])?;
            while let Some(signal) = signals.next() {
                pass_on(&signal, child);
            }
        }
        let left_running = meter.look(ended());
        Ok(Run { ending: ending.expect("the loop ends with the command"), measured: meter.so_far(), left_running })
    }
}

/// Measures a process that somebody else has started, and what it has started, until it ends or we are told to stop.
///
/// Errors: there is no such process.
pub fn attach(signals: &Signals, pid: u32, mut looked: impl FnMut(&Measured)) -> Result<Run, Error> {
    let missing = || Error::NoProcess(pid);
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(missing)?;
    if is_ancestor(pid, std::process::id()) {
        return Err(Error::Itself(pid));
    }
    let handle = rustix::process::pidfd_open(process, PidfdFlags::empty()).map_err(|_| missing())?;
    if Stat::of(pid).is_none_or(|stat| stat.has_ended()) {
        return Err(missing());
    }
    let gpus = open_gpus();
    let mut meter = Meter::new(Root::Process(pid), Gpus::none());
    let stopping = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].map(|signal| signal as u32);
    let ending = loop {
        if let Ok(gpus) = gpus.try_recv() {
            meter.use_gpus(gpus);
        }
        let mut watched = [PollFd::new(handle.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        wait_for(meter.due(), &mut watched)?;
        let has_ended = watched[0].any() == Some(true);
        if has_ended || meter.due() <= Instant::now() {
            meter.look(Ended::default());
            looked(&meter.so_far());
        }
        if has_ended {
            break Ending::Unknown;
        }
        if std::iter::from_fn(|| signals.next()).any(|signal| stopping.contains(&signal.ssi_signo)) {
            break Ending::Left;
        }
    };
    Ok(Run { ending, measured: meter.so_far(), left_running: 0 })
}

/// Signals that are ours, as a descriptor to wait on. They are blocked meanwhile.
pub struct Signals {
    descriptor: SignalFd,
    /// What whoever started us has blocked: the command begins with that.
    mask_before: SigSet,
}

impl Signals {
    /// To be taken before there is a second thread: one that does not block a signal would be ended by it, and all of us with it. What whoever
    /// started us has ignored stays ignored, by us and by the command.
    ///
    /// Errors: the system refuses it.
    pub fn take() -> Result<Self, Error> {
        let ignored = ignored_signals();
        let is_ignored = |signal: Signal| ignored & (1 << (signal as u32 - 1)) != 0;
        if is_ignored(Signal::SIGCHLD) {
            hear_of_children()?;
        }
        let ours = PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal)).chain([Signal::SIGCHLD]);
        let set: SigSet = ours.collect();
        let mask_before = SigSet::thread_get_mask().map_err(refused("the mask of signals"))?;
        set.thread_block().map_err(refused("blocking signals"))?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
        Ok(Self { descriptor: descriptor.map_err(refused("signals as a descriptor"))?, mask_before })
    }

    fn next(&self) -> Option<siginfo> {
        self.descriptor.read_signal().ok().flatten()
    }
}

/// The signals that are ignored, a bit each, from the first.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Where `SIGCHLD` is ignored the kernel waits for children itself, and nobody learns how they ended.
#[allow(unsafe_code)]
fn hear_of_children() -> Result<(), Error> {
    // SAFETY: `signal` is unsafe because a handler runs between any two instructions; the default action is no handler, so nothing of ours runs.
    let set = unsafe { nix::sys::signal::signal(Signal::SIGCHLD, nix::sys::signal::SigHandler::SigDfl) };
    set.map(drop).map_err(refused("hearing of children"))
}

fn refused<E: Into<IoError>>(what: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Refused { what, source: source.into() }
}

/// The driver's library may take long to open, so a thread does it.
fn open_gpus() -> Receiver<Gpus> {
    let (sender, receiver) = channel();
    let open = move || {
        let (gpus, _why_none) = Gpus::open();
        // whoever asked may have ended meanwhile
        let _ = sender.send(gpus);
    };
    // without a thread there are no figures of GPUs, as where there is no GPU
    let _ = std::thread::Builder::new().name("gpus".into()).spawn(open);
    receiver
}

/// Processor time of all children that were waited for, by us or by those of ours that were; and the largest resident set of one, in kB.
fn children_usage() -> (Duration, i64) {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return (Duration::ZERO, 0) };
    let time = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    (time(usage.user_time()) + time(usage.system_time()), usage.max_rss())
}

/// Waits for all that has ended, and stops with the command where it has been stopped.
fn reap(child: Pid, ending: &mut Option<Ending>) {
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
        if pid != child {
            continue;
        }
        if let Some(code) = status.exit_status() {
            *ending = Some(Ending::Exited(code as u8));
        } else if let Some(signal) = status.terminating_signal() {
            *ending = Some(Ending::Killed(signal));
        } else if let Some(signal) = status.stopping_signal() {
            stop_too(signal);
        }
    }
}

/// A shell sees us and not the command, so it has to see us stopped. A command that somebody has stopped by `SIGSTOP` where no shell
/// looks on a terminal would never be continued through us.
fn stop_too(signal: i32) {
    let by_terminal = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU].map(|signal| signal as i32);
    let in_foreground = || {
        let terminal = std::fs::File::open("/dev/tty").ok()?;
        let group = rustix::termios::tcgetpgrp(&terminal).ok()?;
        Some(group == rustix::process::getpgrp())
    };
    if by_terminal.contains(&signal) || in_foreground() == Some(true) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
}

/// Gives the command a signal that only we have got. The terminal's own go to its whole foreground, the command included.
fn pass_on(signal: &siginfo, child: Pid) {
    let Ok(kind) = Signal::try_from(signal.ssi_signo as i32) else { return };
    let by_kernel = signal.ssi_code == SENT_BY_KERNEL;
    let ours_alone = match kind {
        Signal::SIGCHLD => false,
        // the shell continues the whole group; only who continues us alone means the command, too
        Signal::SIGCONT => Stat::of(child.as_raw_pid() as u32).is_some_and(|stat| stat.state == 'T'),
        // a terminal that is gone tells the leader of its session first
        Signal::SIGHUP if by_kernel => rustix::process::getsid(None).ok() == Some(rustix::process::getpid()),
        _ if by_kernel => false,
        // the command has told its own group, with us in it
        _ => !is_ancestor(child.as_raw_pid() as u32, signal.ssi_pid),
    };
    if ours_alone {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.as_raw_pid()), kind);
    }
}

/// Whether `pid` is `ancestor` or one of those that it has started.
fn is_ancestor(ancestor: u32, pid: u32) -> bool {
    let parents = std::iter::successors(Some(pid), |pid| Stat::of(*pid).map(|stat| stat.parent).filter(|parent| *parent != 0));
    parents.take(1_000).any(|pid| pid == ancestor)
}

/// Waits until one of `watched` has something to tell, or it is `due`.
fn wait_for(due: Instant, watched: &mut [PollFd<'_>]) -> Result<(), Error> {
    let left = due.saturating_duration_since(Instant::now());
    // rounded up, or the last part of a millisecond is spent in turns
    let timeout = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
    match poll(watched, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(source) => Err(Error::Refused { what: "waiting", source: source.into() }),
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
