#!/bin/sh
# Every test: `make test`. Arguments go to the test programs (`infra/test.sh tidy::` runs the house rules only).
#
# Functions and tests are built by one cargo call. Test dependencies switch on features of shared crates (tokio's
# `test-util`, for one), so two calls would compile nearly everything twice: half an hour on two cores.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

echo "test: building the workspace, the functions and the tests"
infra/build-functions.sh dev

echo "test: running"
cargo test --locked --workspace --all-features -- "$@"

# With arguments a part of the tests was asked for.
if [ "$#" -eq 0 ]; then
    infra/fuzz-api.sh
fi
