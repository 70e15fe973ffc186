#!/usr/bin/env python3
"""Tables of JMH's results; with a second argument, kept with the figures alone as NAME.json and NAME.md.

    bench/jmh_table.py bench/target/benchmarks.json [bench/results/jmh-host]

An error is half of JMH's 99.9 % interval over the iterations; "n/a" where there was one alone. As large as its figure, it
says that the machine was busy: take it again.
"""

import json
import math
import os
import platform
import sys
from pathlib import Path

PAIRS = (
    ("a call: current context", "DriverCall.currentContextBy"),
    ("a call: device count", "DriverCall.deviceCountBy"),
    ("4 KiB allocated and freed", "MemoryCall.allocateBy"),
    ("4 KiB to the device", "MemoryCall.copyInBy"),
    ("4 KiB from the device", "MemoryCall.copyOutBy"),
    ("a launch, of a hundred and the wait", "LaunchCost.by"),
)
NANOS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def figure(metric):
    error = metric["scoreError"]
    return {"score": metric["score"], "error": None if error == "NaN" or math.isnan(float(error)) else error, "unit": metric["scoreUnit"]}


def slim(runs, unavailable):
    results = []
    for run in runs:
        other = run["secondaryMetrics"]
        results.append({
            "benchmark": run["benchmark"].removeprefix("dev.catena.bench."),
            "params": run.get("params", {}),
            "host": figure(run["primaryMetric"]),
            "device": figure(other["device.time"]) if "device.time" in other else None,
            "heap": figure(other["gc.alloc.rate.norm"]) if "gc.alloc.rate.norm" in other else None,
        })
    first = runs[0]
    how = {name: first[name] for name in ("jmhVersion", "jdkVersion", "forks", "warmupIterations", "warmupTime", "measurementIterations", "measurementTime")}
    return {"machine": processor(), "threads": len(os.sched_getaffinity(0)), **how, "results": results, "unavailable": unavailable}


def show(value, unit=None):
    """In the unit of another figure, if that is given."""
    if value is None:
        return ""
    own = value["unit"].removesuffix("/op")
    unit = (unit or own).removesuffix("/op")
    factor = NANOS[own] / NANOS[unit] if own in NANOS else 1
    digits = lambda x: f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"  # noqa: E731
    error = "n/a" if value["error"] is None else digits(factor * float(value["error"]))
    return f"{digits(factor * value['score'])} ± {error} {unit}"


def table(heads, rows):
    line = lambda cells: "| " + " | ".join(cells) + " |"  # noqa: E731
    return [line(heads), "|---|" + "---:|" * (len(heads) - 1), *map(line, rows), ""]


def page(kept):
    by_name = {result["benchmark"]: result for result in kept["results"]}
    lines = [
        "# What things cost: JMH",
        "",
        f"{kept['machine']}, {kept['threads']} threads, Java {kept['jdkVersion']}, JMH {kept['jmhVersion']}: {kept['forks']} fork,"
        f" {kept['warmupIterations']} and {kept['measurementIterations']} iterations of {kept['measurementTime']}. Made by",
        "",
        "    mvn -Pbench -DskipTests package && java -jar bench/target/benchmarks.jar -f 1 -wi 2 -i 3",
        "    bench/jmh_table.py bench/target/benchmarks.json bench/results/jmh-host",
        "",
        "± is half of the 99.9 % interval over the iterations; one as large as its figure says that the machine was busy.",
        "",
    ]
    rows = []
    for what, name in PAIRS:
        panama, jni = by_name.get(name + "Panama"), by_name.get(name + "Jni")
        if panama and jni:
            rows.append((what, show(panama["host"]), show(jni["host"]), f"{panama['host']['score'] / jni['host']['score']:.2f}"))
    lines += ["## The same call by Panama and by JCuda's JNI", "", *table(("", "Panama", "JNI", "ratio"), rows)]
    rows = []
    for result in kept["results"]:
        params = ", ".join(value for name, value in sorted(result["params"].items()) if name != "device" or value != "host")
        rows.append((result["benchmark"], params, show(result["host"]), show(result["device"], result["host"]["unit"]), show(result["heap"])))
    lines += ["## All", "", "Times of the host; of the device alone, by events; bytes of the Java heap for an operation, JMH's own among them.", ""]
    lines += table(("benchmark", "parameters", "host", "device", "heap"), rows)
    lines += [f"Not measured: `{u['benchmark'].removeprefix('dev.catena.bench.')}`: {u['unavailable']}." for u in kept["unavailable"]]
    return "\n".join(lines).rstrip() + "\n"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    results = Path(sys.argv[1])
    missing = results.with_name("unavailable.json")
    kept = slim(json.loads(results.read_text()), json.loads(missing.read_text()) if missing.exists() else [])
    if len(sys.argv) == 2:
        print(page(kept), end="")
    else:
        Path(sys.argv[2] + ".json").write_text(json.dumps(kept, indent=1) + "\n")
        Path(sys.argv[2] + ".md").write_text(page(kept))


if __name__ == "__main__":
    main()
