//! Real language servers through a real daemon, where they are installed: in the
//! folders that `ANCHORD_SERVERS` names, or on the search path. A server that is
//! not there is passed over, and the test says so.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use crate::guest::{processes, wait_for_end};
use crate::world::{Client, World};

/// Files that use the symbol, besides the one that defines it.
const USERS: usize = 41;

/// One server and a small project for it.
struct Real {
    server: &'static str,
    /// The other servers of the table that are for the same files.
    others: &'static [&'static str],
    program: &'static str,
    arguments: &'static [&'static str],
    /// Files of the project but for its users.
    files: &'static [(&'static str, &'static str)],
    /// File, line and name of the symbol that is renamed, if the server renames;
    /// name and text of a user, `@` being its number.
    symbol: Option<(&'static str, usize, &'static str, (&'static str, &'static str))>,
    /// A file, one of its lines, and that line without and with an error.
    edited: (&'static str, usize, &'static str, &'static str),
    /// A comment to be put before that line.
    comment: &'static str,
    /// A file that the formatter changes, and what it makes of it.
    unformatted: Option<(&'static str, &'static str, &'static str)>,
    /// A file, a kind of action that is offered there, and the file after it.
    action: Option<(&'static str, &'static str, &'static str, &'static str)>,
}

const PYTHON: (&str, &str) = ("lib.py", "def compute(x: int) -> int:\n    return x\n");
const TYPESCRIPT: (&str, &str) =
    ("lib.ts", "export function compute(x: number): number {\n    return x;\n}\n");
const TSCONFIG: (&str, &str) =
    ("tsconfig.json", "{ \"compilerOptions\": { \"strict\": true }, \"include\": [\"*.ts\"] }\n");
const TYPED: &str = "export const value: number = compute(1);";
const MISTYPED: &str = "export const value: string = compute(1);";
const USER_TS: (&str, &str) =
    ("user@.ts", "import { compute } from \"./lib\";\n\nexport const value = compute(@);\n");

const TY: Real = Real {
    server: "ty",
    others: &["basedpyright", "pyright", "ruff"],
    program: "ty",
    arguments: &["server"],
    files: &[
        PYTHON,
        ("pyproject.toml", ""),
        // Comments and texts hold no symbol.
        ("notes.py", "# compute it\nNOTE = \"to compute\"\n"),
        ("main.py", "from lib import compute\n\nvalue: int = compute(1)\n"),
    ],
    symbol: Some((
        "lib.py",
        1,
        "compute",
        ("user@.py", "from lib import compute\n\nprint(compute(@))\n"),
    )),
    edited: ("main.py", 3, "value: int = compute(1)", "value: str = compute(1)"),
    comment: "# ä 𝄞",
    unformatted: None,
    action: None,
};

const SERVERS: [Real; 11] = [
    TY,
    Real {
        server: "basedpyright",
        others: &["ty", "pyright", "ruff"],
        program: "basedpyright-langserver",
        arguments: &["--stdio"],
        ..TY
    },
    Real {
        server: "rust-analyzer",
        others: &[],
        program: "rust-analyzer",
        arguments: &[],
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            ),
            // What the compiler writes is no news to the server.
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"sample\"\nversion = \"0.1.0\"\n"),
            (".gitignore", "/target\n"),
            ("src/lib.rs", "pub fn compute(x: i32) -> i32 {\n    x\n}\nMODULES"),
            (
                "src/main.rs",
                "use sample::compute;\n\nfn main() {\n    let _x: i32 = compute(1);\n}\n",
            ),
        ],
        symbol: Some((
            "src/lib.rs",
            1,
            "compute",
            ("src/user@.rs", "pub fn f() -> i32 {\n    crate::compute(@)\n}\n"),
        )),
        edited: (
            "src/main.rs",
            4,
            "    let _x: i32 = compute(1);",
            "    let _x: bool = compute(1);",
        ),
        comment: "    // ä 𝄞",
        unformatted: None,
        action: None,
    },
    Real {
        server: "ruff",
        others: &["ty", "basedpyright", "pyright"],
        program: "ruff",
        arguments: &["server"],
        files: &[("pyproject.toml", ""), ("main.py", "import os\n\nprint(os.name)\n")],
        symbol: None,
        edited: ("main.py", 3, "print(os.name)", "print(oss.name)"),
        comment: "# ä 𝄞",
        unformatted: Some(("ugly.py", "x = {  'a':1 }\n", "x = {\"a\": 1}\n")),
        action: Some((
            "unused.py",
            "source.organizeImports",
            "import sys\nimport os\n\nprint(os, sys)\n",
            "import os\nimport sys\n\nprint(os, sys)\n",
        )),
    },
    Real {
        server: "tsgo",
        others: &["typescript-language-server", "vtsls"],
        program: "tsgo",
        arguments: &["--lsp", "--stdio"],
        files: &[
            TYPESCRIPT,
            TSCONFIG,
            (
                "main.ts",
                "import { compute } from \"./lib\";\n\nexport const value: number = compute(1);\n",
            ),
        ],
        symbol: Some(("lib.ts", 1, "compute", USER_TS)),
        edited: ("main.ts", 3, TYPED, MISTYPED),
        comment: "// ä 𝄞",
        unformatted: Some(("ugly.ts", "const a   =   1;\n", "const a = 1;\n")),
        action: None,
    },
    Real {
        server: "typescript-language-server",
        others: &["tsgo", "vtsls"],
        program: "typescript-language-server",
        arguments: &["--stdio"],
        files: &[
            TYPESCRIPT,
            TSCONFIG,
            (
                "main.ts",
                "import { compute } from \"./lib\";\n\nexport const value: number = compute(1);\n",
            ),
        ],
        symbol: Some(("lib.ts", 1, "compute", USER_TS)),
        edited: ("main.ts", 3, TYPED, MISTYPED),
        comment: "// ä 𝄞",
        unformatted: Some(("ugly.ts", "const a   =   1;\n", "const a = 1;\n")),
        action: Some((
            "unsorted.ts",
            "source.organizeImports",
            "import { compute } from \"./lib\";\nimport { a } from \"./a\";\n\nexport const x = compute(a);\n",
            "import { a } from \"./a\";\nimport { compute } from \"./lib\";\n\nexport const x = compute(a);\n",
        )),
    },
    Real {
        server: "clangd",
        others: &[],
        program: "clangd",
        arguments: &["--background-index"],
        files: &[
            ("lib.h", "int compute(int x);\n"),
            ("lib.c", "#include \"lib.h\"\nint compute(int x) { return x; }\n"),
            ("main.c", "#include \"lib.h\"\nint main(void) {\n    return compute(1);\n}\n"),
            ("compile_flags.txt", "-xc\n"),
        ],
        symbol: None,
        edited: ("main.c", 3, "    return compute(1);", "    return compute(missing);"),
        comment: "    // ä 𝄞",
        unformatted: Some(("ugly.c", "int  f( void ){return 1;}\n", "int f(void) { return 1; }\n")),
        action: None,
    },
    Real {
        server: "vscode-json-language-server",
        others: &[],
        program: "vscode-json-language-server",
        arguments: &["--stdio"],
        files: &[("a.json", "{\n    \"a\": 1\n}\n")],
        symbol: None,
        edited: ("a.json", 2, "    \"a\": 1", "    \"a\": 1,"),
        comment: "    \"b\": 2,",
        unformatted: None,
        action: None,
    },
    Real {
        server: "bash-language-server",
        others: &[],
        program: "bash-language-server",
        arguments: &["start"],
        files: &[("a.sh", "#!/bin/bash\ncompute() {\n    echo \"$1\"\n}\ncompute 1\n")],
        symbol: None,
        edited: ("a.sh", 5, "compute 1", "compute $x"),
        comment: "# ä 𝄞",
        unformatted: None,
        action: None,
    },
    Real {
        server: "yaml-language-server",
        others: &[],
        program: "yaml-language-server",
        arguments: &["--stdio"],
        files: &[("a.yaml", "a: 1\nb: 2\n")],
        symbol: None,
        edited: ("a.yaml", 2, "b: 2", "b: [2"),
        comment: "# ä 𝄞",
        unformatted: None,
        action: None,
    },
    Real {
        server: "gopls",
        others: &[],
        program: "gopls",
        arguments: &[],
        files: &[
            ("go.mod", "module example.com/a\n\ngo 1.19\n"),
            ("lib.go", "package a\n\nfunc Compute(x int) int { return x }\n"),
            ("main.go", "package a\n\nvar Value int = Compute(1)\n"),
        ],
        symbol: Some(("lib.go", 3, "Compute", ("user@.go", "package a\n\nvar v@ = Compute(@)\n"))),
        edited: ("main.go", 3, "var Value int = Compute(1)", "var Value string = Compute(1)"),
        comment: "// ä 𝄞",
        unformatted: Some((
            "ugly.go",
            "package a\n\nvar   u   =   1\n",
            "package a\n\nvar u = 1\n",
        )),
        action: None,
    },
];

