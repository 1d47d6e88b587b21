//! The binary: hands its arguments to the command line and its end to the exit code.
#![forbid(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tidewatch::cli::main()
}
