//! Real servers, where they are installed: on the search path, or in the folders
//! that `ANCHORD_SERVERS` names. A server that is not there is passed over, and
//! the test says so.

use std::sync::Arc;
use std::time::Duration;

use engine::verify::Verdict;
use lsp_bridge::Trust;
use lsp_bridge::census::TextCensus;
use lsp_bridge::error::BridgeError;
use lsp_bridge::files::Files;
use lsp_bridge::intelligence::{Indentation, Question};
use lsp_bridge::rename::{Rename, RenameRequest};
use lsp_bridge::spawn::Spawn;
use lsp_bridge::table::Table;
use lsp_bridge::verify::{FileReport, Options};
use serde_json::{Map, Value, json};

use crate::rig::{AMPLE, Parts, Rig, Spawner, patient, policy, say};

/// Files that use the symbol, besides the one that defines it.
const USERS: usize = 41;

/// What is asked of one server.
struct Real {
    server: &'static str,
    program: &'static str,
    /// Files of the project but for the users.
    files: &'static [(&'static str, &'static str)],
    /// Name and text of a user; `@` is its number.
    user: Option<(&'static str, &'static str)>,
    /// A file, and its text without and with one error.
    path: &'static str,
    clean: &'static str,
    broken: &'static str,
    /// A line that moves the error down.
    comment: &'static str,
    /// A text that the formatter changes, and what it makes of it.
    unformatted: Option<(&'static str, &'static str)>,
    /// Whether the findings come with a proof.
    verdict: Verdict,
}

const PYTHON: Real = Real {
    server: "pyright",
    program: "pyright-langserver",
    files: &[("lib.py", "def compute(x: int) -> int:\n    return x\n"), ("pyproject.toml", "")],
    user: Some(("user@.py", "from lib import compute\n\nprint(compute(@))\n")),
    path: "main.py",
    clean: "from lib import compute\n\nvalue: int = compute(1)\n",
    broken: "from lib import compute\n\nvalue: str = compute(1)\n",
    comment: "# ä 𝄞\n",
    unformatted: None,
    verdict: Verdict::Fresh,
};

const TYPESCRIPT: Real = Real {
    server: "tsgo",
    program: "tsgo",
    files: &[
        ("lib.ts", "export function compute(x: number): number {\n    return x;\n}\n"),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"strict\": true }, \"include\": [\"*.ts\"] }\n",
        ),
    ],
    user: Some((
        "user@.ts",
        "import { compute } from \"./lib\";\n\nexport const value = compute(@);\n",
    )),
    path: "main.ts",
    clean: "import { compute } from \"./lib\";\n\nexport const value: number = compute(1);\n",
    broken: "import { compute } from \"./lib\";\n\nexport const value: string = compute(1);\n",
    comment: "// ä 𝄞\n",
    unformatted: Some(("const a   =  1;\n", "const a = 1;\n")),
    verdict: Verdict::Fresh,
};

