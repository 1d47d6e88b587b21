//! What the allocator holds though nobody uses it. glibc gives each thread an arena of its own, and keeps whole pages that are free in
//! the middle of one: with the demo some 20 MB of 80. Elsewhere than on glibc nothing here does anything.
//!
//! And what it must not hold any longer: secrets of the environment.
//!
//! The one room with `unsafe`: calls of the C library that take a number, and writing over the environment while there is one thread.

use std::ffi::CString;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use zeroize::Zeroize;

/// Between two rounds of giving free pages back. What is needed again has to be faulted in again.
const INTERVAL: Duration = Duration::from_secs(10);

/// As many hold as much as one for each core, in some ten megabytes less.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// Bounds the arenas of this process, unless `MALLOC_ARENA_MAX` says how many there may be. To be called before there is a second thread.
pub fn bound_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: mallopt(3) takes two numbers and no pointer. It is safe as long as no other thread sets options, and there is none yet;
        // a value that it does not know changes nothing.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        }
    }
}

/// Has no core dump written if this process crashes: it would hold the tokens.
pub fn forbid_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // where it cannot be forbidden it was forbidden before
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

/// Writes zeros over the values of these variables of the environment, which are empty from then on: no child inherits them, and a dump of the
/// memory does not hold them. To be called before there is a second thread.
pub fn wipe_environment(names: impl IntoIterator<Item = String>) {
    for name in names.into_iter().filter_map(|name| CString::new(name).ok()) {
        // SAFETY: getenv(3) takes a C string and gives null or a C string of the environment, which may be written to up to its end; no
        // other thread reads or changes the environment meanwhile, because there is none.
        #[allow(unsafe_code)]
        unsafe {
            let value = libc::getenv(name.as_ptr());
            if !value.is_null() {
                std::slice::from_raw_parts_mut(value.cast::<u8>(), libc::strlen(value)).zeroize();
            }
        }
    }
}

/// Gives free pages back until `stop` is cancelled.
pub async fn give_back_free_pages(stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // both branches are cancel-safe: a token and a timer
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        if tokio::task::spawn_blocking(give_back).await.is_err() {
            return;
        }
    }
}

/// Gives back the pages that hold nothing.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim(3) takes a number and no pointer, may be called from any thread (it locks each arena), and gives back only
        // pages that hold no allocation.
        #[allow(unsafe_code)]
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
