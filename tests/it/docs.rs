//! Documents and code, held together: what the pages list must be what the
//! program has, and their examples must read as what they show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anchord::faces::mcp;
use anchord::protocol::framing::{self, RpcError};
use anchord::protocol::{METHODS, from_wire, wire};
use anchord::service::api::Limits;
use engine::error::Code;
use engine::format::Given;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tidy::page;

#[test]
fn blocks_of_the_format_are_read_or_refused_as_the_page_says() {
    let page = page("docs/formats.md");
    let blocks = blocks(&page);
    let mut counts = [0, 0];
    for name in engine::format::NAMES {
        let read = |block: &Block| engine::format::read(name, &block.text, Given::default());
        let good = blocks.iter().filter(|block| block.kind == name);
        let examples = good.clone().count();
        assert!(examples > 0, "the page has no example of {name}");
        for block in good {
            if let Err(refusal) = read(block) {
                panic!("row {}: {refusal}", block.row);
            }
        }
        let bad = blocks.iter().filter(|block| block.kind.strip_suffix("-error") == Some(name));
        for block in bad.clone() {
            let expected = block.after.strip_prefix("> ");
            let refusal = read(block).expect_err("an error of the format");
            assert_eq!(Some(refusal.to_string().as_str()), expected, "row {}", block.row);
        }
        counts = [counts[0] + examples, counts[1] + bad.count()];
    }
    assert!(counts[0] >= 18 && counts[1] >= 12, "the page has lost its examples: {counts:?}");
}

#[test]
fn every_method_has_its_section_in_order() {
    let page = page("docs/protocol.md");
    let named = sections(&page).into_iter().filter(|section| section.title.contains('/'));
    let sections: Vec<Section<'_>> = named.collect();
    assert_eq!(sections.iter().map(|s| s.title).collect::<Vec<_>>(), METHODS);
    for section in sections {
        let blocks: Vec<Value> = json_blocks(section.text);
        let asks = blocks.iter().any(|block| block["method"] == section.title);
        let answers = blocks.iter().any(|block| !block["result"].is_null());
        assert!(asks && answers, "{} has no example of a request and its answer", section.title);
    }
}

#[test]
fn every_example_of_the_protocol_reads_as_what_it_shows() {
    let page = page("docs/protocol.md");
    let mut method = String::new();
    for block in json_blocks(&page) {
        match block["method"].as_str() {
            Some(name) => {
                method = name.to_owned();
                check_request(&block);
            }
            None => check_result(&method, &block["result"]),
        }
    }
}

/// Reads a request as a connection would.
#[track_caller]
fn check_request(block: &Value) {
    let line = block.to_string();
    let incoming = framing::read(line.as_bytes(), Limits::default().depth);
    let incoming = incoming.unwrap_or_else(|error| panic!("{line}: {error:?}"));
    let params = incoming.params.unwrap_or("{}");
    if incoming.method == "$/cancelRequest" {
        serde_json::from_str::<wire::CancelParams<'_>>(params).expect("the id of a request");
        return;
    }
    if incoming.method == "session/listen" {
        from_wire::listen(params).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        return;
    }
    let call = match &incoming.method[..] {
        "tool/call" => from_wire::tool(params).map(|params| {
            let asked = mcp::asked(params).unwrap_or_else(|error| panic!("{line}: {error:?}"));
            asked.unwrap_or_else(|unfit| panic!("{line}: {unfit:?}")).0
        }),
        method => from_wire::call(method, params),
    };
    let call = call.unwrap_or_else(|error| panic!("{line}: {error:?}"));
    let malformed = format!("{:?}", call.request).contains("Malformed");
    assert!(!malformed, "{line}: {:?}", call.request);
}

#[track_caller]
fn check_result(method: &str, result: &Value) {
    if result["status"] == "rejected" {
        return same::<wire::RejectedResult>(result);
    }
    match method {
        "session/open" => same::<wire::OpenResult>(result),
        "file/read" => same::<wire::ReadResult>(result),
        "file/list" => same::<wire::ListResult>(result),
        "file/search" => same::<wire::SearchResult>(result),
        "pattern/search" => same::<wire::SearchResult>(result),
        "pattern/rewrite" => same::<wire::RewriteResult>(result),
        "lsp/diagnostics" => same::<wire::DiagnosticsResult>(result),
        "lsp/ask" => same::<wire::AskResult>(result),
        "lsp/actions" => same::<wire::ActionsResult>(result),
        "lsp/status" => same::<wire::ServersResult>(result),
        "file/outline" => same::<wire::OutlineResult>(result),
        "edit/stream" => same::<wire::StreamResult>(result),
        "edit/log" => same::<wire::LogResult>(result),
        "edit/show" => same::<wire::ShowResult>(result),
        "stats/summary" => same::<wire::StatsResult>(result),
        "events/tail" => same::<wire::TailResult>(result),
        "state/examine" => same::<wire::ExamineResult>(result),
        "tool/call" => same::<wire::ToolResult>(result),
        "session/listen" | "buffer/answer" | "buffer/accept" => same::<wire::DoneResult>(result),
        "buffer/marks" => same::<wire::MarksResult>(result),
        "anchor/resolve" => same::<wire::ResolveResult>(result),
        method if method.starts_with("buffer/") => same::<wire::BufferResult>(result),
        _ => same::<wire::EditResult>(result),
    }
}