const REAL: [Real; 12] = [
    PYTHON,
    Real { server: "basedpyright", program: "basedpyright-langserver", ..PYTHON },
    Real { server: "ty", program: "ty", ..PYTHON },
    Real {
        server: "ruff",
        program: "ruff",
        files: &[("pyproject.toml", "")],
        user: None,
        clean: "import os\n\nprint(os.name)\n",
        broken: "import os\n\nprint(1)\n",
        unformatted: Some(("a   =  1\n", "a = 1\n")),
        ..PYTHON
    },
    TYPESCRIPT,
    Real {
        server: "typescript-language-server",
        program: "typescript-language-server",
        ..TYPESCRIPT
    },
    Real {
        server: "clangd",
        program: "clangd",
        files: &[
            ("lib.h", "int compute(int x);\n"),
            ("lib.c", "#include \"lib.h\"\nint compute(int x) { return x; }\n"),
        ],
        user: Some(("user@.c", "#include \"lib.h\"\nint f@(void) { return compute(@); }\n")),
        path: "main.c",
        clean: "#include \"lib.h\"\n\nint value(void) { return compute(1); }\n",
        broken: "#include \"lib.h\"\n\nint value(void) { return compute(1, 2); }\n",
        comment: "// ä 𝄞\n",
        unformatted: Some(("int   a  =  1;\n", "int a = 1;\n")),
        verdict: Verdict::Fresh,
    },
    Real {
        server: "rust-analyzer",
        program: "rust-analyzer",
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            ),
            ("src/lib.rs", "pub fn compute(x: i32) -> i32 {\n    x\n}\nMODULES"),
        ],
        user: Some(("src/user@.rs", "pub fn f() -> i32 {\n    crate::compute(@)\n}\n")),
        path: "src/main.rs",
        clean: "use sample::compute;\n\nfn main() {\n    let _x: i32 = compute(1);\n}\n",
        broken: "use sample::compute;\n\nfn main() {\n    let _x: bool = compute(1);\n}\n",
        comment: "// ä 𝄞\n",
        unformatted: None,
        verdict: Verdict::Fresh,
    },
    Real {
        server: "bash-language-server",
        program: "bash-language-server",
        files: &[("lib.sh", "#!/bin/bash\ncompute() { echo 1; }\n")],
        user: Some(("user@.sh", "#!/bin/bash\n. ./lib.sh\ncompute\n")),
        path: "main.sh",
        clean: "#!/bin/bash\necho \"$1\"\n",
        broken: "#!/bin/bash\necho $1\n",
        comment: "# ä 𝄞\n",
        unformatted: None,
        verdict: Verdict::Fresh,
    },
    Real {
        server: "vscode-json-language-server",
        program: "vscode-json-language-server",
        files: &[],
        user: None,
        path: "main.json",
        clean: "{\n\n  \"a\": 1\n}\n",
        broken: "{\n\n  \"a\": 1,\n}\n",
        comment: "\n",
        unformatted: Some(("{\"a\":1}\n", "{\n    \"a\": 1\n}\n")),
        verdict: Verdict::Fresh,
    },
    Real {
        server: "vscode-css-language-server",
        program: "vscode-css-language-server",
        files: &[],
        user: None,
        path: "main.css",
        clean: "a {\n  color: red;\n}\n",
        broken: "a {\n  color: ;\n}\n",
        comment: "/* ä 𝄞 */\n",
        unformatted: None,
        verdict: Verdict::Fresh,
    },
    Real {
        server: "yaml-language-server",
        program: "yaml-language-server",
        files: &[],
        user: None,
        path: "main.yaml",
        clean: "a: 1\nb: 2\n",
        broken: "a: 1\nb: [2\n",
        comment: "# ä 𝄞\n",
        unformatted: None,
        verdict: Verdict::Temporal,
    },
];

impl Real {
    fn is_installed(&self) -> bool {
        let is_installed = Spawner.find(self.program).is_some_and(|program| {
            // The toolchain has a proxy for what is not there.
            !program.with_file_name("rustup").exists()
        });
        if !is_installed {
            say(&format!("{} is not installed and was passed over", self.server));
        }
        is_installed
    }

    /// Returns a root with the project, served by this server alone.
    fn rig(&self) -> Rig {
        let table = Table::builtin().expect("a table");
        let others = table.servers().iter().filter(|spec| spec.name != self.server);
        let mut rows: Map<String, Value> =
            others.map(|spec| (spec.name.clone(), json!({ "enabled": false }))).collect();
        if let ("rust-analyzer", Ok(sources)) = (self.server, std::env::var("ANCHORD_RUST_SRC")) {
            let options = json!({ "cargo": { "sysrootSrc": sources } });
            rows.insert(self.server.to_owned(), json!({ "initialization_options": options }));
        }
        let parts = Parts { table: Value::Object(rows), policy: policy(), trust: Trust::Trusted };
        let rig = Rig::new(parts, &[]);
        let users = self.user.map_or(0, |_| USERS);
        let modules: String = (0..users).map(|user| format!("pub mod user{user};\n")).collect();
        for (path, text) in self.files {
            rig.disk.write(path, &text.replace("MODULES", &modules));
        }
        rig.disk.write(self.path, self.clean);
        let mut commands = Vec::new();
        for user in 0..users {
            let (path, text) = self.user.expect("there are users");
            let path = path.replace('@', &user.to_string());
            rig.disk.write(&path, &text.replace('@', &user.to_string()));
            commands.push(path);
        }
        if self.server == "clangd" {
            commands.extend(["main.c".to_owned(), "lib.c".to_owned()]);
            let commands = commands.iter().map(|file| {
                json!({ "directory": rig.root(), "file": file, "arguments": ["cc", "-c", file] })
            });
            rig.disk
                .write("compile_commands.json", &json!(commands.collect::<Vec<_>>()).to_string());
        }
        rig
    }

