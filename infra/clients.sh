#!/bin/sh
# Installs the official clients of the reference API for tests/it/clients, pinned: Python ones into .clients, JavaScript ones
# into tests/it/clients/node_modules, the Rust one with its story into target/clients. Does nothing if they are up to date.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
lists="$root/tests/it/clients"

# The stamps are copies of what was installed: they are written last, so an interrupted run starts again.
for version in 0.56.1 1.55.0; do
    list="$lists/python-$version.txt"
    folder="$root/.clients/python-$version"
    if ! cmp -s "$list" "$folder/installed.txt"; then
        rm -rf "$folder"
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$list" --target "$folder"
        cp "$list" "$folder/installed.txt"
    fi
done

# A workspace of its own, so that the client's TLS stack stays out of everything else.
cargo build --quiet --locked --manifest-path "$lists/rust/Cargo.toml" --target-dir "$root/target/clients"

# Without Node the tests say what to install.
if command -v npm >/dev/null && ! cmp -s "$lists/package-lock.json" "$lists/node_modules/installed.json"; then
    npm ci --prefix "$lists" --silent --no-audit --no-fund --ignore-scripts
    cp "$lists/package-lock.json" "$lists/node_modules/installed.json"
fi
