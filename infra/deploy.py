"""Deploys template.yaml to the emulator with the functions in build/, in about two seconds.

    infra/deploy.py [--stack NAME] [--to FILE] [Parameter=value ...]

AWS_ENDPOINT_URL and credentials come from the environment. Deploys again over an older deployment of the same name.
Writes what tests and people need (URLs, keys, outputs) to build/cloud.json, or to FILE. For AWS itself: deploy-aws.sh.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import re
import sys
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError, WaiterError

sys.path.insert(0, str(Path(__file__).parent))
import keys  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def package(folder):
    """The zip of a function: one file, stored, executable, without a time, so that the same code is the same zip."""
    bootstrap = folder / "bootstrap"
    if not bootstrap.is_file():
        sys.exit(f"{bootstrap.relative_to(ROOT)} is missing: run infra/build-functions.sh")
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o100755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(entry, bootstrap.read_bytes())
    return content.getvalue()


def upload(s3, bucket, folder):
    """The address of the function's zip in the bucket."""
    content = package(folder)
    key = f"{folder.name}-{hashlib.sha256(content).hexdigest()[:32]}.zip"
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    return f"s3://{bucket}/{key}"


def put_stack(client, name, template, parameters):
    """Creates or updates the stack and waits for it; ends the program with the reasons if that fails."""
    request = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        client.create_stack(**request)
        waiter = client.get_waiter("stack_create_complete")
    except client.exceptions.AlreadyExistsException:
        try:
            client.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return outputs(client, name)
        waiter = client.get_waiter("stack_update_complete")
    try:
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    except WaiterError as error:
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        sys.exit("\n".join([f"the stack `{name}` could not be deployed: {error}", *reasons]))
    return outputs(client, name)


def outputs(client, name):
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="weir")
    arguments.add_argument("--to", type=Path, default=ROOT / "build" / "cloud.json")
    arguments.add_argument("parameters", nargs="*", metavar="Parameter=value")
    given = arguments.parse_args()
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    if not endpoint:
        sys.exit("AWS_ENDPOINT_URL is not set: this deploys to the emulator only; for AWS use `make deploy`")

    secret = f"weir/{given.stack}"
    deployment_keys = keys.ensure(secret)

    s3 = boto3.client("s3")
    bucket = f"{given.stack}-code"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    template = (ROOT / "template.yaml").read_text()
    template = re.sub(
        r"CodeUri: (build/\w+)/", lambda found: f"CodeUri: {upload(s3, bucket, ROOT / found.group(1))}", template
    )

    parameters = {
        "KeysSecret": secret,
        "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        "EventsWindowSeconds": "0",
        "RequireTls": "0",
        **dict(parameter.split("=", 1) for parameter in given.parameters),
    }
    # The emulator takes a reference to a number for a text, which it then cannot compare.
    concurrency = int(parameters.get("EventsConcurrency", 2))
    template = template.replace("MaximumConcurrency: !Ref EventsConcurrency", f"MaximumConcurrency: {concurrency}")

    client = boto3.client("cloudformation")
    deployed = put_stack(client, given.stack, template, parameters)
    if "PublicUrl" not in parameters:
        # The emulator's own address of the API, known only once it exists.
        parameters["PublicUrl"] = endpoint.replace("://127.0.0.1", f"://{deployed['ApiId']}.execute-api.localhost")
        deployed = put_stack(client, given.stack, template, parameters)

    # The emulator ignores the template's TimeToLiveSpecification.
    try:
        boto3.client("dynamodb").update_time_to_live(
            TableName=deployed["TableName"],
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "x"},
        )
    except ClientError as error:
        if "already enabled" not in str(error):
            raise

    description = {
        "stack": given.stack,
        "endpoint": endpoint,
        "url": deployed["PublicUrl"],
        "admin_key": deployment_keys["admin_key"],
        "outputs": deployed,
    }
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text(json.dumps(description, indent=2) + "\n")
    print(description["url"])


if __name__ == "__main__":
    main()
