//! exactly: processes that do a known number of known things, for tests that count.
//!
//! ```text
//! exactly getppid COUNT THREADS   COUNT calls of getppid in all, spread over THREADS threads pinned to CPUs 0, 1, …
//! exactly files COUNT             COUNT times: open and close an existing file, fail to open a missing one
//! exactly read COUNT SIZE         COUNT reads of SIZE bytes from /dev/zero
//! exactly cost COUNT              prints nanoseconds per getppid of COUNT calls, a decimal number
//! exactly hang                    waits for a signal
//! ```
//!
//! Exit status 0: everything was done, and every result was what it must be; 1: a result was wrong; 2: bad usage.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let done = match words.as_slice() {
        ["getppid", count, threads] => number(count).zip(number(threads)).map(|(c, t)| getppid(c, t)),
        ["files", count] => number(count).map(files),
        ["read", count, size] => number(count).zip(number(size)).map(|(c, s)| read(c, s)),
        ["cost", count] => number(count).map(cost),
        ["hang"] => Some(hang()),
        _ => None,
    };
    match done {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(wrong)) => {
            eprintln!("exactly: {wrong}");
            ExitCode::from(1)
        }
        None => {
            eprintln!("usage: exactly getppid COUNT THREADS | files COUNT | read COUNT SIZE | cost COUNT | hang");
            ExitCode::from(2)
        }
    }
}

/// Pins the calling thread; if it cannot be, it runs where it is.
fn pin(cpu: usize) {
    // SAFETY: the set is plain integers, for which zero is a value, and lives through the calls.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu % libc::CPU_SETSIZE as usize, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

fn getppid(count: u64, threads: u64) -> Result<(), String> {
    if threads == 0 {
        return Err("no threads".into());
    }
    thread::scope(|scope| {
        for at in 0..threads {
            let share = count / threads + u64::from(at < count % threads);
            scope.spawn(move || {
                pin(at as usize);
                for _ in 0..share {
                    // SAFETY: no preconditions.
                    unsafe { libc::getppid() };
                }
            });
        }
    });
    Ok(())
}

fn files(count: u64) -> Result<(), String> {
    for at in 0..count {
        File::open("/proc/self/exe").map_err(|error| format!("round {at}: the existing file: {error}"))?;
        match File::open("/nonexistent/file") {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return Err(format!("round {at}: the missing file: {other:?}")),
        }
    }
    Ok(())
}

fn read(count: u64, size: u64) -> Result<(), String> {
    let mut zero = File::open("/dev/zero").map_err(|error| error.to_string())?;
    let mut buffer = vec![1u8; size as usize];
    for at in 0..count {
        let got = zero.read(&mut buffer).map_err(|error| format!("round {at}: {error}"))?;
        if got as u64 != size {
            return Err(format!("round {at}: {got} bytes"));
        }
    }
    Ok(())
}

fn cost(count: u64) -> Result<(), String> {
    let begin = Instant::now();
    for _ in 0..count {
        // SAFETY: no preconditions.
        unsafe { libc::getppid() };
    }
    println!("{:.1}", begin.elapsed().as_nanos() as f64 / count.max(1) as f64);
    Ok(())
}

fn hang() -> Result<(), String> {
    loop {
        // SAFETY: no preconditions.
        unsafe { libc::pause() };
    }
}
