//! House rules that the compiler does not know: who may name whom, what must be documented, what is forgotten.
//!
//! Offline and fast: this reads the repository's files, and asks cargo for the crate graph. Each check says what to do.
//! Lists of old offenders may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders that are made, not written.
const MADE: [&str; 9] =
    ["target", "build", "data", "node_modules", ".git", ".venv", ".clients", "golden", "__pycache__"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file's place in the repository, with `/`.
fn place(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Every written file below a folder.
fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // `tests/data` is written; `data` at the root is a server's.
            let is_made = MADE.contains(&name.as_str()) && place(&path) != "tests/data";
            match path.is_dir() {
                true if !is_made => folders.push(path),
                false if name != ".git" => found.push(path),
                // In a second work tree, `.git` is a file.
                true | false => {}
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    let all = ["functions", "local", "shared", "tests"].into_iter().flat_map(files);
    all.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Tests of a module stand in a file of their own; its module has the header.
fn is_test_file(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    matches!(name.as_ref(), "tests" | "testing" | "samples") || name.ends_with("_tests")
}

/// The code of a file without the unit tests at its end.
fn without_tests(code: &str) -> &str {
    code.split("\nmod tests {").next().unwrap_or(code)
}

/// What stands between `open` and the next `close`, everywhere in a text.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

fn check(what: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{what}:\n  {}", offenders.join("\n  "));
}

// --- Who may name whom (ARCHITECTURE.md, 2) ---------------------------------------------------------------------------

/// What a crate may name, beside what the crates of its line may name anyway.
const ARROWS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("wire", &["domain"]),
    ("app", &["domain", "store", "wire"]),
    ("cloud", &["app", "domain", "store"]),
    ("gateways", &["app", "domain"]),
    ("documents", &["app", "domain"]),
    // Everything but what only the cloud needs.
    (
        "weir",
        &[
            "app",
            "documents",
            "domain",
            "gateways",
            "store",
            "wire",
            "fn-advance",
            "fn-api",
            "fn-billing",
            "fn-clock",
            "fn-documents",
            "fn-fold",
            "fn-ingest",
            "fn-relay",
            "fn-webhooks",
        ],
    ),
    // The library tells stories over HTTP; only the tests themselves name crates.
    ("it", &[]),
];
const FUNCTION_ARROWS: [&str; 7] = ["app", "cloud", "documents", "domain", "gateways", "store", "wire"];

/// Old offenders. `cloud` takes the machine's clock and ids from `gateways`, without its HTTP client.
const ARROW_OFFENDERS: [(&str, &str); 1] = [("cloud", "gateways")];

/// What the rules may never name: I/O, serialization, runtimes, SDKs.
const NOT_IN_DOMAIN: [&str; 8] =
    ["async-trait", "reqwest", "rusqlite", "serde", "serde_json", "tokio", "tracing", "tracing-subscriber"];

/// Our packages: their manifests as cargo understands them.
fn packages() -> BTreeMap<String, Value> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages").iter();
    packages.map(|package| (text(&package["name"]).to_owned(), package.clone())).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a package's code names: test dependencies aside.
fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten().filter(|dependency| dependency["kind"].is_null())
}

#[test]
fn crates_name_only_what_lies_below_them() {
    let packages = packages();
    let mut offenders = Vec::new();
    for (name, package) in &packages {
        let known = ARROWS.iter().find(|(known, _)| known == name).map(|(_, arrows)| *arrows);
        let allowed = known.or(name.starts_with("fn-").then_some(FUNCTION_ARROWS.as_slice()));
        let allowed =
            allowed.unwrap_or_else(|| panic!("`{name}` is new: say in ARROWS what it may name, and in an ADR"));
        for dependency in dependencies(package).map(|dependency| text(&dependency["name"])) {
            let is_ours = packages.contains_key(dependency);
            let is_old = ARROW_OFFENDERS.contains(&(name, dependency));
            if is_ours && !allowed.contains(&dependency) && !is_old {
                offenders.push(format!("{name} -> {dependency}"));
            }
            if name == "domain" && (NOT_IN_DOMAIN.contains(&dependency) || dependency.starts_with("aws")) {
                offenders.push(format!("the rules name {dependency}"));
            }
            let is_sdk =
                dependency.starts_with("aws-sdk") || dependency == "aws-config" || dependency.starts_with("lambda_");
            if is_sdk && matches!(name.as_str(), "app" | "wire" | "weir" | "gateways" | "documents") {
                offenders
                    .push(format!("{name} names {dependency}, which is for `cloud`, `store::dynamo` and functions"));
            }
        }
    }
    check("arrows that ARCHITECTURE.md, 2, does not have", offenders);
}

#[test]
fn old_offenders_still_offend() {
    let packages = packages();
    for (name, dependency) in ARROW_OFFENDERS {
        let still = dependencies(&packages[name]).any(|found| found["name"] == dependency);
        assert!(still, "{name} -> {dependency} is gone: take it out of ARROW_OFFENDERS");
    }
}

#[test]
fn functions_link_only_what_they_plug_in() {
    let mut offenders = Vec::new();
    for (name, package) in packages().iter().filter(|(name, _)| name.starts_with("fn-")) {
        for dependency in dependencies(package) {
            let adapter = text(&dependency["name"]);
            let is_own = match adapter {
                "documents" => name == "fn-documents",
                "gateways" => name == "fn-webhooks",
                _ => true,
            };
            if !is_own {
                offenders.push(format!("{name} links {adapter}"));
            }
            let is_adapter = matches!(adapter, "cloud" | "documents" | "gateways") || adapter.starts_with("lambda_");
            if is_adapter && dependency["optional"] != true {
                offenders.push(format!("{name} links {adapter} into the local host too: put it behind `lambda`"));
            }
            let features = dependency["features"].as_array().into_iter().flatten();
            if adapter == "store" && features.into_iter().any(|feature| feature == "sqlite") {
                offenders.push(format!("{name} links SQLite"));
            }
        }
    }
    check("functions that link too much", offenders);
}

// --- Files ------------------------------------------------------------------------------------------------------------

#[test]
fn every_module_says_what_it_is() {
    let files = rust_files().into_iter().filter(|path| !is_test_file(path));
    let silent = files.filter(|path| !read(path).starts_with("//!")).map(|path| place(&path)).collect();
    check("files that do not begin with a `//!` header", silent);
}

/// Where a file's child modules live.
fn home_of_children(file: &Path) -> PathBuf {
    let folder = file.parent().expect("a file has a folder");
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_root = matches!(stem.as_str(), "mod" | "lib" | "main") || folder.ends_with("bin");
    if is_root { folder.to_owned() } else { folder.join(stem) }
}

/// The modules that a file declares in other files.
fn declared(file: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut own_path: Option<String> = None;
    for line in read(file).lines().map(str::trim) {
        if let Some(path) = between(line, "#[path = \"", "\"]").first() {
            own_path = Some((*path).to_owned());
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words.iter().position(|word| *word == "mod").and_then(|at| words.get(at + 1));
        let Some(name) = name.and_then(|name| name.strip_suffix(';')) else { continue };
        let home = home_of_children(file);
        found.extend(match own_path.take() {
            Some(path) => vec![file.parent().expect("a file has a folder").join(path)],
            None => vec![home.join(format!("{name}.rs")), home.join(name).join("mod.rs")],
        });
    }
    found
}

#[test]
fn no_file_is_forgotten() {
    let all = rust_files();
    let is_root = |path: &&PathBuf| {
        let file = place(path);
        let target = ["/src/lib.rs", "/src/main.rs", "/it/main.rs"].iter().any(|end| file.ends_with(end));
        let own_targets = |folder: &Path| folder.ends_with("src/bin") || folder.ends_with("benches");
        target || path.parent().is_some_and(own_targets)
    };
    let mut reached: BTreeSet<PathBuf> = all.iter().filter(is_root).cloned().collect();
    let mut rest: Vec<PathBuf> = reached.iter().cloned().collect();
    while let Some(file) = rest.pop() {
        for child in declared(&file) {
            if child.is_file() && reached.insert(child.clone()) {
                rest.push(child);
            }
        }
    }
    let forgotten = all.iter().filter(|path| !reached.contains(*path)).map(|path| place(path)).collect();
    check("files that no `mod` leads to: nobody compiles them", forgotten);
}

#[test]
fn no_test_is_ignored() {
    let attribute = concat!("#[", "ignore");
    let ignored =
        rust_files().into_iter().filter(|path| read(path).contains(attribute)).map(|path| place(&path)).collect();
    check("ignored tests: assert what is, with a comment, so that the fix turns it red", ignored);
}

#[test]
fn nobody_reads_the_clock_but_its_port() {
    // `cloud::wiring` gives the table the seconds by which items expire.
    let allowed = ["shared/gateways/src/system.rs", "shared/cloud/src/wiring.rs"];
    let clocks = [concat!("Utc::", "now()"), concat!("Local::", "now()"), concat!("SystemTime::", "now()")];
    let of_product = rust_files().into_iter().filter(|path| !place(path).starts_with("tests/"));
    let offenders = of_product.filter(|path| {
        let code = read(path);
        !allowed.contains(&place(path).as_str()) && clocks.iter().any(|clock| without_tests(&code).contains(clock))
    });
    check("files that read a clock: take `now` as an argument", offenders.map(|path| place(&path)).collect());
}

#[test]
fn no_file_knows_somebodys_machine() {
    let homes = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("C:", "\\"),
    ];
    let mut offenders = Vec::new();
    for path in files("") {
        // Fonts and archives are no texts.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            // As a path, not as a part of another one (`https://example.com/home/`).
            let is_path =
                |at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || ".-_}".contains(before));
            if homes.iter().any(|home| line.match_indices(home).any(|(at, _)| is_path(at))) {
                offenders.push(format!("{}:{}", place(&path), number + 1));
            }
        }
    }
    check("absolute paths of a machine", offenders);
}

