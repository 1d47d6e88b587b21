//! The allocator, what a process may take of memory and processor, and what memory must not hold any longer: secrets of the environment.
//!
//! The one room with `unsafe`: the name of a setting that the allocator reads, and writing over the environment while there is one thread.

use std::ffi::CString;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zeroize::Zeroize;

/// glibc's allocator looks long for room once the rows of thousands of models have come and gone, and keeps free pages in the middle of its arenas.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One arena, since one thread allocates most; small caches of each thread; free pages go back within half a second. With jemalloc's own settings the
/// demo takes half as much memory again.
#[cfg(unix)]
const SETTINGS: &[u8; 86] = b"narenas:1,lg_tcache_max:12,dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true\0";

// SAFETY: jemalloc reads the C string behind this name once, before the first allocation: it ends with a zero and is never written to. Nothing else
// has the name, which begins with the prefix that jemalloc is built with.
#[cfg(unix)]
#[allow(unsafe_code)]
#[used]
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS_READ: &[u8; 86] = SETTINGS;

/// What whoever started us allows of core dumps.
static CORE_DUMPS: OnceLock<Rlimit> = OnceLock::new();

/// Has no core dump written if this process crashes: it would hold the tokens.
pub fn forbid_core_dumps() {
    let allowed = CORE_DUMPS.get_or_init(|| getrlimit(Resource::Core));
    // where it cannot be forbidden it was forbidden before
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: allowed.maximum });
}

/// As [`forbid_core_dumps`], and neither this process nor a child of it can allow it again.
pub fn forbid_core_dumps_for_good() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Makes a child that may write what whoever started us allows.
pub fn with_core_dumps_of_the_caller(make: impl FnOnce()) {
    if let Some(allowed) = CORE_DUMPS.get() {
        let _ = setrlimit(Resource::Core, *allowed);
    }
    make();
    forbid_core_dumps();
}

/// Has this process wait for others where both want the processor.
pub fn lower_priority() {
    // where it cannot be lowered it is not lowered: the work is the same
    let _ = rustix::process::nice(10);
}

/// Bounds the memory of this process: what asks for more ends it.
pub fn limit(bytes: u64) {
    let most = rustix::process::Rlimit { current: Some(bytes), maximum: Some(bytes) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Data, most);
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

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn the_allocator_takes_its_settings() {
        // jemalloc adds one for large allocations
        assert_eq!(tikv_jemalloc_ctl::arenas::narenas::read().unwrap(), 2);
        assert!(tikv_jemalloc_ctl::background_thread::read().unwrap());
    }
}
