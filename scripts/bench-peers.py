#!/usr/bin/env python3
"""Our broker beside other servers, under the same load, one core each: what docs/benchmarks.md shows.

    scripts/bench-peers.py                             everything, three rounds (about half an hour), tables on stdout
    scripts/bench-peers.py --peers floor,nats --only F2,C --rounds 1 --seconds 2

The server runs on the first core that this process may use, loadgen on the second. Every run has a server of its own, so no
run inherits another's heap or caches. Rounds go through all servers in turn, so that a machine that is slow for a while is
slow for everybody. Progress goes to stderr. Python's standard library is all that it needs.
"""

import argparse
import ctypes
import json
import os
import platform
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts" / "peers"
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True
from compared import SERVERS, WITHOUT_PACKAGE, brief, tables  # noqa: E402: it lies beside the peers' scripts
INSTALL_SECONDS = 3600
START_SECONDS = 20
STOP_SECONDS = 5
# What a run may take beside its window: joining 10,000, warming up, looking acks up in history.
AROUND_SECONDS = 90

# name: the scenario of loadgen, and its columns. LOAD30 is F2's room at 0.3 of the rate that F2 found for that server.
WORKLOADS = {"F2": "f2", "F3": "f3", "F4": "f4", "F1": "f1", "A": "a", "C": "churn", "I": "idle", "LOAD30": "f2"}
WITHOUT_LIMITS = {
    f"ROOKERY_{name}": "0"
    for name in (
        "LIMITS__COMMANDS_PER_SECOND",
        "LIMITS__USER_COMMANDS_PER_SECOND",
        "LIMITS__CONNECTIONS_PER_USER",
        "ROOM__EVENTS_PER_SECOND",
    )
}

living = []  # every process that was started and not yet waited for