// --- Documents --------------------------------------------------------------------------------------------------------

/// Functions of `keys` that make no key.
const NO_KEYS: [&str; 0] = [];

#[test]
fn every_key_has_its_row() {
    let keys = read("shared/store/src/keys.rs");
    let documented = read("docs/access-patterns.md");
    let names = between(without_tests(&keys), "\npub fn ", "(");
    assert!(names.len() > 20, "the scan of `keys.rs` finds nothing any more");
    let missing = |name: &&str| !NO_KEYS.contains(name) && !documented.contains(&format!("`{name}`"));
    let missing = names.into_iter().filter(missing).map(str::to_owned).collect();
    check("keys without a row in docs/access-patterns.md", missing);
    let table = read("shared/store/src/table/mod.rs");
    let indexes = between(&table, "=> \"by_", "\"");
    let silent =
        indexes.into_iter().map(|name| format!("by_{name}")).filter(|name| !documented.contains(name)).collect();
    check("indexes without a row in docs/access-patterns.md", silent);
}

/// The arguments of a call that begins right after its bracket, split at its own commas.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(argument) = arguments.last_mut() {
            argument.push(character);
        }
    }
    arguments.into_iter().map(|argument| argument.trim().to_owned()).filter(|argument| !argument.is_empty()).collect()
}

