#!/usr/bin/env bash
# `make year`: how long sandboxes of a hundred subscriptions take to pass a year on a release server of their own
# (tests/src/bin/year.rs). The server has a free port and a new data folder; both are gone afterwards.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cargo build --locked --release --package weir --package it --bin weir --bin year
built=${CARGO_TARGET_DIR:-target}/release

folder=$(mktemp -d)
server=""
cleanup() {
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Port 0 is any free one: the server says which.
WEIR_LISTEN=127.0.0.1:0 WEIR_DATA_DIR="$folder/data" WEIR_ADMIN_KEY=bench "$built/weir" serve >"$folder/log" 2>&1 &
server=$!
url=""
for _ in $(seq 300); do
    url=$(sed -n 's/^Weir answers on //p' "$folder/log")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$url" ]; then
    echo "year: the server did not start:" >&2
    cat "$folder/log" >&2
    exit 1
fi
"$built/year" --url "$url" --admin-key bench
if [ -r "/proc/$server/stat" ]; then
    awk -v ticks="$(getconf CLK_TCK)" '{ printf "year: %.1f s of processor time in the server\n", ($14 + $15) / ticks }' "/proc/$server/stat"
fi