class Trouble(Exception):
    """Why something could not be had or run, in words for the table."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def start(command, core=None, **more):
    """A process of a session of its own, so that Ctrl-C comes to us alone; it dies with us even if we are killed."""

    def prepare():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if core is not None:
            os.sched_setaffinity(0, {core})

    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, start_new_session=True,
                               preexec_fn=prepare, **more)
    living.append(process)
    return process


def stop(process):
    """Politely, then not. What it started itself (an installation's compilers) goes with it: the group is its own."""
    try:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        if process in living and process.returncode is not None:
            living.remove(process)


def run(command, seconds, **more):
    """Its exit status and output; Trouble if it takes longer."""
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Trouble(f"took longer than {seconds:.0f} s") from None
    finally:
        stop(process)
    return process.returncode, output, errors


def last_line(text, otherwise):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else otherwise


def free_port():
    """Below those that the kernel gives to connections, so that nobody is given it meanwhile."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Trouble("no port is free")


class Server:
    """One server on a port; gone at the end of the `with`, its data too."""

    def __init__(self, name, bench):
        self.name, self.bench = name, bench
        self.secret = None

    def __enter__(self):
        _, _, store = SERVERS[self.name]
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.bench.work))
        more = {"GOMAXPROCS": "1"}
        listen = f"127.0.0.1:{self.port}"
        if self.name == "floor":
            command = [self.bench.loadgen, "floor", "--listen", listen]
        elif store:
            command = [self.bench.rookery, "serve", "--listen", listen, "--shards", "1", "--store", store,
                       "--data", self.folder / "data"]
            more |= WITHOUT_LIMITS
        else:
            command = [SCRIPTS / f"{self.name}.sh", "serve", self.port]
        self.log = self.folder / "log"
        try:
            with open(self.log, "wb") as log:
                self.process = start(command, self.bench.cores[0], stdout=log, stderr=log, env=os.environ | more)
            self.await_start()
            if store:
                self.secret = (self.folder / "data" / "dev-secret").read_text().strip()
        except BaseException:
            self.__exit__()
            raise
        return self

    def await_start(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise Trouble(f"the server ended at once: {self.tail()}")
            if time.monotonic() > deadline:
                raise Trouble(f"the server did not listen within {START_SECONDS} s: {self.tail()}")
            time.sleep(0.05)

    def tail(self):
        return last_line(self.log.read_text(errors="replace"), "it said nothing")[:200]

    def __exit__(self, *_):
        if getattr(self, "process", None):
            stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Bench:
    def __init__(self, options):
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        binaries = Path(options.binaries) if options.binaries else target / "release"
        self.loadgen, self.rookery = (binaries / name for name in ("loadgen", "rookery"))
        for program in (self.loadgen, self.rookery):
            if not program.exists():
                sys.exit(f"bench-peers: {program} is missing: cargo build --release -p rookery -p loadgen")
        self.options = options
        self.cores = sorted(os.sched_getaffinity(0))[:2]
        if len(self.cores) < 2:
            sys.exit("bench-peers: it takes two cores, one for the server and one for loadgen")
        target.mkdir(parents=True, exist_ok=True)
        self.work = Path(tempfile.mkdtemp(prefix="bench-peers-", dir=target))
        self.versions, self.missing, self.runs = {}, {}, []
        self.last_f2 = {}

    def prepare(self, names):
        """Whoever cannot be had, or is not spoken to by this loadgen, is known before anything is measured."""
        _, usage, _ = run([self.loadgen, "run", "--help"], 10)
        spoken = re.split(r"[\s,\]]+", usage.partition("--language")[2].partition("--token")[0])
        for name in names:
            _, language, store = SERVERS[name]
            if name == "floor" or store:
                program = self.loadgen if name == "floor" else self.rookery
                self.versions[name] = last_line(run([program, "--version"], 10)[1], "?")
                continue
            say(f"{name}: installing, unless it is there")
            try:
                status, _, errors = run([SCRIPTS / f"{name}.sh", "install"], INSTALL_SECONDS)
                if status:
                    raise Trouble(because(errors))
                self.versions[name] = run([SCRIPTS / f"{name}.sh", "version"], 10)[1].strip()
                if language not in spoken:
                    raise Trouble(f"this loadgen does not speak `{language}`")
            except Trouble as trouble:
                self.missing[name] = str(trouble)
                say(f"{name}: left out: {trouble}")

    def measure(self, name, workload, number):
        """One run: its figures, or why there are none."""
        found = {"server": name, "workload": workload, "round": number, "word": "NOT RUN", "reasons": []}
        self.runs.append(found)
        more = []
        if workload == "LOAD30":
            before = self.last_f2.get((name, number))
            if not before:
                found["reasons"] = ["F2 found no rate for it in this round"]
                return found
            found["rate"] = max(1, round(0.3 * before))
            more = ["--rate", found["rate"]]
        try:
            with Server(name, self) as server:
                record = server.folder / "record.json"
                command = [self.loadgen, "run", WORKLOADS[workload], "--target", f"ws://127.0.0.1:{server.port}",
                           "--language", SERVERS[name][1], "--server-pid", server.process.pid, "--cores", 1, "--quiet",
                           "--seconds", self.options.seconds, "--record", record, *more]
                if server.secret:
                    command += ["--secret", server.secret]
                status, output, errors = run(command, self.options.seconds + AROUND_SECONDS, core=self.cores[1])
                if status == 2 or not record.exists():
                    raise Trouble(because(errors or output) + ended(server))
                found |= figures(workload, json.loads(record.read_text()))
                if workload == "F2" and found["deliveries_per_second"]:
                    self.last_f2[name, number] = found["deliveries_per_second"] / 100
        except Trouble as trouble:
            found["reasons"] = [str(trouble)]
        return found


def ended(server):
    return "" if server.process.poll() is None else f" (the server ended: {server.tail()})"


def because(errors):
    """The first line that says what is wrong, without what surrounds it."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("npm warn")]
    for word in ("error", "403", "404", "not available", "refused", "failed"):
        for line in lines:
            if word in line.lower():
                return line[:300]
    return lines[-1][:300] if lines else "it failed and did not say why"


def figures(workload, record):
    totals, cost, latency = record["totals"], record["cost"], record["latency"]
    server = cost["server"] or {"user_seconds": 0.0, "system_seconds": 0.0}
    cpu = (server["user_seconds"] + server["system_seconds"]) * 1e6
    seconds = totals["seconds"] or 1
    found = {
        "word": record["verdict"]["word"],
        "reasons": record["verdict"]["reasons"],
        "deliveries_per_second": totals["deliveries"] / seconds,
        "cpu_us_per_delivery": cost["server_us_per_delivery"],
        "cpu_us_per_cycle": cpu / totals["cycles"] if totals["cycles"] else None,
        "cycles_per_second": totals["cycles"] / seconds,
        "bytes_per_connection": cost["server_bytes_per_connection"] if workload == "I" else None,
        "connections": totals["connections"],
        "server_share": server.get("share"),
        "headroom": cost["headroom"],
        "stolen_share": cost["stolen_share"],
        "faults": {what: count for what, count in record["faults"].items() if count},
    }
    for name in ("p50_us", "p99_us", "p999_us"):
        found[name] = latency.get("delivery", {}).get(name)
    return found


def cpu_times():
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    return {"all": sum(fields), "steal": steal, "busy": user + nice + system + irq + softirq}


def machine_of(bench, before):
    after = cpu_times()
    every = max(1, after["all"] - before["all"])
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = (spent.ru_utime + spent.ru_stime - before["children"]) * os.sysconf("SC_CLK_TCK")
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        "date": time.strftime("%Y-%m-%d"),
        "steal": {
            "whole": (after["steal"] - before["steal"]) / every,
            "worst": max((run["stolen_share"] for run in bench.runs if run.get("stolen_share")), default=0.0),
        },
        "busy": max(0.0, after["busy"] - before["busy"] - ours) / every,
    }


