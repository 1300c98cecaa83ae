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
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts" / "peers"
INSTALL_SECONDS = 3600
START_SECONDS = 20
STOP_SECONDS = 5
# What a run may take beside its window: joining 10,000, warming up, looking acks up in history.
AROUND_SECONDS = 90

# name: what the table calls it, the language that loadgen speaks to it, and the store if it is ours.
SERVERS = {
    "floor": ("the floor: bare epoll, no protocol work", "floor", None),
    "rookery-json": ("Rookery, JSON", "rookery-json", "memory"),
    "rookery-binary": ("Rookery, binary", "rookery-binary", "memory"),
    "rookery-json-embedded": ("Rookery, JSON, history on disk", "rookery-json", "embedded"),
    "rookery-binary-embedded": ("Rookery, binary, history on disk", "rookery-binary", "embedded"),
    "nats": ("NATS, TCP", "nats", None),
    "nats-websocket": ("NATS, WebSocket", "nats-websocket", None),
    "centrifugo": ("Centrifugo, JSON", "centrifugo", None),
    "bun": ("Bun's WebSocket server, our rooms", "websocket", None),
    "ws": ("ws, our rooms", "websocket", None),
    "socketio": ("Socket.IO", "socketio", None),
    "sockudo": ("Sockudo", "pusher", None),
}
# Named in the output, because they would be asked for.
WITHOUT_PACKAGE = {
    "uWebSockets.js": "not on npm; its makers publish it on GitHub only (Bun's server is built on the same C++ library)",
    "soketi": "on npm, but depends on uWebSockets.js from GitHub",
}
# name: the scenario of loadgen, and its columns. LOAD30 is F2's room at 0.3 of the rate that F2 found for that server.
WORKLOADS = {"F2": "f2", "F3": "f3", "F4": "f4", "F1": "f1", "A": "a", "C": "churn", "I": "idle", "LOAD30": "f2"}
WITHOUT_LIMITS = {
    f"ROOKERY_LIMITS__{name}": "0"
    for name in ("COMMANDS_PER_SECOND", "USER_COMMANDS_PER_SECOND", "ROOM_EVENTS_PER_SECOND", "CONNECTIONS_PER_USER")
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


# --- the tables

def micro(value):
    return "–" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def many(value):
    if value >= 999_500:
        return f"{value / 1e6:.3g} M"
    return f"{value / 1e3:.3g} k" if value >= 1_000 else f"{value:.0f}"


def median(runs, key):
    values = [run[key] for run in runs if run.get(key) is not None]
    return statistics.median(values) if values else None


class Notes:
    """Why a cell is marked; equal reasons share a number."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return f" [{self.texts.index(text) + 1}]"


def cell(runs, notes, show):
    """The median of the runs that passed; of the others where none did. Anything but PASS is marked."""
    if not runs:
        return ""
    passed = [run for run in runs if run["word"] == "PASS"]
    used = passed or [run for run in runs if run["word"] != "NOT RUN"]
    text = show(used) if used else None
    marks = ""
    for word in ("FAIL", "INVALID", "NOT RUN"):
        bad = [run for run in runs if run["word"] == word]
        if bad:
            reason = bad[0]["reasons"][0] if bad[0]["reasons"] else "no reason given"
            times = "" if len(bad) == len(runs) else f" in {len(bad)} of {len(runs)} rounds"
            marks += notes.mark(f"{word}{times}: {shorten(reason)}" if word != "NOT RUN" else f"not run{times}: {reason}")
            if text and not passed and word != "NOT RUN":
                text = f"{word} {text}"
    return (text or "–") + marks


def shorten(reason):
    return reason if len(reason) <= 240 else reason[:237] + "…"


def rate_and_cpu(runs):
    rate, cpu = median(runs, "deliveries_per_second"), median(runs, "cpu_us_per_delivery")
    return f"{many(rate)} ({micro(cpu)})" if rate else None


def single(key, form=micro):
    def show(runs):
        value = median(runs, key)
        return None if value is None else form(value)
    return show


def tables(bench, names, workloads, machine):
    lines, notes = machine_lines(bench, machine), Notes()
    of = {(name, workload): [run for run in bench.runs if (run["server"], run["workload"]) == (name, workload)]
          for name in names for workload in workloads}
    columns = {
        "F2": ("F2: one room of 100", rate_and_cpu),
        "F3": ("F3: 100 rooms of 10", rate_and_cpu),
        "F4": ("F4: one room of 1,000", rate_and_cpu),
        "F1": ("F1: 500 messages/s to 100", rate_and_cpu),
        "A": ("A: alone, p50 µs", single("p50_us")),
        "C": ("C: CPU µs a cycle", single("cpu_us_per_cycle")),
        "I": ("I: bytes per idle connection", single("bytes_per_connection", lambda value: f"{value:,.0f}")),
    }
    shown = [workload for workload in columns if workload in workloads]
    measured = [name for name in names if name not in bench.missing]
    if shown:
        lines += ["", "Deliveries a second, in brackets the server's CPU µs per delivery:", "",
                  "| server | " + " | ".join(columns[workload][0] for workload in shown) + " |",
                  "| --- |" + " --- |" * len(shown)]
        for name in measured:
            cells = [cell(of[name, workload], notes, columns[workload][1]) for workload in shown]
            lines.append(f"| {SERVERS[name][0]} | " + " | ".join(cells) + " |")
    if "LOAD30" in workloads:
        lines += ["", "One room of 100 at 0.3 of what F2 found for the same server in its round, µs from the intended time:", "",
                  "| server | messages/s | p50 | p99 | p99.9 |", "| --- |" + " --- |" * 4]
        for name in measured:
            runs = of[name, "LOAD30"]
            first = cell(runs, notes, single("rate", lambda value: f"{value:,.0f}"))
            used = [run for run in runs if run["word"] == "PASS"] or runs
            rest = [single(key)(used) or "–" for key in ("p50_us", "p99_us", "p999_us")]
            lines.append(f"| {SERVERS[name][0]} | {first} | " + " | ".join(rest) + " |")
    if notes.texts:
        lines += ["", "A marked figure is the median of the runs that passed, or of the others where none did:", ""]
        lines += [f"- [{number}] {text}" for number, text in enumerate(notes.texts, 1)]
    absent = {SERVERS[name][0]: why for name, why in bench.missing.items()} | WITHOUT_PACKAGE
    lines += ["", "Not measured:", ""] + [f"- {name}: {why}" for name, why in absent.items()]
    return "\n".join(lines)


def machine_lines(bench, machine):
    versions = {}
    for name, version in bench.versions.items():
        if name not in bench.missing:
            versions.setdefault(version, []).append(SERVERS[name][0])
    versions = "; ".join(f"{' and '.join(names)}: {version}" for version, names in versions.items())
    steal = machine["steal"]
    disturbed = machine["busy"] > 0.03 or steal["whole"] > 0.02
    return (["**Disturbed: something else was running. These figures are not to be quoted.**", ""] if disturbed else []) + [
        f"{machine['cores']} cores of {machine['cpu']}, Linux {machine['kernel']}, {machine['memory_gib']:.1f} GiB, "
        f"{machine['date']}; {bench.options.rounds} {'round' if bench.options.rounds == 1 else 'rounds'}, "
        f"windows of {bench.options.seconds:g} s, bodies of 128 bytes.",
        f"Others on the same hardware took {steal['whole']:.1%} of the machine's CPU over the whole time, at most "
        f"{steal['worst']:.1%} in a run. {machine['busy']:.1%} was used by neither the server nor loadgen.",
        "",
        f"Versions: {versions}.",
    ]


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


def brief(found):
    parts = [found["word"]]
    if found.get("deliveries_per_second"):
        parts.append(f"{many(found['deliveries_per_second'])}/s")
    units = {"cpu_us_per_delivery": "µs/delivery", "cpu_us_per_cycle": "µs/cycle", "bytes_per_connection": "bytes",
             "p50_us": "µs p50", "p99_us": "µs p99"}
    for key, unit in units.items():
        if found.get(key):
            parts.append(f"{micro(found[key])} {unit}")
    return ", ".join(parts) + ("" if found["word"] == "PASS" else f": {'; '.join(found['reasons'])}")


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
