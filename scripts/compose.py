#!/usr/bin/env python3
"""Checks the compose files without Docker: scripts/compose.py --rookery BINARY

Each has to fit the schema of the Compose specification (as check-jsonschema of PyPI carries it), name no folder or file that
is not here, and give the node and HAProxy what they themselves accept: `rookery config check` and `haproxy -c` are asked
with exactly what a service sets. scripts/ship.sh installs what this needs; it runs under that Python.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

TOP = Path(__file__).resolve().parent.parent
FILES = ["compose.yaml", "compose.full.yaml"]
SECRET = "a secret of this run alone, and long enough"


def fail(text):
    sys.exit(f"compose.py: {text}")


def filled(value):
    """As compose fills in variables of the environment; here one is set."""
    return re.sub(r"\$\{ROOKERY_AUTH__SECRET[^}]*\}", SECRET, str(value))


def environment(service):
    """A variable without a value is that of whoever starts compose."""
    given = service.get("environment", {})
    values = {name: SECRET if value is None else filled(value) for name, value in given.items()}
    left = [name for name, value in values.items() if "$" in value]
    if left:
        fail(f"variables that are not known here: {left}")
    return values


def mounts(name, service, volumes):
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("./"):
            if not (TOP / source).exists():
                yield f"{name}: {source} is not there"
        elif source not in volumes:
            yield f"{name}: there is no volume {source}"


def ask(what, command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, cwd=TOP)
    if done.returncode:
        fail(f"{what}: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    print(f"{what}: {command[0].name if isinstance(command[0], Path) else command[0]} accepts it")


def image_environment():
    """What the Dockerfile sets for every container of its image."""
    text = (TOP / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line[4:] for line in text.split("FROM scratch")[1].splitlines() if line.startswith("ENV ")]
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def load(file):
    return YAML(typ="safe").load((TOP / file).read_text())


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rookery", type=Path, required=True, help="the node's binary")
    options = asked.parse_args()
    rookery = options.rookery.resolve()
    checker = Path(sys.executable).parent / "check-jsonschema"
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", *FILES], check=True, cwd=TOP)
    problems = []
    for file in FILES:
        page = load(file)
        services, volumes = page["services"], page.get("volumes", {})
        for name, service in services.items():
            problems += [f"{file}: {problem}" for problem in mounts(name, service, volumes)]
            for other in service.get("depends_on", {}):
                if other not in services:
                    problems.append(f"{file}: {name} waits for {other}, which is not there")
            env = environment(service)
            if service.get("build") == ".":
                env = {**image_environment(), **env}
                # Nothing that a service sets may be no key, or a value that the key does not take.
                ask(f"{file}: {name}", [rookery, "config", "check"], env)
                grace = service.get("stop_grace_period")
                if name == "rookery" and (not grace or int(grace.removesuffix("s")) < 30):
                    problems.append(f"{file}: {name}: stop_grace_period is shorter than a node may take")
            if service["image"].startswith("haproxy:"):
                # Names of services are known inside; here this machine stands for them.
                here = {key: value.replace("rookery:", "127.0.0.1:") for key, value in env.items()}
                source = next(mount.split(":")[0] for mount in service["volumes"])
                ask(f"{file}: {name}", ["haproxy", "-c", "-f", source], {"PATH": os.environ["PATH"], **here})
    if problems:
        fail("\n".join(problems))
    print("compose: the files are right")


if __name__ == "__main__":
    main()