/// Returns where a program lies.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("ANCHORD_SERVERS").or_else(|| std::env::var_os("PATH"))?;
    let programs = std::env::split_paths(&path).map(|folder| folder.join(program));
    // The toolchain of Rust has a proxy for what is not there.
    { programs }.find(|path| path.is_file() && !path.with_file_name("rustup").exists())
}

impl Real {
    /// Returns the world of the project, served by this server alone.
    fn world(&self, program: &PathBuf) -> World {
        let world = World::new();
        let modules: String = (0..USERS).map(|user| format!("pub mod user{user};\n")).collect();
        for (name, text) in self.files {
            world.write(name, text.replace("MODULES", &modules));
        }
        if let Some((_, _, _, (name, text))) = self.symbol {
            for user in 0..USERS {
                let number = user.to_string();
                world.write(&name.replace('@', &number), text.replace('@', &number));
            }
        }
        let mut command = vec![json!(program)];
        command.extend(self.arguments.iter().map(|argument| json!(argument)));
        let path = std::env::var("ANCHORD_SERVERS").unwrap_or_default() + ":";
        let path = path + &std::env::var("PATH").unwrap_or_default();
        let mut servers = json!({self.server: {"command": command, "environment": {"PATH": path}}});
        for other in self.others {
            servers[*other] = json!({"enabled": false});
        }
        let trusted = json!([world.root.canonicalize().unwrap()]);
        world.configure(&json!({"language_servers": {"trusted": trusted, "servers": servers}}));
        world
    }

