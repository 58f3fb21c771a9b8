#!/usr/bin/env bash
# `make bench`: plays flights against a release server of its own and checks every invoice (tests/src/bin/replay.rs).
#
#   WEIR_FLIGHTS=FILE      the flights (default: the year in ../shared/data if it is there, else the committed cut)
#   WEIR_MONTHS=N          how many months of them (default: all that the file has in full)
#
# The server has a free port and a new data folder; both are gone afterwards. Exit status: that of the replay.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

year=../shared/data/flights2013.csv.gz
cut=tests/data/flights2013-01.csv.gz
if [ -n "${WEIR_FLIGHTS:-}" ]; then
    flights=$WEIR_FLIGHTS months=${WEIR_MONTHS:-12}
elif [ -f "$year" ]; then
    flights=$year months=${WEIR_MONTHS:-12}
else
    flights=$cut months=${WEIR_MONTHS:-1}
fi
echo "bench: $months month(s) of $flights, $(nproc 2>/dev/null || echo '?') processors"

. infra/server.sh
start_release bench replay

status=0
"$built/replay" --url "$url" --admin-key bench --data "$flights" --months "$months" || status=$?

if [ -r "/proc/$server/status" ]; then
    awk '/^VmHWM:/ { printf "bench: peak memory of the server %.0f MiB\n", $2 / 1024 }' "/proc/$server/status"
fi
du -sk "$folder/data" | awk '{ printf "bench: data folder %.0f MiB\n", $1 / 1024 }'
exit "$status"
