//! Published versions of packages: what changed between two of them is an edit,
//! and the version before is what others left.
//!
//! The manifest names packages, versions, checksums and licences. The bytes are
//! fetched by the ordinary clients (`cargo`, `pip`, `npm`) on first use, held
//! against the checksums, and kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::BenchError;
use super::super::files::{self, Scratch};
use super::super::task::Task;
use super::{Surroundings, is_source};
use crate::process::{Job, run};

const MANIFEST: &str = include_str!("published.json");

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Published packages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Published {
    /// The packages, in the order of the tasks.
    pub packages: Vec<Package>,
}

/// Some versions of one package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Package {
    /// `cargo`, `pip` or `npm`.
    pub client: String,
    /// Its name there.
    pub name: String,
    /// Its licence, as it states it.
    pub license: String,
    /// The oldest first: version, and the SHA-256 of its archive.
    pub versions: Vec<(String, String)>,
}

/// Returns the tasks of a manifest, fetched where they are not kept yet.
pub(super) fn load(
    manifest: Option<&Path>,
    around: &Surroundings<'_>,
) -> Result<Vec<Task>, BenchError> {
    let text = match manifest {
        Some(path) => files::text(path)?,
        None => MANIFEST.to_owned(),
    };
    let published: Published = serde_json::from_str(&text)
        .map_err(|error| BenchError::Malformed(format!("the manifest of packages: {error}")))?;
    let mut tasks = Vec::new();
    for package in &published.packages {
        let folders = fetch(package, around)?;
        for (number, pair) in folders.windows(2).enumerate() {
            let earlier = number.checked_sub(1).map(|earlier| folders[earlier].as_path());
            between(package, number, earlier, (&pair[0], &pair[1]), &mut tasks);
        }
    }
    Ok(tasks)
}

/// Adds the edits that lead from one version to the next.
fn between(
    package: &Package,
    number: usize,
    earlier: Option<&Path>,
    (before, after): (&Path, &Path),
    tasks: &mut Vec<Task>,
) {
    for path in files::below(before) {
        let Some(name) = path.to_str().filter(|name| is_source(name)) else { continue };
        let text = |folder: &Path| files::text(&folder.join(&path)).ok();
        let (Some(old), Some(new)) = (text(before), text(after)) else { continue };
        let version = &package.versions[number + 1].0;
        let id = format!("{}@{version}:{name}", package.name);
        let task = Task::between(id, &package.name, name, &old, &new);
        let now = earlier.and_then(text);
        tasks.extend(task.map(|task| match &now {
            Some(now) => task.drifted_to(now),
            None => task,
        }));
    }
}

/// Returns the directories of all versions of a package.
fn fetch(package: &Package, around: &Surroundings<'_>) -> Result<Vec<PathBuf>, BenchError> {
    let mut folders = Vec::new();
    for (version, checksum) in &package.versions {
        let name = format!("{}-{}-{version}", package.client, package.name.replace('/', "+"));
        let folder = around.cache.join(name);
        if !files::is_there(&folder) {
            (around.say)(&format!("fetching {} {version}", package.name));
            let scratch = Scratch::new(around.cache, "fetch")?;
            let (unpacked, archive, found) = match package.client.as_str() {
                "cargo" => vendored(&package.name, version, scratch.path())?,
                _ => {
                    let archive = download(package, version, scratch.path())?;
                    let found = hex(&Sha256::digest(files::bytes(&archive)?));
                    (unpacked(&archive, scratch.path())?, archive, found)
                }
            };
            if found != *checksum {
                let expected = checksum.clone();
                return Err(BenchError::Checksum { path: archive, expected, found });
            }
            files::publish(&unpacked, &folder)?;
        }
        folders.push(folder);
    }
    Ok(folders)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the archive of one version, as the package's client fetches it.
fn download(package: &Package, version: &str, folder: &Path) -> Result<PathBuf, BenchError> {
    let name = &package.name;
    match package.client.as_str() {
        "pip" => {
            let wanted = format!("{name}=={version}");
            let words = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check"];
            let more = ["--no-deps", "--only-binary=:all:", "-d", ".", &wanted];
            client("python3", &[words.as_slice(), &more].concat(), folder)?;
        }
        "npm" => {
            let wanted = format!("{name}@{version}");
            client("npm", &["pack", "--silent", "--ignore-scripts", &wanted], folder)?;
        }
        other => return Err(BenchError::Usage(format!("{other:?} is no client that is known"))),
    }
    let fetched = files::below(folder).into_iter().next().map(|file| folder.join(file));
    fetched.ok_or_else(|| BenchError::Program {
        program: package.client.clone(),
        message: format!("it left no archive of {name} {version}"),
    })
}

#[derive(Deserialize)]
struct Vendored {
    package: String,
}

/// Returns the directory of a crate, where its archive's checksum stands, and
/// that checksum: cargo fetches it for a program that needs nothing else, and
/// holds the bytes against its index.
fn vendored(
    name: &str,
    version: &str,
    folder: &Path,
) -> Result<(PathBuf, PathBuf, String), BenchError> {
    let manifest = format!(
        "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\n\
         {name} = {{ version = \"={version}\", default-features = false }}\n[workspace]\n"
    );
    files::write(&folder.join("Cargo.toml"), manifest)?;
    files::write(&folder.join("src/lib.rs"), "")?;
    client("cargo", &["vendor", "--quiet", "--versioned-dirs", "vendor"], folder)?;
    let sources = folder.join("vendor").join(format!("{name}-{version}"));
    let sums = sources.join(".cargo-checksum.json");
    let vendored: Vendored = serde_json::from_str(&files::text(&sums)?)
        .map_err(|error| BenchError::Malformed(format!("{}: {error}", sums.display())))?;
    Ok((sources, sums, vendored.package))
}

/// Returns the directory that an archive was unpacked into.
fn unpacked(archive: &Path, folder: &Path) -> Result<PathBuf, BenchError> {
    let into = folder.join("unpacked");
    files::make_folder(&into)?;
    let (file, into_text) = (archive.display().to_string(), into.display().to_string());
    match archive.extension().is_some_and(|ending| ending == "whl") {
        true => client("python3", &["-m", "zipfile", "-e", &file, &into_text], folder)?,
        false => {
            // One directory at the top, whatever its name.
            let words = ["-xzf", &file, "-C", &into_text, "--strip-components=1"];
            client("tar", &words, folder)?;
        }
    }
    Ok(into)
}

fn client(program: &str, arguments: &[&str], directory: &Path) -> Result<(), BenchError> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let job = Job { program, arguments, directory, input: b"", patience: PATIENCE };
    let ended = run(&job).map_err(BenchError::io(program))?;
    match ended.success {
        true => Ok(()),
        false => Err(BenchError::Program {
            program: program.to_owned(),
            message: String::from_utf8_lossy(&ended.errors).chars().take(2000).collect(),
        }),
    }
}