    fn check(&self, program: &PathBuf) {
        let start = Instant::now();
        let world = self.world(program);
        let daemon = world.serve();
        let mut client = daemon.open();
        self.renames_right_after_the_start(&world, &mut client);
        self.says_what_an_edit_did(&world, &mut client);
        self.formats(&world, &mut client);
        self.acts(&world, &mut client);
        let guests = processes(&mut client);
        daemon.kill();
        wait_for_end(&guests);
        println!("{}: {:.1} s", self.server, start.elapsed().as_secs_f64());
    }

    fn renames_right_after_the_start(&self, world: &World, client: &mut Client) {
        let Some((path, line, name, (user, _))) = self.symbol else { return };
        let place = json!({"path": path, "line": line, "name": name, "to": "reckon"});
        let renamed = client.call("lsp/rename", place);
        assert_eq!(renamed["status"], "applied", "{}: {renamed}", self.server);
        assert_eq!(renamed["server"]["proof"], "census", "{}: {renamed}", self.server);
        for number in 0..USERS {
            let text = world.text(&user.replace('@', &number.to_string()));
            assert!(text.contains("reckon") && !text.contains(name), "{}: {text}", self.server);
        }
        let (file, ..) = self.edited;
        assert!(!world.text(file).contains(name), "{}", self.server);
        let found = json!({"what": "references", "path": path, "line": line, "name": "reckon"});
        let found = client.call("lsp/ask", found);
        let files = found["files"].as_array().map_or(0, Vec::len);
        assert_eq!(files, USERS + 2, "{}: {found}", self.server);
        let undone = client.call("edit/undo", json!({}));
        assert_eq!(undone["status"], "applied", "{}: {undone}", self.server);
    }

