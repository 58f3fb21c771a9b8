"""The keys of a deployment: one secret in Secrets Manager, made once (docs/adr/0005-keys-of-a-deployment.md).

    infra/keys.py NAME      makes the secret if there is none of that name; prints its name
"""

import base64
import json
import secrets
import subprocess
import sys

import boto3


def fresh():
    """New keys, as cloud::wiring reads them from the environment of the functions."""
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"]
    private = subprocess.run(command, check=True, capture_output=True).stdout
    # OpenSSL 1 writes DER in the older form; both forms become PKCS#8 here.
    command = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"]
    private = subprocess.run(command, input=private, check=True, capture_output=True).stdout
    return {
        "master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "admin_key": secrets.token_urlsafe(32),
        "signing_key": base64.b64encode(private).decode(),
    }


def ensure(name):
    """The keys under this name. Never replaces any: what the master key has sealed would be lost."""
    client = boto3.client("secretsmanager")
    try:
        return json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        keys = fresh()
        client.create_secret(Name=name, Description="Keys of a deployment of Weir", SecretString=json.dumps(keys))
        return keys


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    ensure(sys.argv[1])
    print(sys.argv[1])
