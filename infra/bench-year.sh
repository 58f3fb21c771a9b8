#!/usr/bin/env bash
# `make year`: how long sandboxes of a hundred subscriptions take to pass a year on a release server of their own
# (tests/src/bin/year.rs). The server has a free port and a new data folder; both are gone afterwards.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. infra/server.sh
start_release year year
"$built/year" --url "$url" --admin-key bench
if [ -r "/proc/$server/stat" ]; then
    awk -v ticks="$(getconf CLK_TCK)" '{ printf "year: %.1f s of processor time in the server\n", ($14 + $15) / ticks }' "/proc/$server/stat"
fi
