#!/bin/sh
# Makes .venv at the repository root with infra/requirements.txt. Does nothing if it is already up to date.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
requirements="$root/infra/requirements.txt"
venv="$root/.venv"
# The stamp is a copy of what was installed: it is written last, so an interrupted run starts again.
stamp="$venv/installed-requirements.txt"

if cmp -s "$requirements" "$stamp"; then
    exit 0
fi
if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$stamp"
