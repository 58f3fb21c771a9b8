#!/bin/sh
# Builds every function and puts it where template.yaml looks for it: build/<name>/bootstrap.
#
#   infra/build-functions.sh [PROFILE]       `dev` (default: fast, for tests) or `lambda` (small, for deployment)
#
# WEIR_ARCHITECTURE=arm64|x86_64 builds for another processor than this machine's; that, and building for Amazon Linux's
# older C library, needs cargo-lambda (`pip install cargo-lambda` brings it with its cross linker).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

profile=${1:-dev}
functions="api ingest advance clock billing relay webhooks documents fold"
target=${CARGO_TARGET_DIR:-target}
features=""
packages=""
for name in $functions; do
    features="${features}fn-$name/lambda,"
    packages="$packages --package fn-$name"
done
features=${features%,}

machine=$(uname -m)
case ${WEIR_ARCHITECTURE:-$machine} in
    arm64 | aarch64) wanted=aarch64 ;;
    x86_64) wanted=x86_64 ;;
    *) echo "WEIR_ARCHITECTURE is neither arm64 nor x86_64" >&2 && exit 2 ;;
esac

if [ "$profile" = dev ]; then
    # Exactly what tests build: their dependencies switch on features of shared crates, and two different calls would
    # compile nearly everything twice.
    cargo build --locked --workspace --all-features --bins --tests
    built="$target/debug"
elif command -v cargo-lambda >/dev/null; then
    # shellcheck disable=SC2086 # one word per package
    cargo lambda build --locked --profile "$profile" --target "$wanted-unknown-linux-gnu.2.34" \
        --features "$features" $packages
    built="$target/lambda"
elif [ "$wanted" = "$machine" ]; then
    # Only the functions: the workspace's other members would bring in features that no function needs.
    # shellcheck disable=SC2086
    cargo build --locked --profile "$profile" --features "$features" $packages
    built="$target/$profile"
else
    echo "building for $wanted on $machine needs cargo-lambda: pip install cargo-lambda" >&2
    exit 1
fi

for name in $functions; do
    from="$built/$name"
    [ -d "$from" ] && from="$from/bootstrap"
    mkdir -p "build/$name"
    # Written beside and moved: a running emulator never sees half a file.
    if [ "$wanted" = "$machine" ]; then
        strip -o "build/$name/bootstrap.new" "$from"
    else
        cp "$from" "build/$name/bootstrap.new"
    fi
    chmod 755 "build/$name/bootstrap.new"
    mv "build/$name/bootstrap.new" "build/$name/bootstrap"
done
echo "built for $wanted: $functions"
