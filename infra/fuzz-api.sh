#!/bin/sh
# Schemathesis over Weir's own document, against a Weir of its own (the debug build): no 5xx, no status and no body that the
# document does not have, whatever is sent. `make test` runs it; the seed makes every run the same.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
examples=${WEIR_FUZZ_EXAMPLES:-8}

. infra/server.sh
export WEIR_ADMIN_KEY=fuzz WEIR_ALLOW_PRIVATE_TARGETS=1
start_server fuzz "${CARGO_TARGET_DIR:-target}/debug/weir"

export WEIR_FUZZ_KNOWN="$folder/known.json"
key=$(.venv/bin/python infra/fuzz_api.py "$url" fuzz)

echo "fuzz: schemathesis against $url"
# Left out: the clock, as an instant of any century lets that many years of billing pass; and the operator's route and the
# document's, which other tests have. `negative` data need not be refused: chapter 05, 1.3 coerces.
# In a folder of its own: the tool keeps notes where it runs.
cd "$folder"
if ! SCHEMATHESIS_HOOKS=fuzz_api PYTHONPATH="$root/infra" PYTHONDONTWRITEBYTECODE=1 "$root/.venv/bin/schemathesis" run "$url/api/v1/openapi.json" \
    --url "$url" --header "Authorization: Bearer $key" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --phases examples,coverage,fuzzing --mode all --max-examples "$examples" --seed 20240101 \
    --generation-database none --no-shrink --continue-on-failure --workers 2 --suppress-health-check all --warnings off \
    --exclude-path /api/v1/test_clock --exclude-path /admin/organizations --exclude-path /api/v1/openapi.json --no-color; then
    echo "fuzz: what the server said"
    grep -iE 'error|panic|warn' "$folder/log" | tail -40 || true
    exit 1
fi

# A run that is refused everywhere finds nothing.
reached=$(cat "$WEIR_FUZZ_KNOWN.reached")
[ "$reached" -ge 90 ] || { echo "fuzz: only $reached operations were answered 200"; exit 1; }
