#!/usr/bin/env python3
"""Runs the systemd unit under a systemd of its own, in namespaces: scripts/unit.py --rookery BINARY

Debian's smallest with systemd is unpacked into a folder and booted there, with nothing of this machine but its kernel. The unit
is installed as docs/how-to/systemd.md says, and started: all that it forbids is forbidden. Looked at: when it is ready, that
nothing the node wants is refused it, a reload with a wrong and with a right configuration, a node that hangs, a configuration
that no start can use, and the end.

It needs root, debootstrap and util-linux; it exits with 77 where it cannot run, having said why.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import image  # noqa: E402
from image_run import Failed, expect, say  # noqa: E402

UNIT = image.TOP / "configs/systemd/rookery.service"
BOOT = """
mount --bind . .
cd "$PWD"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts dev/mqueue dev/hugepages old
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mount -t devpts devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . old
cd /
umount -l /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
"""


class Machine:
    def __init__(self, root, log):
        self.root = root
        spaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup"]
        with open(log, "wb") as to:
            command = ["unshare", *spaces, "sh", "-ec", BOOT]
            self.process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=to, stderr=to)
        self.until("systemd runs", lambda: self.do("systemctl", "is-system-running", fails=True) in ("running", "degraded"))

    def do(self, *command, fails=False):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd"]
        nsenter = ["nsenter", "--target", children[0], *spaces, "--", *command] if children else ["false"]
        done = subprocess.run(nsenter, capture_output=True, text=True, timeout=120, env={"PATH": image.Stage(None).env["PATH"]})
        if done.returncode and not fails:
            raise Failed(f"{' '.join(command)}: {done.stdout}{done.stderr}\n{self.log()}")
        return (done.stdout + (done.stderr if fails else "")).strip()

    def until(self, what, holds, seconds=90):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"not within {seconds} s: {what}; {self.log()}")
            time.sleep(0.1)
        say(what)

    def log(self):
        return self.do("journalctl", "--no-pager", "-o", "cat", "-n", "40", "-u", "rookery", fails=True)

    def show(self, name):
        return self.do("systemctl", "show", "--property", name, "--value", "rookery")

    def finish(self):
        self.process.kill()
        self.process.wait()


def prove(machine):
    settings = machine.root / "etc/rookery/rookery.toml"
    machine.do("systemctl", "start", "rookery")
    # Ready means that it listens: whoever comes now is let in.
    expect("health", machine.do("rookery", "health"), "ready")
    user = int(machine.show("UID"))
    expect("a user that was made for it", 61184 <= user <= 65519, True, user)
    refused = [line for line in machine.log().splitlines() if re.search(r"not permitted|\"level\":\"(WARN|ERROR)\"", line)]
    expect("what the node was refused", refused, [])
    say(f"ready, as user {user}, and nothing was refused")

    right = settings.read_text()
    settings.write_text(right.replace('ping = "25s"', 'ping = "25 fortnights"'))
    said = machine.do("systemctl", "reload", "rookery", fails=True)
    expect("a wrong configuration", "failed" in said.lower(), True, said)
    expect("why", "limits.ping" in machine.log(), True, machine.log())
    expect("health", machine.do("rookery", "health", "--listen", "127.0.0.1:8080"), "ready")
    settings.write_text(right.replace("commands_per_second = 200", "commands_per_second = 199"))
    machine.do("systemctl", "reload", "rookery")
    machine.until("a right configuration is read", lambda: "config_reloaded" in machine.log())

    before = machine.show("MainPID")
    machine.do("systemctl", "kill", "--signal=SIGSTOP", "rookery")
    machine.until("a node that hangs is started again", lambda: machine.show("MainPID") not in (before, "0"), 150)
    machine.until("and is ready", lambda: machine.show("ActiveState") == "active")
    machine.do("systemctl", "stop", "rookery")
    expect("how it ended", (machine.show("Result"), machine.show("ExecMainStatus")), ("success", "0"))
    say("stopped, status 0")

    settings.write_text('[limits]\nping = "never"\n')
    machine.do("systemctl", "start", "rookery", fails=True)
    machine.until("a start that cannot be is over", lambda: machine.show("ActiveState") == "failed")
    expect("its status", machine.show("ExecMainStatus"), "78")
    expect("it is not tried again", machine.show("NRestarts"), "0")


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rookery", type=Path, required=True, help="the node's binary")
    options = asked.parse_args()
    if reason := image.missing():
        print(f"UNIT SKIPPED: {reason}. The systemd unit was NOT started.")
        return 77
    work = Path(tempfile.mkdtemp(prefix="rookery-unit."))
    machine = None
    try:
        root = work / "root"
        root.mkdir()
        image.debian("bookworm", ["systemd"], root)
        root.chmod(0o755)
        shutil.copy(options.rookery, root / "usr/bin/rookery")
        shutil.copy(UNIT, root / "etc/systemd/system/")
        (root / "etc/rookery").mkdir()
        shutil.copy(image.TOP / "configs/rookery.toml", root / "etc/rookery/rookery.toml")
        secret = root / "etc/rookery/secrets.env"
        secret.touch(0o600)
        secret.write_text(f"ROOKERY_AUTH__SECRET={os.urandom(32).hex()}\n")
        machine = Machine(root, work / "boot.log")
        prove(machine)
        return 0
    except Failed as failure:
        print(f"unit.py: {failure}", file=sys.stderr)
        return 1
    finally:
        if machine:
            machine.finish()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