fn literal(argument: &str) -> Option<&str> {
    argument.strip_prefix('"')?.strip_suffix('"')
}

/// Every code that a file's code can answer.
fn codes_of(code: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for call in ["NotFound(\"", "not_found(\""] {
        codes.extend(between(code, call, "\"").into_iter().map(|resource| format!("{resource}_not_found")));
    }
    for call in ["Forbidden(\"", "NotAllowed(\"", "Conflict(\"", "Unprocessable(\""] {
        codes.extend(between(code, call, "\"").into_iter().map(str::to_owned));
    }
    // `problems.add(field, code)` and `Problems::one(field, code)`, with a literal or with a constant of the file.
    for call in [".add(", "Problems::one("] {
        for rest in code.split(call).skip(1) {
            let arguments = arguments(rest);
            let [_, given] = arguments.as_slice() else { continue };
            let constant = between(code, &format!("const {given}: &str = \""), "\"");
            codes.extend(literal(given).or(constant.first().copied()).map(str::to_owned));
        }
    }
    // `fn code(self) -> &'static str { match self { .. => "code" } }`
    for body in between(code, "fn code(self)", "\n    }\n") {
        codes.extend(between(body, "=> \"", "\"").into_iter().map(str::to_owned));
    }
    codes
}

fn every_code() -> BTreeSet<String> {
    // `documents` answers nobody: its codes are languages.
    let speaks = |path: &PathBuf| !["tests/", "shared/documents/"].iter().any(|folder| place(path).starts_with(folder));
    let of_product = rust_files().into_iter().filter(|path| speaks(path) && !is_test_file(path));
    let mut codes: BTreeSet<String> = of_product.flat_map(|path| codes_of(without_tests(&read(path)))).collect();
    // The rest stands as lists in two files.
    codes.extend(between(&read("shared/domain/src/problem.rs"), ": &str = \"", "\"").into_iter().map(str::to_owned));
    let body = read("shared/wire/src/error.rs");
    codes.extend(between(&body, ", Some(\"", "\"").into_iter().map(str::to_owned));
    codes
}