    /// Returns a file that names the symbol, and where.
    fn symbol(&self, rig: &Rig) -> (String, usize) {
        let path = self.files[0].0;
        let path = if path == "Cargo.toml" { "src/lib.rs" } else { path };
        let at = rig.disk.read(path).find("compute").expect("the symbol");
        (path.to_owned(), at)
    }
}

fn installed() -> impl Iterator<Item = &'static Real> {
    let wanted = std::env::var("ANCHORD_SERVER").ok();
    let all =
        REAL.iter().filter(move |real| wanted.as_ref().is_none_or(|name| name == real.server));
    all.filter(|real| real.is_installed())
}

fn counts(report: &FileReport) -> (usize, usize, Verdict) {
    (report.delta.new.len(), report.delta.fixed.len(), report.delta.verdict)
}

#[test]
fn an_edit_that_breaks_moves_or_mends_is_told() {
    for real in installed() {
        let rig = real.rig();
        let edit = |text: &str| {
            let reports = rig.edit(real.path, text, patient());
            assert_eq!(reports.len(), 1, "{}", real.server);
            say(&format!("{}: {:?} {:?}", real.server, reports[0].delta, reports[0].after.reason));
            reports.into_iter().next().expect("a report")
        };
        // The compiler behind it looks at what is saved; the first time, it is
        // not known what it would have found before.
        let first = edit(real.broken);
        assert!(first.delta.verdict != Verdict::Inconclusive, "{}", real.server);
        assert!(!first.delta.new.is_empty(), "{}", real.server);
        let known = first.after.findings.diagnostics.len();
        let moved = match real.server {
            "bash-language-server" => real.broken.replacen('\n', &format!("\n{}", real.comment), 1),
            _ => format!("{}{}", real.comment, real.broken),
        };
        let moved = edit(&moved);
        assert_eq!(counts(&moved), (0, 0, real.verdict), "{}", real.server);
        assert_eq!(moved.delta.unchanged, known, "{}", real.server);
        let mended = edit(real.clean);
        assert_eq!(counts(&mended).0, 0, "{}", real.server);
        assert_eq!(mended.delta.fixed.len(), first.delta.new.len(), "{}", real.server);
        let broken = edit(real.broken);
        assert_eq!(counts(&broken), (first.delta.new.len(), 0, real.verdict), "{}", real.server);
    }
}

fn rename(real: &Real, rig: &Rig, budget: Duration) -> Result<Rename, BridgeError> {
    let (path, offset) = real.symbol(rig);
    let request = RenameRequest {
        path,
        offset,
        old_name: "compute".into(),
        new_name: "reckon".into(),
        budget,
        accept_uncovered: false,
    };
    let files = Arc::clone(&rig.disk) as Arc<dyn Files>;
    rig.bridge.rename(request, Arc::new(TextCensus(files)))
}

#[test]
fn a_rename_right_after_the_start_is_complete_or_refused() {
    for real in installed().filter(|real| real.user.is_some()) {
        let rig = real.rig();
        match rename(real, &rig, Duration::from_secs(40)) {
            Ok(rename) => {
                println!(
                    "{}: {} files, {:?}",
                    real.server,
                    rename.change.files.len(),
                    rename.proof
                );
                assert!(rename.change.files.len() > USERS, "{}", real.server);
                assert_eq!(rename.uncovered, [], "{}", real.server);
            }
            Err(BridgeError::Incomplete { uncovered, why, .. }) => {
                say(&format!("{}: refused, {} left: {why}", real.server, uncovered.len()));
                assert!(!uncovered.is_empty(), "{}", real.server);
            }
            Err(error) => say(&format!("{}: refused, {error}", real.server)),
        }
    }
}

#[test]
fn references_lead_to_all_users() {
    for real in installed().filter(|real| real.user.is_some()) {
        let rig = real.rig();
        // A rename waits until the server knows the project.
        let is_known = rename(real, &rig, Duration::from_secs(40)).is_ok();
        let (path, offset) = real.symbol(&rig);
        let found = rig.bridge.places(&path, offset, Question::References, AMPLE).expect("places");
        let mut files: Vec<&str> =
            found.value.iter().filter_map(|place| place.path.as_deref()).collect();
        files.sort_unstable();
        files.dedup();
        say(&format!(
            "{}: references in {} files, {:?}",
            real.server,
            files.len(),
            found.readiness
        ));
        assert!(!is_known || files.len() > USERS, "{}", real.server);
    }
}