/// Holds an example against what is left of it once it has been read and
/// written again: a field that the program does not have is lost on the way.
#[track_caller]
fn same<T: DeserializeOwned + Serialize>(example: &Value) {
    let read: T = serde_json::from_value(example.clone())
        .unwrap_or_else(|error| panic!("{error}: {example:#}"));
    assert_eq!(&serde_json::to_value(&read).expect("a result is JSON"), example);
}

#[test]
fn tables_of_fields_are_those_of_the_wire() {
    let structs = structs_of_the_wire();
    let page = page("docs/protocol.md");
    let mut described = BTreeSet::new();
    for part in page.split("<!-- fields: ").skip(1) {
        let (mark, rest) = part.split_once(" -->").expect("the comment ends");
        let (name, without) = mark.split_once(", without those of ").unwrap_or((mark, ""));
        let without = structs.get(without).cloned().unwrap_or_default();
        let fields = structs.get(name).unwrap_or_else(|| panic!("the wire has no {name}"));
        let fields: Vec<_> = fields.iter().filter(|field| !without.contains(field)).collect();
        let listed = first_column(rest);
        let expected: BTreeSet<&str> = fields.iter().map(|field| field.as_str()).collect();
        assert_eq!(listed.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{name}");
        assert!(described.insert(name.to_owned()), "{name} has two tables");
    }
    let all: BTreeSet<String> = structs.into_keys().collect();
    assert_eq!(described, all, "every type of the wire has a table");
}

/// Returns the fields of each type of the wire, as they are written in JSON.
fn structs_of_the_wire() -> BTreeMap<String, Vec<String>> {
    let rooms = ["buffer", "edit", "file", "record", "servers", "session", "tool"];
    let files = rooms.map(|room| page(&format!("src/protocol/wire/{room}.rs")));
    let files = files.map(|file| syn::parse_file(&file).expect("it compiles"));
    let structs = files.iter().flat_map(|file| &file.items).filter_map(|item| match item {
        syn::Item::Struct(item) => Some(item),
        _ => None,
    });
    let structs: Vec<&syn::ItemStruct> = structs.collect();
    let fields_of = |name: &str| {
        let item = structs.iter().find(|item| item.ident == name);
        let item = item.unwrap_or_else(|| panic!("the wire has no {name}"));
        item.fields.iter().flat_map(|field| names_of(field, &structs)).collect()
    };
    structs
        .iter()
        .map(|item| (item.ident.to_string(), fields_of(&item.ident.to_string())))
        .collect()
}

/// Returns the names under which a field is written: its own, the one it is
/// renamed to, or those of the type that it is dissolved into.
fn names_of(field: &syn::Field, structs: &[&syn::ItemStruct]) -> Vec<String> {
    let mut names = vec![field.ident.as_ref().expect("a named field").to_string()];
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let syn::Meta::List(list) = &attribute.meta else { continue };
        let text = list.tokens.to_string();
        if let Some((_, rest)) = text.split_once("rename = \"") {
            names = vec![rest.split('"').next().unwrap_or_default().to_owned()];
        }
        if text.contains("flatten") {
            let syn::Type::Path(path) = &field.ty else { panic!("a plain type is dissolved") };
            let inner = structs.iter().find(|item| path.path.is_ident(&item.ident.to_string()));
            let fields = inner.iter().flat_map(|item| item.fields.iter());
            names = fields.flat_map(|field| names_of(field, structs)).collect();
        }
    }
    names
}

#[test]
fn limits_are_those_of_the_program() {
    let page = page("docs/protocol.md");
    let (_, table) = page.split_once("| limit | default |").expect("the page has the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|')).map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[2].parse().expect("a number"))
    });
    let limits = Limits::default().entries().map(|(name, limit)| (name.to_owned(), limit));
    assert_eq!(rows.collect::<Vec<(String, u64)>>(), limits);
}

