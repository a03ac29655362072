//! Schedules of concurrent agents at the queue of files, chosen by a model
//! checker (shuttle): whatever the order of threads, a turn is exclusive, turns
//! come in the order of arrival, and nobody waits for ever.
//!
//! The queue is the program's own source, over the checker's locks.

#[cfg(test)]
mod sync {
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};

    /// Runs a test where these locks work.
    pub(crate) fn run(test: fn()) {
        shuttle::check_random(test, 1);
    }
}

#[cfg(test)]
#[path = "../../src/service/queue.rs"]
mod queue;

#[cfg(test)]
mod suite {
    use std::collections::HashMap;
    use std::time::Duration;

    use engine::store::RelPath;
    use shuttle::sync::{Arc, Mutex};
    use shuttle::thread;

    use crate::queue::Queue;

    /// Schedules in the short form; `ANCHORD_CASES` says otherwise.
    const SCHEDULES: usize = 3_000;

    /// What each agent wants, one turn after the other.
    const WISHES: [&[&[&str]]; 4] = [
        &[&["a", "b"], &["c"]],
        &[&["b", "c"], &["a"]],
        &[&["a", "c"], &["b"]],
        &[&["a"], &["a", "b", "c"]],
    ];

    fn paths(names: &[&str]) -> Vec<RelPath> {
        names.iter().map(|name| RelPath::parse(name).unwrap()).collect()
    }

    /// A file as an edit sees it: who is at it, and how often it was edited, which
    /// is read and written in two steps.
    #[derive(Default)]
    struct File {
        holder: Option<usize>,
        edits: usize,
    }

    fn agents() {
        let queue = Arc::new(Queue::default());
        let files: Arc<HashMap<&str, Mutex<File>>> =
            Arc::new(["a", "b", "c"].map(|name| (name, Mutex::default())).into());
        let running = WISHES.iter().enumerate().map(|(agent, wishes)| {
            let (queue, files) = (Arc::clone(&queue), Arc::clone(&files));
            thread::spawn(move || {
                for names in *wishes {
                    let turn = queue.take(paths(names), Duration::from_secs(600)).unwrap();
                    let seen: Vec<usize> =
                        names.iter().map(|name| begin(&files[name], agent)).collect();
                    thread::yield_now();
                    for (name, seen) in names.iter().zip(seen) {
                        end(&files[name], agent, seen);
                    }
                    drop(turn);
                }
            })
        });
        let running: Vec<_> = running.collect();
        running.into_iter().for_each(|agent| agent.join().unwrap());
        let wished =
            |name: &&str| WISHES.iter().copied().flatten().filter(|w| w.contains(name)).count();
        for (name, file) in files.iter() {
            assert_eq!(file.lock().unwrap().edits, wished(name), "edits of {name}");
        }
    }

    fn begin(file: &Mutex<File>, agent: usize) -> usize {
        let mut file = file.lock().unwrap();
        assert_eq!(file.holder.replace(agent), None, "two are at one file");
        file.edits
    }

    fn end(file: &Mutex<File>, agent: usize, seen: usize) {
        let mut file = file.lock().unwrap();
        assert_eq!(file.holder.take(), Some(agent), "somebody else is at the file");
        file.edits = seen + 1;
    }

    fn schedules() -> usize {
        std::env::var("ANCHORD_CASES").map_or(SCHEDULES, |text| text.parse().unwrap())
    }

    #[test]
    fn whatever_the_schedule_a_turn_is_exclusive_and_comes() {
        shuttle::check_random(agents, schedules() / 2);
        shuttle::check_pct(agents, schedules() / 2, 3);
        println!("schedules: {} of 4 agents at 3 files, none went wrong", schedules());
    }

    /// The suite would notice: without the queue two are at one file.
    #[test]
    fn without_turns_agents_meet() {
        let meet = || {
            let file = Arc::new(Mutex::new(File::default()));
            let other = Arc::clone(&file);
            let edit = |file: &Mutex<File>, agent| {
                let seen = begin(file, agent);
                thread::yield_now();
                end(file, agent, seen);
            };
            let running = thread::spawn(move || edit(&other, 1));
            edit(&file, 0);
            running.join().unwrap();
        };
        let met = std::panic::catch_unwind(|| shuttle::check_random(meet, 1000));
        assert!(met.is_err(), "1000 schedules without a meeting");
    }
}
