//! The `dtrace` command.

fn main() -> std::process::ExitCode {
    dtrace_rs::cmd::main()
}
