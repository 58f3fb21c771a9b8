#!/bin/sh
# Every test: `make test`. Arguments go to the test programs (`infra/test.sh tidy::` runs the house rules only).
#
# Functions and tests are built by one cargo call. Test dependencies switch on features of shared crates (tokio's
# `test-util`, for one), so two calls would compile nearly everything twice: half an hour on two cores.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

echo "test: building the workspace, the functions and the tests"
cargo build --locked --workspace --all-features --bins --tests

# The emulated cloud runs build/<name>/bootstrap. Written beside and moved: an emulator never sees half a file.
for folder in functions/*/; do
    name=$(basename "$folder")
    mkdir -p "build/$name"
    strip -o "build/$name/bootstrap.new" "${CARGO_TARGET_DIR:-target}/debug/$name"
    chmod 755 "build/$name/bootstrap.new"
    mv "build/$name/bootstrap.new" "build/$name/bootstrap"
done

echo "test: running"
exec cargo test --locked --workspace --all-features -- "$@"