#[test]
fn a_file_is_formatted() {
    for real in installed() {
        let Some((before, after)) = real.unformatted else { continue };
        let rig = real.rig();
        rig.disk.write(real.path, before);
        let change = rig.bridge.format(real.path, None, Indentation::default(), AMPLE);
        let change = change.expect("a change").value.change.apply(before.as_bytes());
        assert_eq!(String::from_utf8(change).expect("UTF-8"), after, "{}", real.server);
    }
}

#[test]
fn an_action_mends_and_imports_are_put_in_order() {
    for real in installed() {
        let (before, after) = match real.server {
            "ruff" => (
                "import sys\nimport os\n\nprint(os.name, sys.path)\n",
                "import os\nimport sys\n\nprint(os.name, sys.path)\n",
            ),
            "typescript-language-server" | "tsgo" => (
                "import { b } from \"./b\";\nimport { a } from \"./a\";\n\nexport const c = a + b;\n",
                "import { a } from \"./a\";\nimport { b } from \"./b\";\n\nexport const c = a + b;\n",
            ),
            _ => continue,
        };
        let rig = real.rig();
        rig.disk.write("a.ts", "export const a = 1;\n");
        rig.disk.write("b.ts", "export const b = 1;\n");
        rig.disk.write(real.path, before);
        let change = rig.bridge.organize_imports(real.path, AMPLE).expect("a change").value;
        let ordered = change.files[0].change.apply(before.as_bytes());
        assert_eq!(String::from_utf8(ordered).expect("UTF-8"), after, "{}", real.server);

        rig.disk.write(real.path, real.broken);
        let found = rig.bridge.diagnostics(vec![real.path.to_owned()], AMPLE);
        let at = found[0].findings.diagnostics[0].range.clone();
        let actions = rig.bridge.code_actions(real.path, at, None, AMPLE).expect("actions");
        say(&format!(
            "{}: {:?}",
            real.server,
            actions.value.iter().map(|one| &one.title).collect::<Vec<_>>()
        ));
        if real.server == "ruff" {
            let cure = actions.value.iter().find(|action| action.title.contains("Remove unused"));
            let change = rig.bridge.action_change(real.path, cure.expect("a cure"), AMPLE);
            let change = change.expect("a change").value;
            let after = change.files[0].change.apply(real.broken.as_bytes());
            assert_eq!(String::from_utf8(after).expect("UTF-8"), "\nprint(1)\n");
        }
    }
}

#[test]
fn a_file_is_moved_with_its_imports() {
    for real in installed() {
        let (from, to) = match real.server {
            "tsgo" | "typescript-language-server" => ("lib.ts", "library.ts"),
            "basedpyright" | "ty" => ("lib.py", "library.py"),
            _ => continue,
        };
        let rig = real.rig();
        let change = rig.bridge.rename_file(from, to, Duration::from_secs(40));
        match change {
            Ok(change) => {
                say(&format!("{}: a move changes {} files", real.server, change.files.len()));
                assert!(change.files.len() > USERS, "{}", real.server);
            }
            Err(error) => say(&format!("{}: refused, {error}", real.server)),
        }
    }
}

#[test]
fn a_server_that_is_held_up_is_never_taken_for_clean() {
    for real in installed() {
        let rig = real.rig();
        rig.edit(real.path, real.broken, patient());
        rig.edit(real.path, real.clean, patient());
        let processes = rig.processes();
        crate::rig::hold_up(&processes);
        let report = rig.edit(
            real.path,
            real.broken,
            Options { budget: Duration::from_millis(1000), ..Options::default() },
        );
        crate::rig::signal(&processes, rustix::process::Signal::CONT);
        assert_eq!(report[0].delta.verdict, Verdict::Inconclusive, "{}", real.server);
        let report = rig.edit(real.path, real.clean, patient());
        assert_eq!(report[0].delta.new, [], "{}", real.server);
        assert_eq!(report[0].delta.fixed.len().min(1), 1, "{}", real.server);
    }
}