#[test]
fn every_error_code_is_documented_and_exists() {
    let codes = every_code();
    assert!(codes.len() > 50, "the scan finds nothing any more: {codes:?}");
    let documented: BTreeSet<String> = read("docs/errors.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect();
    check("codes that docs/errors.md does not explain", codes.difference(&documented).cloned().collect());
    check("codes of docs/errors.md that nobody answers", documented.difference(&codes).cloned().collect());
}

#[test]
fn the_architecture_names_every_crate_and_function() {
    let architecture = read("ARCHITECTURE.md");
    let folders = |parent: &str| {
        let entries = std::fs::read_dir(root().join(parent)).expect("the folder can be read").flatten();
        let folders = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let crates = folders("shared").into_iter().map(|name| format!("| `shared/{name}` |"));
    let functions = folders("functions").into_iter().map(|name| format!("| `{name}` |"));
    let missing = crates.chain(functions).filter(|row| !architecture.contains(row.as_str())).collect();
    check("rows that ARCHITECTURE.md lacks", missing);
}

#[test]
fn decisions_are_numbered_and_have_four_parts() {
    let mut numbers = BTreeSet::new();
    let mut offenders = Vec::new();
    for path in files("docs/adr") {
        let (place, text) = (place(&path), read(&path));
        let number: String = place.trim_start_matches("docs/adr/").chars().take(4).collect();
        if !numbers.insert(number.clone()) || !text.starts_with(&format!("# {number}: ")) {
            offenders.push(format!("{place}: its number is taken, or its title does not begin with it"));
        }
        let parts = ["\n## Context\n", "\n## Decision\n", "\n## Alternatives\n", "\n## Consequences\n"];
        offenders
            .extend(parts.iter().filter(|part| !text.contains(**part)).map(|part| format!("{place}: {}", part.trim())));
    }
    check("decisions without form", offenders);
}

// --- Stored forms -----------------------------------------------------------------------------------------------------

/// Kind and schema of every record: `impl Record` states them one after the other.
fn records() -> BTreeSet<(String, u32)> {
    let mut records = BTreeSet::new();
    for path in files("shared/store/src").into_iter().filter(|path| !is_test_file(path)) {
        for body in between(&read(path), "const KIND: &'static str = \"", "type Stored") {
            let kind = body.split('"').next().unwrap_or_default();
            let schema = between(body, "const SCHEMA: u32 = ", ";").first().and_then(|number| number.parse().ok());
            records.insert((kind.to_owned(), schema.unwrap_or_default()));
        }
    }
    records
}

#[test]
fn golden_files_are_decoded_and_every_kind_has_them() {
    let tests = ["items/tests.rs", "usage/tests.rs", "usage/fold_tests.rs"];
    let tests: String = tests.iter().map(|place| read(format!("shared/store/src/{place}"))).collect();
    let records = records();
    assert!(records.len() > 10, "the scan finds nothing any more: {records:?}");
    let golden: BTreeSet<String> = std::fs::read_dir(root().join("shared/store/golden"))
        .expect("golden files exist")
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    // The current schema's files are loaded by name of kind and schema, older ones and those without record by their own.
    let is_loaded = |name: &String| {
        let current = records.iter().any(|(kind, schema)| name.starts_with(&format!("{kind}.v{schema}.")));
        current || tests.contains(name.as_str())
    };
    check("golden files that no test decodes", golden.iter().filter(|name| !is_loaded(name)).cloned().collect());
    let missing =
        records.iter().map(|(kind, schema)| format!("{kind}.v{schema}.json")).filter(|name| !golden.contains(name));
    check("kinds without a golden file of their schema", missing.collect());
}
