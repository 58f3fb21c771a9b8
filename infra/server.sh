# Sourced by what plays against a server of its own: it listens on a free port, has a new data folder, and both are gone when
# the program ends. Settings (`WEIR_ADMIN_KEY` ...) come from the environment.
#
#   start_server NAME WEIR         runs the program WEIR; sets `url`, `folder` and `server` (its process id)
#   start_release NAME PROGRAM     builds the server and PROGRAM for it, starts it; sets `built` (the folder of programs) too

start_server() {
    folder=$(mktemp -d)
    server=""
    trap stop_server EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    # Port 0 is any free one: the server says which.
    WEIR_LISTEN=127.0.0.1:0 WEIR_DATA_DIR="$folder/data" "$2" serve >"$folder/log" 2>&1 &
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

start_release() {
    cargo build --locked --release --package weir --package it --bin weir --bin "$2"
    built=${CARGO_TARGET_DIR:-target}/release
    export WEIR_ADMIN_KEY=bench
    start_server "$1" "$built/weir"
}

stop_server() {
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
