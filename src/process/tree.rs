//! What the system says of running processes: who started whom, and how much
//! memory each holds. Where it says nothing, there is nothing to go by.

use std::collections::HashMap;

/// What the kernel counts memory in, in bytes.
const KILOBYTE: u64 = 1024;

/// Returns all processes that `root` started, and those that they started.
pub(super) fn beneath(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for process in all() {
        if let Some(parent) = parent(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(process) = open.pop() {
        let started = children.remove(&process).unwrap_or_default();
        found.extend(&started);
        open.extend(started);
    }
    found
}

/// Returns the memory that a process holds, in bytes; shared pages count in
/// full.
pub(super) fn resident_bytes(process: u32) -> Option<u64> {
    let status = told(&format!("/proc/{process}/status"))?;
    let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = row.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * KILOBYTE)
}

fn all() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").ok().into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns who started a process, or who took it over.
fn parent(process: u32) -> Option<u32> {
    let row = told(&format!("/proc/{process}/stat"))?;
    // The name stands in brackets and may hold any of them.
    let (_, rest) = row.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "an account of the kernel's, no file of a user")]
fn told(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_beneath_the_one_that_started_it() {
        let ours = std::process::id();
        let parent = parent(ours).expect("the kernel tells");
        assert!(beneath(parent).contains(&ours));
        assert!(!beneath(ours).contains(&parent));
        assert!(resident_bytes(ours).is_some_and(|bytes| bytes > 100 * KILOBYTE));
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
