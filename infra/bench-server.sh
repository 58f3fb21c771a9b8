# Sourced by benches: builds a release server and a program that plays against it, and starts the server on a free port with a
# new data folder. Both are gone when the bench ends.
#
#   bench_server NAME PROGRAM   sets `url`, `built` (the folder of programs), `folder` and `server` (its process id)

bench_server() {
    cargo build --locked --release --package weir --package it --bin weir --bin "$2"
    built=${CARGO_TARGET_DIR:-target}/release

    folder=$(mktemp -d)
    server=""
    trap bench_cleanup EXIT
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
        echo "$1: the server did not start:" >&2
        cat "$folder/log" >&2
        exit 1
    fi
}

bench_cleanup() {
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
