"""Who is compared, and the tables of what was found."""

import statistics

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
