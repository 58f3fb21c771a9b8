#!/bin/sh
# `make cloud`: the whole cloud on this machine. Starts the emulator, builds the functions, deploys, and stays until
# Ctrl-C. WEIR_CLOUD_PORT sets the port (default: a free one).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

"$root/infra/venv.sh"
"$root/infra/build-functions.sh" dev

python="$root/.venv/bin/python"
free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
port=${WEIR_CLOUD_PORT:-$("$python" -c "$free_port")}

# Functions inherit these: without the endpoint they would call AWS itself.
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export GATEWAY_PORT="$port" BIND_HOST=127.0.0.1 MINISTACK_REGION=eu-west-1

mkdir -p build
"$python" localstack/msrun.py >build/emulator.log 2>&1 &
emulator=$!
trap 'kill -TERM $emulator 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

healthy='import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/_ministack/health", timeout=2)'
tries=0
until "$python" -c "$healthy" "$AWS_ENDPOINT_URL" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $emulator 2>/dev/null; then
        echo "the emulator did not start; its log is build/emulator.log" >&2
        exit 1
    fi
    sleep 0.1
done

url=$("$python" infra/deploy.py --stack "${WEIR_STACK:-weir}" AllowPrivateTargets=1)
admin_key=$("$python" -c 'import json; print(json.load(open("build/cloud.json"))["admin_key"])')

cat <<END

Weir runs on the emulated cloud.

  API          $url
  admin key    $admin_key
  AWS APIs     AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL (any credentials, region eu-west-1)
  log          build/emulator.log, and CloudWatch Logs of the emulator

  curl -X POST $url/admin/organizations -H 'Authorization: Bearer $admin_key' \\
       -H 'Content-Type: application/json' -d '{"organization": {"name": "Acme"}}'

Should your machine not know names below localhost: add "--resolve '*:$port:127.0.0.1'" to curl.
Ctrl-C stops it; nothing is kept.
END
wait $emulator
