#!/usr/bin/env python3
"""Starts what compose.full.yaml names, without Docker: scripts/compose_up.py --rookery BINARY

Every service gets a network namespace of its own on one bridge with the file's own subnet, and finds the others by their
names, so that what the file sets is used as it stands. Programs come from Debian (haproxy, redis-server, prometheus); the
node's image is made by scripts/image.py around the binary; Cassandra stands in for ScyllaDB, as in the tests of the store.
Grafana is not in Debian, and is not started. Then a message goes through the balancer into the database and back, Prometheus
says that it sees the node, Redis answers, and the node stops in order.

It needs root, iproute2 and what scripts/ship.sh installs; it exits with 77 where it cannot run, having said why.
"""

import argparse
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import image  # noqa: E402
from compose import SECRET, environment, load  # noqa: E402
from image_run import Failed, run, say  # noqa: E402

TOP = image.TOP
FILE = "compose.full.yaml"
# Where the official image looks for it, or what it runs unless told otherwise.
PROGRAMS = {
    "haproxy": ["haproxy", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
    "prometheus": ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
}
RELAY = """
import socket, sys, threading
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
def address(text): return text.split(':')[0], int(text.split(':')[1])
listener = socket.create_server(address(sys.argv[1]))
while True:
    near, _ = listener.accept()
    far = socket.create_connection(address(sys.argv[2]))
    for pair in ((near, far), (far, near)): threading.Thread(target=pump, args=pair, daemon=True).start()
"""


class Up:
    def __init__(self, work, page, rookery):
        self.work, self.services, self.rookery = work, page["services"], rookery
        self.children, self.holders = [], {}
        subnet = ipaddress.ip_network(page["networks"]["default"]["ipam"]["config"][0]["subnet"])
        addresses = iter(subnet.hosts())
        run(["ip", "link", "set", "lo", "up"])
        run(["ip", "link", "add", "bridge", "type", "bridge"])
        run(["ip", "address", "add", f"{next(addresses)}/{subnet.prefixlen}", "dev", "bridge"])
        run(["ip", "link", "set", "bridge", "up"])
        self.addresses = {name: str(next(addresses)) for name in self.services}
        lines = [f"{address} {name}" for name, address in self.addresses.items()]
        (work / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        # Some stand in the network of another one.
        at = {name: service.get("network_mode", "").removeprefix("service:") or name for name, service in self.services.items()}
        for number, name in enumerate(name for name in at if at[name] == name):
            self.connect(name, f"service{number}", subnet.prefixlen)
        self.holders = {name: self.holders[at[name]] for name in at}
        self.addresses = {name: self.addresses[at[name]] for name in at}

    def connect(self, name, link, bits):
        holder = self.spawn(f"{name}.network", ["unshare", "--net", "sleep", "infinity"])
        self.holders[name] = str(holder.pid)
        own = os.readlink("/proc/self/ns/net")
        self.until(f"{name} has a network", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self.holders[name]])
        run(["ip", "link", "set", link, "master", "bridge", "up"])
        for command in (["link", "set", "lo", "up"], ["address", "add", f"{self.addresses[name]}/{bits}", "dev", "eth0"]):
            run([*self.network(name), "ip", *command])
        run([*self.network(name), "ip", "link", "set", "eth0", "up"])

    def network(self, name):
        return ["nsenter", "--target", self.holders[name], "--net", "--"]

    def spawn(self, name, command, **options):
        with open(self.work / f"{name}.log", "ab") as log:
            # Whatever they leave where they are started goes with them.
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "cwd": self.work, **options}
            child = subprocess.Popen(command, stderr=log, **options)
        self.children.append(child)
        return child

    def until(self, what, holds, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                if holds():
                    return say(f"{what}")
            except (OSError, ValueError):
                pass
            if time.monotonic() > end:
                logs = "\n".join(f"{log.name}: {log.read_text()[-600:]}" for log in sorted(self.work.glob("*.log")))
                raise Failed(f"not within {seconds} s: {what}\n{logs}")
            time.sleep(0.1)

    def program(self, name, command, mounts=()):
        """A program of this machine, that sees the names and what is mounted."""
        steps = ["mount --bind $HOSTS /etc/hosts"]
        for source, target in mounts:
            # A folder of the image that this machine may not have: an empty one lies over the nearest that it has.
            there = next(folder for folder in Path(target).parents if folder.exists())
            steps += [f"mount -t tmpfs none {there}", f"mkdir -p {Path(target).parent}"] if there != Path("/") else []
            steps += [f"mkdir -p {target}" if Path(source).is_dir() else f"touch {target}", f"mount --bind {source} {target}"]
        steps.append('exec "$@"')
        env = {"PATH": os.environ["PATH"], "HOSTS": str(self.work / "hosts"), **environment(self.services[name])}
        shell = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", " && ".join(steps), "sh"]
        return self.spawn(name, [*self.network(name), *shell, *command], env=env)

    def node(self, name, stage, volumes):
        service = self.services[name]
        env = {**stage.env, **environment(service)}
        command = [*stage.entrypoint, *(service.get("command") or stage.command)]
        plan = stage.inside(command, {**volumes, "/etc/hosts": str(self.work / "hosts")}, contained=True, env=env, net=False)
        return self.spawn(name, [*self.network(name), *plan])

    def database(self):
        script = [*self.network("scylla"), TOP / "scripts/cassandra.sh", "serve"]
        server = self.spawn("scylla", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        address = server.stdout.readline().split()
        if not address:
            raise Failed(f"no database: {(self.work / 'scylla.log').read_text()[-1000:]}")
        relay = [sys.executable, "-c", RELAY]
        self.spawn("scylla.relay", [*self.network("scylla"), *relay, "0.0.0.0:9042", address[0]])
        # It tells its clients to come to the address that it has for itself, on the port where they found it.
        for name in ("migrate", "rookery"):
            there = f"{self.addresses['scylla']}:9042"
            self.spawn(f"{name}.relay", [*self.network(name), *relay, "127.0.0.1:9042", there])
        say("scylla: Cassandra stands in")

    def ask(self, port, method, path, token, body=None):
        request = urllib.request.Request(f"http://{self.addresses['haproxy']}:{port}{path}", method=method)
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode() if body else None
        return json.load(urllib.request.urlopen(request, data, timeout=20))

    def prove(self, stage):
        data = self.work / "data"
        data.mkdir()
        uid, gid = map(int, stage.user.split(":"))
        os.chown(data, uid, gid)
        self.database()
        if self.node("migrate", stage, {}).wait(120):
            raise Failed(f"migrate: {(self.work / 'migrate.log').read_text()}")
        say("migrate: over, status 0")
        node = self.node("rookery", stage, {"/data": str(data)})
        watch = f"http://{self.addresses['rookery']}:{stage.ports[1]}"
        self.until("rookery: ready", lambda: urllib.request.urlopen(f"{watch}/readyz", timeout=5).status == 200, 120)
        self.balance()
        token = self.token(stage)
        for number, port in enumerate([8080, 8090]):
            self.ask(port, "POST", "/v1/rooms/general/messages?ack=durable", token, {"body": f"through {port}"})
            page = self.ask(port, "GET", "/v1/rooms/general/messages", token)
            if len(page["messages"]) != number + 1:
                raise Failed(f"what was read at {port}: {page}")
        say("a message through each entrance, durable in the database, and read")
        redis = self.services["redis"]
        self.program("redis", redis["command"])
        ping = [*self.network("redis"), "redis-cli", "ping"]
        self.until("redis: answers", lambda: "PONG" in subprocess.run(ping, capture_output=True, text=True).stdout)
        self.watched()
        say("grafana: NOT started, Debian has no package of it")
        self.stop(node)

    def balance(self):
        source = self.services["haproxy"]["volumes"][0].split(":")[0]
        settings = self.work / "haproxy.cfg"
        settings.write_text((TOP / source).read_text())
        self.program("haproxy", PROGRAMS["haproxy"], [(str(settings), "/usr/local/etc/haproxy/haproxy.cfg")])
        url = f"http://{self.addresses['haproxy']}:8080/v1/openapi.json"
        self.until("haproxy: takes requests", lambda: urllib.request.urlopen(url, timeout=5).status == 200)

    def watched(self):
        source = TOP / "configs/prometheus"
        data = self.work / "prometheus"
        data.mkdir()
        command = [word.replace("=/prometheus", f"={data}") for word in PROGRAMS["prometheus"]]
        self.program("prometheus", command, [(str(source), "/etc/prometheus")])
        url = f"http://{self.addresses['prometheus']}:9090/api/v1/query?query=up"

        def sees():
            found = json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]
            return found and all(series["value"][1] == "1" for series in found)

        self.until("prometheus: sees the node", sees)

    def token(self, stage):
        command = [str(stage.root) + stage.entrypoint[0], "token", "shop", "--backend"]
        return run(command, env={"ROOKERY_AUTH__SECRET": SECRET, "PATH": os.environ["PATH"]}, cwd=self.work).strip()

    def stop(self, node):
        # The number inside its own namespace is 1; this is the one outside.
        children = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
        os.kill(int(children[0]), 15)
        grace = int(self.services["rookery"]["stop_grace_period"].removesuffix("s"))
        if status := node.wait(grace):
            raise Failed(f"the node ends with {status}: {(self.work / 'rookery.log').read_text()[-2000:]}")
        say("rookery: over, status 0")

    def finish(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()


def missing():
    for program in ("ip", "haproxy", "redis-server", "redis-cli", "prometheus", "nsenter"):
        if not shutil.which(program):
            return f"there is no {program} (Debian: iproute2 haproxy redis-server prometheus)"
    return image.missing()


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rookery", type=Path, required=True, help="the node's binary")
    options = asked.parse_args()
    if reason := missing():
        print(f"COMPOSE SKIPPED: {reason}. What compose names was NOT started.")
        return 77
    if "ROOKERY_COMPOSE_ALONE" not in os.environ:
        # Networks and mounts go with this process.
        os.environ["ROOKERY_COMPOSE_ALONE"] = "yes"
        spaces = ["--net", "--mount", "--propagation", "private"]
        os.execvp("unshare", ["unshare", *spaces, sys.executable, *sys.argv])
    work = Path(tempfile.mkdtemp(prefix="rookery-compose."))
    up = None
    try:
        stage = image.Builder(work, options.rookery).perform((TOP / "Dockerfile").read_text())
        up = Up(work, load(FILE), options.rookery.resolve())
        up.prove(stage)
        return 0
    except Failed as failure:
        print(f"compose_up.py: {failure}", file=sys.stderr)
        return 1
    finally:
        if up:
            up.finish()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
