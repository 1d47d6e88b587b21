//! The binary: hands its arguments to the command line and its end to the exit code.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    tidewatch::memory::forbid_core_dumps();
    tidewatch::cli::main()
}
