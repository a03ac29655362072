//! Undo and redo as a stack, against a naive model that keeps every content;
//! and the sweep, which must not take what an undo needs.

use std::path::PathBuf;

use anchord::service::api::{
    Apply, Call, Context, EditAnswer, Open, Read, Request, Response, Source, Undo, Verify,
};
use anchord::service::{Options, Service};
use engine::anchor::Handle;
use engine::apply::Durability;
use engine::error::Code;
use proptest::prelude::*;

/// A root of one file, served in this process.
struct Bench {
    _directory: tempfile::TempDir,
    file: PathBuf,
    service: Service,
    context: Context,
    handle: Handle,
}

impl Bench {
    fn new(content: &[u8], slot_bytes: u64) -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let [root, state, slots] =
            ["root", "state", "slots"].map(|name| directory.path().join(name));
        for path in [&root, &state, &slots] {
            std::fs::create_dir(path).unwrap();
        }
        let file = root.join("f");
        std::fs::write(&file, content).unwrap();
        let mut options = Options { durability: Durability::None, ..Options::default() };
        options.limits.slot_bytes = slot_bytes;
        let service = Service::start(&root, &state, &slots, options).unwrap();
        let context = Context { session: Some("s".into()), ..Context::default() };
        let handle = Handle::from_number(0);
        let mut bench = Bench { _directory: directory, file, service, context, handle };
        bench.ask(Request::Open(Open { resume: Some("s".into()), ..Open::default() }));
        bench.read();
        bench
    }

    fn ask(&self, request: Request) -> Response {
        self.service.call(request, &self.context).unwrap().response
    }

    fn read(&mut self) {
        let read = Read { path: "f".into(), ..Read::default() };
        match self.ask(Request::Read(read)) {
            Response::Read(answer) => self.handle = answer.handle,
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, text: &str) -> Result<EditAnswer, Code> {
        let section = format!("@f {} write\n{text}.\n", self.handle);
        self.outcome(edit(section))
    }

    fn outcome(&mut self, request: Request) -> Result<EditAnswer, Code> {
        match self.ask(request) {
            Response::Edit(answer) => {
                if let Some(handle) = answer.files.first().and_then(|file| file.handle) {
                    self.handle = handle;
                }
                Ok(answer)
            }
            Response::Rejected(rejection) => Err(rejection.code),
            other => panic!("{other:?}"),
        }
    }

    fn undo(&mut self) -> Result<EditAnswer, Code> {
        self.outcome(Request::Undo(Undo::default()))
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(&self.file).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(String),
    Undo,
    Redo,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => "([a-c]{0,2}\n){0,5}".prop_map(Step::Write),
        3 => Just(Step::Undo),
        2 => Just(Step::Redo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undo_and_redo_return_the_same_bytes(
        start in "([a-c]{0,2}(\n|\r\n)){0,5}", steps in prop::collection::vec(step(), 1..16),
    ) {
        let mut bench = Bench::new(start.as_bytes(), u64::MAX);
        let (mut past, mut future): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (vec![], vec![]);
        for step in steps {
            let before = bench.content();
            match step {
                Step::Write(text) => match bench.write(&text) {
                    Ok(_) => {
                        past.push(before);
                        future.clear();
                    }
                    Err(code) => {
                        prop_assert_eq!(code, Code::NoChange);
                        prop_assert_eq!(bench.content(), before);
                    }
                },
                Step::Undo => match past.pop() {
                    Some(content) => {
                        prop_assert!(bench.undo().is_ok());
                        prop_assert_eq!(bench.content(), content);
                        future.push(before);
                    }
                    None => prop_assert_eq!(bench.undo().unwrap_err(), Code::NotFound),
                },
                // After another edit a redo is no longer the way back up the stack.
                Step::Redo => if let Some(content) = future.pop() {
                    prop_assert!(bench.outcome(Request::Redo).is_ok());
                    prop_assert_eq!(bench.content(), content);
                    past.push(before);
                },
            }
        }
    }
}

#[test]
fn an_undo_needs_no_slot() {
    // Slots may take one byte, so every old one goes once its grace is over.
    let mut bench = Bench::new(b"one\n", 1);
    let remove = edit(format!("@f {} remove\n", bench.handle));
    bench.write("two\n").unwrap();
    bench.undo().unwrap();
    bench.outcome(remove).unwrap();
    let slots = bench.file.parent().unwrap().parent().unwrap().join("slots");
    let count = || std::fs::read_dir(&slots).unwrap().count();
    assert_eq!(count(), 3);
    std::thread::sleep(std::time::Duration::from_millis(2200));
    // A look at the slots comes with the next operations.
    for number in 0..32 {
        bench.outcome(edit(format!("@other{number} create\n.\n"))).unwrap();
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    // That of the removed file stays: its undo needs its mode and owner.
    while count() > 1 {
        assert!(std::time::Instant::now() < deadline, "{} slots are left", count());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    bench.outcome(Request::Undo(Undo { operation: Some(3), allow_mixed: false })).unwrap();
    assert_eq!(bench.content(), b"one\n");
}

fn edit(text: String) -> Request {
    Request::Apply(Apply {
        source: Source::Text(text),
        format: "anchor".into(),
        op_id: None,
        why: None,
        relocate: true,
        verify: Verify::default(),
        dry_run: false,
        allow_mixed: false,
    })
}
