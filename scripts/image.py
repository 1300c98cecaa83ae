#!/usr/bin/env python3
"""Performs the Dockerfile without Docker, and tries what comes out of it.

    scripts/image.py                     the whole file, the release build included (about ten minutes)
    scripts/image.py --binary FILE       the whole file, but cargo hands over this binary instead of building one

The file itself is read and performed, step by step, in clean folders: FROM is Debian's own packages (debootstrap) and this
machine's Rust of the version that the file names; an instruction or a flag that is not known here is a failure. The result
is started as Docker starts it: its own process, network and mount namespaces, root read-only but for its volumes, its user,
no new privileges. Then: health, a message sent and read, SIGTERM, a second start that still has the message.

It needs root, debootstrap and util-linux. Debian's packages come once, from Debian or from DEBIAN_MIRROR, into ${XDG_CACHE_HOME:-$HOME/.cache}/rookery.
It exits with 77 where it cannot run, having said why.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from image_run import Container, Failed, Stage, run, say  # noqa: E402

TOP = HERE.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rookery"
MIRROR = os.environ.get("DEBIAN_MIRROR", "")


def instructions(text):
    """(line, word, arguments) of each; comments and continued lines as Docker reads them."""
    gathered, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        first = first if gathered else number
        if line.rstrip().endswith("\\"):
            gathered += line.rstrip()[:-1] + " "
            continue
        gathered += line
        if gathered.strip():
            word, _, rest = gathered.strip().partition(" ")
            yield first, word.upper(), rest.strip()
        gathered = ""
    if gathered:
        raise Failed(f"line {first} is continued nowhere")


def flags(rest, allowed):
    """The --name=value words in front, and what stands behind them."""
    found = {}
    while match := re.match(r"--([a-z-]+)=(\S+)\s*", rest):
        if match[1] not in allowed:
            raise Failed(f"--{match[1]} is not known here")
        found.setdefault(match[1], []).append(match[2])
        rest = rest[match.end():]
    return found, rest


def listed(rest):
    """The JSON form of a command; the other one needs a shell, which a small image does not have."""
    try:
        words = json.loads(rest)
    except ValueError:
        raise Failed(f"not a JSON list: {rest}") from None
    return words


def pairs(rest):
    split = [word.partition("=") for word in shlex.split(rest)]
    if not all(between for _, between, _ in split):
        raise Failed(f"not NAME=VALUE: {rest}")
    return {name: value for name, _, value in split}


class Ignored:
    """.dockerignore: the last pattern that fits decides; `!` takes back."""

    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines()]
        self.rules = [self.rule(line) for line in lines if line and not line.startswith("#")]

    @staticmethod
    def rule(line):
        keep = line.startswith("!")
        pattern = line.lstrip("!").strip("/")
        body = ""
        for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
            body += {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
        return keep, re.compile(f"{body}(/.*)?$")

    def has(self, path):
        ignored = False
        for keep, pattern in self.rules:
            if pattern.match(path):
                ignored = not keep
        return ignored


class Builder:
    def __init__(self, work, binary):
        self.work, self.binary = work, binary
        self.stages = {}
        self.stage = None
        self.caches = {"/usr/local/cargo/registry": cargo_home() / "registry"}

    def perform(self, text):
        for line, word, rest in instructions(text):
            begun = time.monotonic()
            step = getattr(self, f"do_{word.lower()}", None)
            if step is None or (self.stage is None and word != "FROM"):
                raise Failed(f"Dockerfile:{line}: {word} is not known here")
            try:
                step(rest)
            except (Failed, subprocess.CalledProcessError, OSError) as error:
                raise Failed(f"Dockerfile:{line}: {word}: {error}") from error
            say(f"{line:4} {word} {rest[:70]}  {time.monotonic() - begun:.1f} s")
        return self.stage

    def do_from(self, rest):
        match = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest)
        base, name = match[1], match[2] or f"stage {len(self.stages)}"
        root = self.work / f"root{len(self.stages)}"
        root.mkdir(mode=0o755)
        self.stage = self.stages[name] = Stage(root)
        if base == "scratch":
            return
        rust = re.fullmatch(r"rust:(\d+\.\d+\.\d+)-slim-([a-z]+)", base)
        if not rust:
            raise Failed(f"no packages are known that make {base}")
        # What the image of that name has beside Debian's smallest: a C compiler, and Rust.
        more = [] if self.binary else ["ca-certificates", "gcc", "libc6-dev"]
        debian(rust[2], more, root)
        self.stage.env |= {
            "RUSTUP_HOME": "/usr/local/rustup",
            "CARGO_HOME": "/usr/local/cargo",
            "PATH": f"/usr/local/cargo/bin:{self.stage.env['PATH']}",
        }
        self.rust(rust[1], root)

    def rust(self, version, root):
        programs = root / "usr/local/cargo/bin"
        programs.mkdir(parents=True)
        if self.binary:
            shutil.copy(self.binary, root / "given")
            stands_in = (
                '#!/bin/sh\n[ "$*" = "build --release --locked -p rookery" ] || { echo "not known: cargo $*"; exit 1; }\n'
                "[ -f Cargo.lock ] && install -D /given target/release/rookery\n"
            )
            (programs / "cargo").write_text(stands_in)
            (programs / "cargo").chmod(0o755)
            return
        # No other toolchain than the named one will do.
        sysroot = subprocess.run(
            ["rustc", f"+{version}", "--print", "sysroot"], check=True, capture_output=True, text=True
        ).stdout.strip()
        shutil.copytree(sysroot, root / "usr/local/rustup", symlinks=True, ignore=shutil.ignore_patterns("doc", "man"))
        for program in ("cargo", "rustc"):
            (programs / program).symlink_to(f"/usr/local/rustup/bin/{program}")
        # How this machine reaches its registry is its own business, and goes with the folder. What is needed is there before.
        subprocess.run(["cargo", "fetch", "--quiet", "--locked"], check=True, cwd=TOP)
        if jobs := os.environ.get("CARGO_BUILD_JOBS"):
            self.stage.env["CARGO_BUILD_JOBS"] = jobs
        settings = cargo_home() / "config.toml"
        if settings.is_file():
            shutil.copy(settings, root / "usr/local/cargo/config.toml")

    def do_copy(self, rest):
        given, rest = flags(rest, {"from", "chown"})
        source, target = rest.split()
        owner = given.get("chown", ["0:0"])[0]
        stage = self.stages[given["from"][0]] if "from" in given else None
        folder = self.stage.at(target)
        origin = stage.root / source.lstrip("/") if stage else TOP / source
        if not origin.is_dir():
            raise Failed(f"{source}: only folders are copied here")
        aside = Path(tempfile.mkdtemp(dir=self.work))
        if stage:
            subprocess.run(["cp", "-a", f"{origin}/.", aside], check=True)
        else:
            context(origin, aside)
        # Modes and links as they are; the owner as the file says, of folders that are made on the way, too.
        aside.chmod(0o755)
        subprocess.run(["chown", "-hR", owner, aside], check=True)
        made = [path for path in [folder, *folder.parents] if not path.exists()]
        kept = folder.stat() if folder.exists() else None
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
        subprocess.run(["chown", owner, folder, *made], check=True)
        if kept:
            folder.chmod(kept.st_mode & 0o7777)
            os.chown(folder, kept.st_uid, kept.st_gid)
        shutil.rmtree(aside)

    def do_run(self, rest):
        given, command = flags(rest, {"mount"})
        binds = {}
        for number, mount in enumerate(given.get("mount", [])):
            options = dict(option.partition("=")[::2] for option in mount.split(","))
            if set(options) != {"type", "target"} or options["type"] != "cache":
                raise Failed(f"--mount={mount} is not known here")
            cache = self.caches.get(options["target"]) or self.work / f"cache{number}"
            cache.mkdir(parents=True, exist_ok=True)
            binds[options["target"]] = str(cache)
        run(self.stage.inside(["/bin/sh", "-c", command], binds), timeout=3600)

    def do_workdir(self, rest):
        self.stage.folder = str(Path(self.stage.folder, rest))
        self.stage.at(".").mkdir(parents=True, exist_ok=True)

    def do_env(self, rest):
        self.stage.env |= pairs(rest)

    def do_label(self, rest):
        self.stage.labels |= pairs(rest)

    def do_user(self, rest):
        if not re.fullmatch(r"\d+:\d+", rest):
            raise Failed("a user is two numbers: names differ from machine to machine")
        self.stage.user = rest

    def do_expose(self, rest):
        self.stage.ports += [int(port) for port in rest.split()]

    def do_volume(self, rest):
        self.stage.volumes += listed(rest)

    def do_stopsignal(self, rest):
        self.stage.stop = signal.Signals[rest]

    def do_healthcheck(self, rest):
        timing, rest = flags(rest, {"interval", "timeout", "start-period", "retries"})
        word, _, command = rest.partition(" ")
        if word != "CMD":
            raise Failed(f"{word} is not known here")
        self.stage.health = listed(command), timing

    def do_entrypoint(self, rest):
        self.stage.entrypoint = listed(rest)

    def do_cmd(self, rest):
        self.stage.command = listed(rest)


def cargo_home():
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def context(origin, target):
    """What Docker would be sent of a folder."""
    ignored = Ignored((TOP / ".dockerignore").read_text())
    for folder, names, files in os.walk(origin):
        inside = Path(folder).relative_to(TOP)
        # A rule further down may take back what is below an ignored folder, but not below these, which are large.
        names[:] = [name for name in names if name not in ("target", "node_modules", ".git", ".cache")]
        for name in files:
            path = inside / name
            if not ignored.has(str(path)):
                to = target / (Path(folder) / name).relative_to(origin)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(folder) / name, to, follow_symlinks=False)


def debian(suite, more, root):
    """Debian's smallest, from its packages; kept packed for the next time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    packed = CACHE / f"{'-'.join(['debian', suite, *more])}.tar"
    if not packed.exists():
        fresh = Path(tempfile.mkdtemp(dir=root.parent))
        include = [f"--include={','.join(more)}"] if more else []
        mirror = [MIRROR] if MIRROR else []
        command = ["debootstrap", "--variant=minbase", *include, suite, fresh, *mirror]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"debootstrap: {done.stdout[-400:]}{done.stderr[-400:]}")
        shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
        fresh.chmod(0o755)
        aside = tempfile.mktemp(dir=CACHE)
        subprocess.run(["tar", "-C", fresh, "-cf", aside, "."], check=True)
        os.rename(aside, packed)
        shutil.rmtree(fresh)
    subprocess.run(["tar", "-C", root, "-xpf", packed], check=True)


def size(root):
    return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def missing():
    if os.geteuid():
        return "it needs root"
    for program in ("debootstrap", "unshare", "nsenter", "mount"):
        if not shutil.which(program):
            return f"there is no {program} (Debian: apt install debootstrap util-linux mount)"
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "this machine lets nobody make namespaces"
    return None


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--binary", type=Path, help="what cargo hands over instead of building")
    asked.add_argument("--most", type=int, default=40, help="most MiB that the image may have when it is built here")
    options = asked.parse_args()
    if reason := missing():
        print(f"IMAGE SKIPPED: {reason}. The Dockerfile was NOT performed.")
        return 77
    work = Path(tempfile.mkdtemp(prefix="rookery-image."))
    try:
        stage = Builder(work, options.binary).perform((TOP / "Dockerfile").read_text())
        mebibytes = size(stage.root) / 2**20
        say(f"the image has {mebibytes:.1f} MiB in {sum(1 for path in stage.root.rglob('*') if path.is_file())} files")
        if not options.binary and mebibytes > options.most:
            raise Failed(f"that is more than {options.most} MiB")
        Container(stage, work).prove()
        return 0
    except Failed as failure:
        print(f"image.py: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