    fn says_what_an_edit_did(&self, world: &World, client: &mut Client) {
        let (path, line, clean, broken) = self.edited;
        let before = world.text(path);
        let broke = self.edit(
            client,
            path,
            json!({"op": "replace", "lines": [line, line], "text": broken}),
        );
        let counts = |said: &Value| {
            let count = |side: &str| -> usize {
                let files = said[side].as_array().into_iter().flatten();
                files.map(|file| file["diagnostics"].as_array().unwrap().len()).sum()
            };
            (count("new"), count("fixed"), said["unchanged"].as_u64().unwrap() as usize)
        };
        let (new, fixed, kept) = counts(&broke);
        assert!(new >= 1 && fixed == 0, "{}: {broke}", self.server);
        let moved = self.edit(
            client,
            path,
            json!({"op": "insert", "after": line - 1, "text": self.comment}),
        );
        assert_eq!(counts(&moved), (0, 0, new + kept), "{}: {moved}", self.server);
        let line = line + 1;
        let mended =
            self.edit(client, path, json!({"op": "replace", "lines": [line, line], "text": clean}));
        assert_eq!(counts(&mended), (0, new, kept), "{}: {mended}", self.server);
        for _ in 0..3 {
            client.call("edit/undo", json!({}));
        }
        assert_eq!(world.text(path), before);
    }

    /// Edits a file and returns what the server says of it.
    fn edit(&self, client: &mut Client, path: &str, op: Value) -> Value {
        let handle = client.call("file/read", json!({"path": path}))["handle"].clone();
        let files = json!([{"path": path, "handle": handle, "ops": [op]}]);
        let verify = json!({"lsp": "warn", "lsp_ms": 60_000, "syntax": "off", "lint": "off"});
        let params = json!({"format": "anchor", "files": files, "verify": verify});
        let edited = client.call("edit/apply", params);
        assert_eq!(edited["status"], "applied", "{}: {edited}", self.server);
        let said = edited["diagnostics"].clone();
        assert_ne!(said["verdict"], "inconclusive", "{}: {edited}", self.server);
        said
    }

    fn formats(&self, world: &World, client: &mut Client) {
        let Some((path, text, expected)) = self.unformatted else { return };
        world.write(path, text);
        let formatted = client.call("lsp/format", json!({"path": path, "wait_ms": 60_000}));
        assert_eq!(formatted["status"], "applied", "{}: {formatted}", self.server);
        assert_eq!(world.text(path), expected, "{}", self.server);
    }

    fn acts(&self, world: &World, client: &mut Client) {
        let Some((path, kind, text, expected)) = self.action else { return };
        if text.contains("./a") {
            world.write("a.ts", "export const a = 1;\n");
        }
        world.write(path, text);
        let action = json!({"path": path, "kind": kind, "apply": true, "wait_ms": 60_000});
        let done = client.call("lsp/actions", action);
        assert_eq!(done["status"], "applied", "{}: {done}", self.server);
        assert_eq!(world.text(path), expected, "{}", self.server);
    }
}

#[test]
fn each_real_server_renames_judges_formats_and_acts() {
    let only = std::env::var("ANCHORD_SERVER").ok();
    for real in SERVERS.iter().filter(|real| only.as_ref().is_none_or(|only| only == real.server)) {
        match find(real.program) {
            Some(program) => real.check(&program),
            None => println!("passed over: {} is not installed", real.server),
        }
    }
}
