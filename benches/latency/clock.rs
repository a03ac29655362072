//! CPU clocks: of this thread, and of another process with or without one of
//! its threads.

use std::time::Instant;

/// Returns the CPU time of this thread, in milliseconds.
pub(crate) fn thread_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Returns the CPU time of all threads of a process and of its ledger, in
/// milliseconds, from the scheduler's own count.
pub(crate) fn process_ms(pid: u32) -> (f64, f64) {
    let (mut all, mut ledger) = (0.0, 0.0);
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs").flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let nanos: f64 =
            read("schedstat").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
        all += nanos / 1e6;
        if read("comm").trim() == "ledger" {
            ledger += nanos / 1e6;
        }
    }
    (all, ledger)
}

/// What a number of operations cost, each on average.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) cpu_ms: f64,
    pub(crate) ledger_ms: f64,
    pub(crate) wall_ms: f64,
}

/// Returns what `count` operations of a process cost.
pub(crate) fn measure(pid: u32, count: usize, mut run: impl FnMut(usize)) -> Cost {
    let (before, ledger_before) = process_ms(pid);
    let start = Instant::now();
    (0..count).for_each(&mut run);
    let wall = start.elapsed().as_secs_f64() * 1e3;
    let (after, ledger_after) = process_ms(pid);
    let count = count as f64;
    let ledger = ledger_after - ledger_before;
    Cost {
        cpu_ms: (after - before - ledger) / count,
        ledger_ms: ledger / count,
        wall_ms: wall / count,
    }
}