def chosen(text, known, what):
    names = [name.strip() for name in text.split(",") if name.strip()] if text else list(known)
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        sys.exit(f"bench-peers: no such {what}: {', '.join(wrong)}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def main():
    parser = argparse.ArgumentParser(description="Our broker beside other servers, under the same load, one core each.")
    parser.add_argument("--only", metavar="WORKLOADS", help=f"some of {','.join(WORKLOADS)}; LOAD30 needs F2")
    parser.add_argument("--peers", metavar="NAMES", help=f"some of {','.join(SERVERS)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds through all of them (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured window of each run (3)")
    parser.add_argument("--json", metavar="FILE", help="write every run's figures there")
    parser.add_argument("--binaries", metavar="FOLDER", help="where loadgen and rookery are (target/release)")
    options = parser.parse_args()
    workloads = chosen(options.only.upper() if options.only else None, WORKLOADS, "workload")
    names = chosen(options.peers, SERVERS, "server")
    if "LOAD30" in workloads and "F2" not in workloads:
        sys.exit("bench-peers: LOAD30 needs F2, which finds its rate")
    if options.rounds < 1 or not 0.1 <= options.seconds <= 600:
        sys.exit("bench-peers: at least one round, and windows of 0.1 to 600 seconds")
    # 10,000 connections on either side.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # An end by signal is an error like any other: everything that was started is ended on the way out.
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell has it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))

    bench = Bench(options)
    before, interrupted = None, False
    try:
        bench.prepare(names)
        measured = [name for name in names if name not in bench.missing]
        before = cpu_times()
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        before["children"] = spent.ru_utime + spent.ru_stime
        for number in range(1, options.rounds + 1):
            # The workload outside, so that all servers meet one within minutes; the order turns with the round.
            order = measured[number - 1:] + measured[:number - 1] if measured else []
            for workload in workloads:
                for name in order:
                    say(f"round {number}, {workload}, {name}: {brief(bench.measure(name, workload, number))}")
    except KeyboardInterrupt:
        interrupted = True
        say("bench-peers: interrupted; the tables have what was measured until then")
    finally:
        for process in list(living):
            stop(process)
        shutil.rmtree(bench.work, ignore_errors=True)
    if before is None:
        sys.exit(130)
    machine = machine_of(bench, before)
    if options.json:
        everything = {"machine": machine, "rounds": options.rounds, "seconds": options.seconds, "versions": bench.versions,
                      "missing": bench.missing | WITHOUT_PACKAGE, "runs": bench.runs}
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")
    print(tables(bench, names, workloads, machine))
    if interrupted:
        sys.exit(130)


if __name__ == "__main__":
    main()