#[test]
fn every_rejection_code_has_its_section_in_order() {
    let page = page("docs/errors.md");
    let (page, _) = page.split_once("\n## Errors of JSON-RPC").expect("the page has two parts");
    let sections = sections(page);
    let titles: Vec<&str> = sections.iter().map(|section| section.title).collect();
    assert_eq!(titles, Code::ALL.map(Code::as_str));
    let answered = codes_in_use();
    for (section, code) in sections.iter().zip(Code::ALL) {
        let says_never = section.text.contains("This version never answers it");
        assert_eq!(says_never, !answered.contains(&code), "{code}: what the page says");
        let examples = json_blocks(section.text);
        assert_eq!(examples.len(), usize::from(!says_never), "{code}: examples");
        examples.iter().for_each(|example| check_rejection(example, code, section.text));
    }
}

/// Holds an example against its section: it may carry only what is listed there.
#[track_caller]
fn check_rejection(example: &Value, code: Code, section: &str) {
    same::<wire::RejectedResult>(example);
    let rejection = example["rejection"].as_object().expect("a rejection");
    assert_eq!(rejection["code"], code.as_str());
    let (_, carries) = section.split_once("- **Carries** ").expect("what the answer carries");
    let listed: Vec<&str> = first_sentence(carries).split('`').skip(1).step_by(2).collect();
    let extra = rejection.keys().filter(|key| !["code", "message"].contains(&key.as_str()));
    let extra: Vec<&String> = extra.filter(|key| !listed.contains(&key.as_str())).collect();
    assert!(extra.is_empty(), "{code}: the section does not list {extra:?}");
}

/// Returns the codes that the program names anywhere but in their list.
fn codes_in_use() -> BTreeSet<Code> {
    let mut names = BTreeSet::new();
    let source = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    for folder in ["src", "engine/src", "grammars/src", "lsp-bridge/src"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let walk = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("a file"));
        for entry in walk
            .filter(|entry| source(entry.path()) && !entry.path().ends_with("engine/src/error.rs"))
        {
            let path = entry.path().strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("ours");
            let text = page(path.to_str().expect("a plain name"));
            let after = text.split("Code::").skip(1);
            names.extend(
                after.map(|rest| {
                    rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>()
                }),
            );
        }
    }
    Code::ALL.into_iter().filter(|code| names.contains(&format!("{code:?}"))).collect()
}

#[test]
fn codes_of_json_rpc_are_those_of_the_program() {
    let page = page("docs/errors.md");
    let (_, part) = page.split_once("\n## Errors of JSON-RPC").expect("the page has two parts");
    let codes = first_column(part).into_iter().map(|code| code.parse().expect("a number"));
    assert_eq!(
        codes.collect::<Vec<i64>>(),
        [
            RpcError::PARSE,
            RpcError::INVALID_REQUEST,
            RpcError::UNKNOWN_METHOD,
            RpcError::INVALID_PARAMS,
            RpcError::INTERNAL,
            RpcError::NOT_OPENED,
            RpcError::OVER_LIMIT,
            RpcError::CANCELLED,
        ]
    );
    for block in json_blocks(part) {
        same::<RpcError>(&block["error"]);
    }
}

#[test]
fn every_suite_has_its_row_and_every_row_its_suite() {
    let testing = page("docs/testing.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in testing
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.ends_with(".rs") || name.ends_with(".md"))
    {
        let there = root.join(path).exists() || root.join("engine/tests/it").join(path).exists();
        assert!(there, "docs/testing.md names {path}, which is not there");
    }
    for folder in ["tests/it", "tests/cases"] {
        for entry in walkdir::WalkDir::new(root.join(folder)).min_depth(1).max_depth(1) {
            let entry = entry.expect("the tree can be read");
            let name = entry.file_name().to_str().expect("a plain name");
            let path = format!("`{folder}/{name}`");
            let is_suite =
                name.ends_with(".md") || page(path.trim_matches('`')).contains("#[test]");
            assert!(!is_suite || testing.contains(&path), "docs/testing.md has no row for {path}");
        }
    }
    for row in testing.lines().filter(|row| row.contains("| `tests/cases/")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let is_edit =
            |row: &&str| row.starts_with("```") && row.trim_start_matches('`').starts_with("edit");
        let cases = page(cells[3].trim_matches('`')).lines().filter(is_edit).count();
        assert_eq!(cells[4], cases.to_string(), "{}: number of cases", cells[1]);
    }
}

