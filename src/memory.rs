//! The allocator, what a process may take of memory and processor, and what memory must not hold any longer: secrets of the environment.
//!
//! The one room with `unsafe`: the name of a setting that the allocator reads, writing over the environment while there is one thread, and telling the
//! system which pages of the program are not needed now.

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

/// Gives back the pages of the program itself that have been read so far, most of them to start: what is needed again comes back from the file, in
/// microseconds. Gives their address space in bytes; 0 where the system does not tell.
pub fn forget_the_start() -> usize {
    let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let unwritten = maps.lines().filter_map(|line| unwritten(line, &program.to_string_lossy()));
    let given_back = unwritten.filter(|range| {
        // SAFETY: these are pages of our own program's file that nothing can have written to: its code, and what comes before it, which the
        // loader maps for reading only. The system reads them from the file again, which cannot be written to while it runs.
        #[allow(unsafe_code)]
        let answer = unsafe { libc::madvise(std::ptr::without_provenance_mut(range.start), range.len(), libc::MADV_DONTNEED) };
        answer == 0
    });
    given_back.map(|range| range.len()).sum()
}

/// The addresses of a line of `/proc/self/maps` that is code of the program or the beginning of its file. What else of it may only be read was
/// written to by the loader before, and is lost when it is given back.
fn unwritten(line: &str, program: &str) -> Option<std::ops::Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (range, rights, offset, path) = (fields.next()?, fields.next()?, fields.next()?, fields.nth(2)?);
    let is_file = path == program && !program.is_empty();
    let is_unwritten = rights == "r-xp" || (rights == "r--p" && offset.bytes().all(|digit| digit == b'0'));
    let (start, end) = range.split_once('-').filter(|_| is_file && is_unwritten)?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_allocator_takes_its_settings() {
        // jemalloc adds one for large allocations
        assert_eq!(tikv_jemalloc_ctl::arenas::narenas::read().unwrap(), 2);
        assert!(tikv_jemalloc_ctl::background_thread::read().unwrap());
    }

    #[test]
    fn code_and_the_beginning_of_the_file_are_given_back_and_the_rest_is_kept() {
        let of = |line: &str| unwritten(line, "/bin/t");
        assert_eq!(of("1000-3000 r-xp 00002000 08:01 12   /bin/t"), Some(0x1000..0x3000));
        assert_eq!(of("0-1000 r--p 00000000 08:01 12   /bin/t"), Some(0..0x1000));
        for kept in [
            "3000-4000 r--p 00004000 08:01 12   /bin/t",
            "4000-5000 rw-p 00005000 08:01 12   /bin/t",
            "1000-3000 r-xp 00002000 08:01 12   /lib/libc.so.6",
            "6000-7000 rw-p 00000000 00:00 0",
            "",
        ] {
            assert_eq!(of(kept), None, "{kept}");
        }
    }

    #[test]
    fn the_program_goes_on_after_its_pages_were_given_back() {
        assert!(0 < forget_the_start());
        let texts: Vec<Box<dyn std::fmt::Display>> = vec![Box::new(1), Box::new("a"), Box::new(2.5)];
        assert_eq!(texts.iter().map(ToString::to_string).collect::<String>(), "1a2.5");
    }
}
