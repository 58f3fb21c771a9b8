//! The official clients of the reference API, unmodified: each tells a customer's whole life against the local host, calls every
//! method that stands for an operation of January 2024, and looks at what comes back.
//!
//! `make deps` installs them, pinned (`infra/clients.sh`); each story is a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scenarios::world::{World, url};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a story to its end. `needs` says how to get the program if there is none.
fn tell(command: &mut Command, needs: &str) {
    let world = World::new("2024-01-01");
    // What the machine's proxies are told is not for a server on this very machine.
    let command = command.arg(url("")).arg(&world.key).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {needs}"));
    let (out, problems) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{problems}\n{needs}", output.status);
    assert!(out.trim_end().ends_with("methods told"), "{out}");
    // What the last requests left to be done ends before the books are audited.
    world.settle();
}

fn tell_in_python(version: &str) {
    let packages = root().join(".clients").join(format!("python-{version}"));
    let needs = "`make deps` installs the Python clients into .clients (README, Needs).";
    assert!(packages.is_dir(), "{} is missing. {needs}", packages.display());
    let mut python = Command::new(root().join(".venv/bin/python"));
    python.arg(root().join("tests/it/clients/story.py")).env("PYTHONPATH", packages);
    tell(&mut python, needs);
}

fn tell_in_javascript(client: &str) {
    let client = root().join("tests/it/clients/node_modules").join(client);
    let needs =
        "Node.js 18 or newer with npm is needed, then `make deps` installs the JavaScript clients (README, Needs).";
    assert!(client.is_dir(), "{} is missing. {needs}", client.display());
    let mut node = Command::new("node");
    node.arg(root().join("tests/it/clients/story.cjs")).arg(client);
    tell(&mut node, needs);
}

#[test]
fn python_of_january_2024() {
    tell_in_python("0.56.1");
}

#[test]
fn python_newest() {
    tell_in_python("1.55.0");
}

#[test]
fn javascript_of_january_2024() {
    tell_in_javascript("client-2024");
}

#[test]
fn javascript_newest() {
    tell_in_javascript("client-newest");
}

#[test]
fn rust_newest() {
    let program = root().join("target/clients/debug/official-rust-client");
    let needs = "`make deps` builds the Rust client (README, Needs).";
    assert!(program.is_file(), "{} is missing. {needs}", program.display());
    tell(&mut Command::new(program), needs);
}