#[test]
fn the_table_of_tools_is_that_of_the_program() {
    let page = page("docs/mcp.md");
    let (_, table) = page.split_once("| tool | takes |").expect("the page has the table");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|')).map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let takes = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (cells[1].trim_matches('`').to_owned(), takes, cells[4].to_owned())
    });
    let tools = mcp::tools::ALL.map(|tool| {
        let takes = tool.arguments.iter().map(|argument| argument.name.to_owned()).collect();
        let set = if tool.core { "core" } else { "extended" };
        (tool.name.to_owned(), takes, set.to_owned())
    });
    assert_eq!(rows.collect::<Vec<(String, Vec<String>, String)>>(), tools);
    assert!(json_blocks(&page).len() >= 7, "the page has lost its configurations");
}

#[test]
fn the_readme_and_ci_run_the_same_commands() {
    let readme = page("README.md");
    let ci = page(".ci/run");
    for command in ["cargo run --release -- tour", "cargo test --workspace"] {
        assert!(
            readme.lines().any(|row| row.trim() == command),
            "the README does not say {command}"
        );
    }
    assert!(ci.lines().any(|row| row.trim() == "cargo test --workspace"));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let walk =
        walkdir::WalkDir::new(root.join("docs")).into_iter().map(|entry| entry.expect("a file"));
    let docs = walk.map(|entry| entry.into_path());
    let pages = docs.chain([root.join("README.md"), root.join("CHANGELOG.md")]);
    let mut dead = Vec::new();
    for path in pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let name = path.strip_prefix(root).expect("it lies in the tree").to_str().expect("plain");
        let text = page(name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let (target, anchor) = link.0.split_once('#').unwrap_or((link.0, ""));
            if target.contains("://") {
                continue;
            }
            let file = match target {
                "" => path.clone(),
                target => path.parent().expect("a directory").join(target),
            };
            let there = file.exists() && (anchor.is_empty() || has_heading(&file, root, anchor));
            if !there {
                dead.push(format!("{name}: {}", link.0));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere: {dead:#?}");
}

/// Returns whether a page has the heading that `anchor` leads to.
fn has_heading(file: &Path, root: &Path, anchor: &str) -> bool {
    let file = file.canonicalize().expect("it is there");
    let name = file.strip_prefix(root.canonicalize().expect("it is there")).expect("in the tree");
    let slug = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    let text = page(name.to_str().expect("a plain name"));
    text.lines().filter(|row| row.starts_with('#')).any(|row| slug(row) == anchor)
}

/// A fenced block of a page.
struct Block {
    /// The row of its fence (1-based).
    row: usize,
    kind: String,
    text: String,
    /// The first row behind it that is not blank.
    after: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rows = page.lines().zip(1..);
    while let Some((row, number)) = rows.next() {
        let kind = row.trim_start_matches('`');
        let fence = &row[..row.len() - kind.len()];
        if fence.len() < 3 {
            continue;
        }
        let body = rows.by_ref().map(|(row, _)| row).take_while(|row| *row != fence);
        let text: String = body.map(|row| format!("{row}\n")).collect();
        let after = rows.clone().map(|(row, _)| row).find(|row| !row.is_empty());
        blocks.push(Block {
            row: number,
            kind: kind.to_owned(),
            text,
            after: after.unwrap_or_default().to_owned(),
        });
    }
    blocks
}

fn json_blocks(page: &str) -> Vec<Value> {
    let blocks = blocks(page).into_iter().filter(|block| block.kind == "json");
    let value = |block: Block| {
        serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{error}: {}", block.text))
    };
    blocks.map(value).collect()
}

/// What stands under a heading of the third level that is a name in backticks.
struct Section<'a> {
    title: &'a str,
    text: &'a str,
}

fn sections(page: &str) -> Vec<Section<'_>> {
    let parts = page.split("\n### `").skip(1);
    let section = |part: &'_ str| -> Option<(usize, usize)> {
        let end = part.find('`')?;
        let next = part.find("\n## ").unwrap_or(part.len());
        Some((end, next))
    };
    parts
        .filter_map(|part| {
            let (end, next) = section(part)?;
            Some(Section { title: &part[..end], text: &part[end..next] })
        })
        .collect()
}

/// Returns the names between backticks in the first column of the first table.
fn first_column(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|row| !row.starts_with('|'));
    let rows = rows.take_while(|row| row.starts_with('|')).skip(2);
    let names = rows.filter_map(|row| row.split('`').nth(1));
    names.map(str::to_owned).collect()
}

fn first_sentence(text: &str) -> &str {
    let row = text.lines().next().unwrap_or_default();
    row.split_once(". ").map_or(row, |(sentence, _)| sentence)
}
