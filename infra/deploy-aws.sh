#!/bin/sh
# Deploys to AWS with the AWS SAM CLI: `make deploy`. Deploying again updates.
#
# Credentials and region come from the environment, as for every AWS tool. Further settings:
#   WEIR_STACK          name of the stack (default: weir)
#   WEIR_ARCHITECTURE   arm64 (default) or x86_64
#   WEIR_PARAMETERS     further parameters of template.yaml, e.g. "PublicUrl=https://billing.example AlarmTopic=arn:..."
#
# The first run makes the deployment's keys as a secret in Secrets Manager (about 0.40 USD a month); the admin key is
# `admin_key` in it. Neither the table, the bucket nor the secret goes with the stack.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

stack=${WEIR_STACK:-weir}
architecture=${WEIR_ARCHITECTURE:-arm64}
# Of the C library that Amazon Linux 2023 has: a program that needs a newer one does not start there.
glibc_max=2.34

"$root/infra/venv.sh"
tools="$root/build/deploy-tools"
if [ ! -x "$tools/bin/sam" ] || [ ! -x "$tools/bin/cargo-lambda" ]; then
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement "$root/infra/deploy-requirements.txt"
fi
PATH="$tools/bin:$PATH"
export PATH

WEIR_ARCHITECTURE=$architecture "$root/infra/build-functions.sh" lambda

for bootstrap in build/*/bootstrap; do
    needs=$(objdump -T "$bootstrap" | grep -o 'GLIBC_2\.[0-9]*' | sort -Vu | tail -1 | sed 's/GLIBC_//')
    newest=$(printf '%s\n%s\n' "$needs" "$glibc_max" | sort -V | tail -1)
    if [ "$newest" != "$glibc_max" ]; then
        echo "$bootstrap needs glibc $needs, Lambda has $glibc_max" >&2
        exit 1
    fi
done

secret=$("$root/.venv/bin/python" infra/keys.py "weir/$stack")

# shellcheck disable=SC2086 # one word per parameter
sam deploy --template-file template.yaml --stack-name "$stack" --resolve-s3 \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset --no-confirm-changeset \
    --parameter-overrides "KeysSecret=$secret" "Architecture=$architecture" ${WEIR_PARAMETERS:-}
