"""Of scripts/image.py: what runs inside an image's folder, as Docker would run it, and what is expected of a node there.

As a program it is the last step before that: it has namespaces of its own by then, mounts what is to be mounted, becomes the
user, and then the command.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_NO_NEW_PRIVS = 38
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
# As `docker stop` waits.
GRACE = 10


class Failed(Exception):
    """Something is not as the file, or this script, promises."""


def say(text):
    print(text, flush=True)


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise Failed(f"status {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


class Stage:
    """A folder, and what the file says of it."""

    def __init__(self, root):
        self.root = root
        self.env = {"PATH": PATH}
        self.folder, self.user = "/", "0:0"
        self.labels, self.ports, self.volumes = {}, [], []
        self.entrypoint, self.command, self.health, self.stop = [], [], None, signal.SIGTERM

    def at(self, path):
        return self.root / str(Path("/", self.folder, path)).lstrip("/")

    def inside(self, command, binds, contained=False, env=None, net=True):
        """The command line that runs a command in there. `contained`: as a container, not as a step of building, `net`: with
        a network of its own."""
        plan = {
            "root": str(self.root),
            "command": command,
            "env": env or self.env,
            "folder": self.folder,
            "user": self.user,
            "binds": binds,
            "contained": contained,
        }
        spaces = ["--pid", "--fork", "--kill-child", *(["--net"] if net else [])] if contained else []
        unshare = ["unshare", "--mount", "--propagation", "private", *spaces]
        return [*unshare, sys.executable, __file__, json.dumps(plan)]


def become(plan):
    root = plan["root"]
    if plan["contained"]:
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        subprocess.run(["mount", "--bind", root, root], check=True)
    for target, source in plan["binds"].items():
        place = root + target
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        elif not os.path.exists(place):
            open(place, "x").close()
        subprocess.run(["mount", "--bind", source, place], check=True)
    os.makedirs(f"{root}/proc", exist_ok=True)
    subprocess.run(["mount", "-t", "proc", "proc", f"{root}/proc"], check=True)
    if plan["contained"]:
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
    os.chroot(root)
    os.chdir(plan["folder"])
    os.umask(0o022)
    uid, gid = map(int, plan["user"].split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if plan["contained"] and ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError("no_new_privs")
    os.execve(plan["command"][0], plan["command"], plan["env"])


class Container:
    def __init__(self, stage, work):
        self.stage, self.work = stage, work
        self.volumes = {}
        self.process = self.pid = None
        self.log = work / "log"
        for number, path in enumerate(stage.volumes):
            # A new volume begins with what the image has there, owner and all.
            self.volumes[path] = str(work / f"volume{number}")
            shutil.copytree(stage.at(path), self.volumes[path], symlinks=True)
            kept = stage.at(path).stat()
            os.chown(self.volumes[path], kept.st_uid, kept.st_gid)

        # Docker's own.
        hosts = work / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        hosts.chmod(0o644)
        self.mounts = {**self.volumes, "/etc/hosts": str(hosts)}

    def start(self):
        command = self.stage.inside([*self.stage.entrypoint, *self.stage.command], self.mounts, contained=True)
        # What the user of this machine has set is not in a container.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.until("it has a process", self.find)
        check = self.stage.health[0]
        self.until("it is healthy", lambda: self.ask(check).returncode == 0)

    def find(self):
        """The one process inside; before it is the command, it is this script."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pid = int(children[0]) if children else None
        return self.pid and os.readlink(f"/proc/{self.pid}/exe").endswith(self.stage.entrypoint[0])

    def until(self, what, holds):
        end = time.monotonic() + 60
        while not holds():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"not so within a minute: {what}; {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def ask(self, command):
        """As `docker exec` does."""
        uid, gid = self.stage.user.split(":")
        spaces = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--root", "--wd"]
        command = [*spaces, f"--setuid={uid}", f"--setgid={gid}", "--", *command]
        return subprocess.run(command, env=self.stage.env, capture_output=True, text=True, timeout=30)

    def http(self, method, path, token, body=None):
        """From outside of the folder, through the network of the container."""
        program = (
            "import sys, urllib.request as u; "
            "r = u.Request(sys.argv[2], method=sys.argv[1], data=sys.stdin.buffer.read() or None, "
            "headers={'Authorization': 'Bearer ' + sys.argv[3], 'Content-Type': 'application/json'}); "
            "print(u.urlopen(r, timeout=10).read().decode())"
        )
        spaces = ["nsenter", "--target", str(self.pid), "--net", "--", sys.executable, "-c", program]
        url = f"http://127.0.0.1:{self.stage.ports[0]}{path}"
        answer = run([*spaces, method, url, token], input=json.dumps(body) if body else "", timeout=30)
        return json.loads(answer)

    def finish(self):
        begun = time.monotonic()
        os.kill(self.pid, self.stage.stop)
        try:
            status = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            raise Failed(f"it still runs {GRACE} s after {self.stage.stop.name}") from None
        if status:
            raise Failed(f"it ends with {status}: {self.log.read_text()[-2000:]}")
        return time.monotonic() - begun

    def prove(self):
        try:
            self.try_out()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def try_out(self):
        self.start()
        say("healthy")
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        expect("the user", status["Uid"].split()[0], self.stage.user.split(":")[0])
        expect("it is not root", status["Uid"].split()[0] != "0", True)
        expect("capabilities", status["CapEff"], "0" * 16)
        expect("its number inside", status["NSpid"].split()[-1], "1")
        for port in self.stage.ports:
            probe = ["nsenter", "--target", str(self.pid), "--net", "--", sys.executable, "-c"]
            run([*probe, f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"], timeout=30)
        outside = [path for path in self.stage.root.rglob("*") if path.is_file() and path.lstat().st_mode & 0o6022]
        expect("files that others may write, or that lend their owner's rights", outside, [])
        token = self.ask([self.stage.entrypoint[0], "token", "image", "--backend"]).stdout.strip()
        self.http("POST", "/v1/rooms/general/messages", token, {"body": "from the image"})
        self.read_back(token)
        # A name is looked for, and found: nothing answers at that port.
        database = self.ask([self.stage.entrypoint[0], "migrate", "--scylla-nodes", "localhost:1"])
        expect("a name is found", "refused" in database.stderr.lower(), True, database.stderr)
        say(f"a message sent and read; {self.stage.stop.name}: over after {self.finish():.1f} s, status 0")
        expect("health of one that is gone", self.gone(), True)
        self.start()
        self.read_back(token)
        say(f"started again, the message is there; over after {self.finish():.1f} s, status 0")

    def read_back(self, token):
        page = self.http("GET", "/v1/rooms/general/messages", token)
        bodies = [event.get("body") for event in page.get("messages", page.get("events", []))]
        expect("the message", bodies, ["from the image"], page)

    def gone(self):
        """The health check alone, in a container where no node runs."""
        alone = self.stage.inside(self.stage.health[0], {}, contained=True)
        done = subprocess.run(alone, capture_output=True, text=True, timeout=30)
        return done.returncode == 1 and "no node answers" in done.stderr


def expect(what, found, wanted, more=""):
    if found != wanted:
        raise Failed(f"{what}: {found}, not {wanted} {more}")


if __name__ == "__main__":
    become(json.loads(sys.argv[1]))
