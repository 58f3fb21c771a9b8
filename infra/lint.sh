#!/bin/sh
# `make lint`: everything that a reviewer should not have to say.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

echo "lint: formatting"
cargo fmt --all -- --check
echo "lint: clippy, warnings denied"
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
echo "lint: template.yaml"
.venv/bin/cfn-lint template.yaml
echo "lint: house rules, and the OpenAPI document"
# With the flags of infra/test.sh, so that nothing is compiled twice. One of the tests writes the document.
cargo test --locked --workspace --all-features --test it -- tidy:: openapi::
exec .venv/bin/openapi-spec-validator "${CARGO_TARGET_DIR:-target}/tmp/openapi.json"
