#!/usr/bin/env python3
"""Tables and pictures of results that other programs wrote.

    bench/results.py gpu DIR ...                one page from the JSON that bench/gpu/check.sh leaves
    bench/results.py gpu --write                the same, of all folders in bench/results, as their README.md
    bench/results.py readme [--print | --check] the README's table of peers, from bench/results/versus.json
    bench/results.py jmh FILE.json [NAME]       JMH's results; with NAME kept, the figures alone, as NAME.json and NAME.md
    bench/results.py curves --out F.svg [--window 20] [--title T] NAME=run.csv ...
                                                the losses of runs of `./catena train --log run.csv`; needs matplotlib
"""

import argparse
import csv
import json
import math
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START, END = "<!-- versus -->\n", "<!-- /versus -->"
RESULTS = ROOT / "bench/results"
LARGE = 256 << 20
HEAD = """# Results

What was measured: one file a subject, with the machine, the date, the commit and the command that makes it again, so that
anyone can repeat it. Ratios are taken in one run on one machine; a figure without its command does not belong here.

Results of a GPU host: the folder that `bench/gpu/check.sh --out bench/results/gpu-NAME` writes, as it is; this page is made
from such folders by `bench/results.py gpu --write`. What could only be checked on a GPU, and was not, is listed in
[UNCHECKED.md](UNCHECKED.md); what it should cost, by arithmetic, in [roofline-h200.md](roofline-h200.md); what
our kernels move and where they wait, counted by the interpreter of PTX, in [ptx-model.md](ptx-model.md).
"""
PAIRS = (
    ("a call: current context", "DriverCall.currentContextBy"),
    ("a call: device count", "DriverCall.deviceCountBy"),
    ("4 KiB allocated and freed", "MemoryCall.allocateBy"),
    ("4 KiB to the device", "MemoryCall.copyInBy"),
    ("4 KiB from the device", "MemoryCall.copyOutBy"),
    ("a launch, of a hundred and the wait", "LaunchCost.by"),
)
NANOS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def table(heads, rows):
    """A table in Markdown; none without rows."""
    if not rows:
        return []
    line = lambda cells: "| " + " | ".join(str(cell) for cell in cells) + " |"  # noqa: E731
    return [line(heads), "|---|" + "---:|" * (len(heads) - 1), *map(line, rows), ""]


# ---- gpu: the folders of bench/gpu/check.sh


def read(folder, name):
    try:
        text = (folder / name).read_text()
        return json.loads(text)
    except OSError:
        return None
    except ValueError:
        pass
    try:
        return json.loads(text + "]")  # an array whose writer was stopped
    except ValueError:
        return None


def all_of(folder, pattern):
    """The results of every file, in the order of their names."""
    return [result for file in sorted(folder.glob(pattern)) if (result := read(folder, file.name))]


def mib(size):
    return f"{size / 2**20:.1f} MiB"


def percent(share):
    return f"{100 * share:.0f} %"


def conformance(folder):
    engines = {}
    for outcome in (one for outcomes in all_of(folder, "conformance-*.json") for one in outcomes):
        counts = engines.setdefault(outcome["engine"], {"passed": 0, "failed": 0, "unsupported": 0})
        counts[outcome["verdict"]] += 1
    rows = [(name, c["passed"], c["failed"]) for name, c in engines.items() if c["passed"] or c["failed"]]
    return ["## Conformance", "", *table(("engine", "passed", "failed"), rows)] if rows else []


def sanitizer(folder):
    rows = []
    for file in sorted(folder.glob("sanitizer-*.txt")):
        verdicts = [line for line in file.read_text().splitlines() if "SUMMARY" in line]
        rows.append((file.stem.removeprefix("sanitizer-"), verdicts[-1].strip("= ") if verdicts else "no verdict"))
    return ["## compute-sanitizer", "", *table(("tool", "verdict"), rows)] if rows else []


def kernels(folder, name, title, most):
    result = read(folder, name)
    if result is None:
        return []
    peaks = result["peaks"]
    lines = [f"## {title}", ""]
    lines += [
        f"At best, in the same run: {peaks['bytes_per_s'] / 1e9:.0f} GB/s copied by {peaks['copied_by']},"
        f" {peaks['flops_per_s'] / 1e12:.2f} TFLOP/s multiplied in {result['dtype']} by {peaks['multiplied_by']}.",
        f"All steps of a run together: {result['total_us'] / 1e3:.3f} ms.",
        "",
    ]
    rows = []
    for row in result["kernels"][:most]:
        others = [e for e in row["engines"] if e["name"] != row["engine"] and "median_us" in e]
        best = min(others, key=lambda e: e["median_us"], default=None)
        rows.append(
            (
                f"`{row['key']}`",
                row["times"],
                f"{row['median_us']:.1f}",
                mib(row["bytes"]),
                f"{row['flops'] / 1e9:.2f}",
                percent(row["copy_share"]),
                percent(row["matrix_share"]),
                percent(row["roofline_share"]),
                row["engine"],
                f"{best['name']} {best['median_us']:.1f}" if best else "",
            )
        )
    heads = ("problem", "times", "µs", "bytes", "GFLOP", "of copy", "of matrix", "of roofline", "engine", "next, µs")
    lines += table(heads, rows)
    left_out = len(result["kernels"]) - len(rows)
    return lines + ([f"{left_out} more in `{name}`.", ""] if left_out > 0 else [])


def models(folder):
    rows = [
        (
            row["model"],
            row["batch"],
            row["dtype"],
            f"{row['median_us'] / 1e3:.3f}",
            f"{row['resident_us'] / 1e3:.3f}",
            f"{row['images_per_s']:.1f}",
            row["launches"],
            mib(row["planned_bytes"]),
            mib(row["measured_bytes"]),
            f"{row['warm_up']['total_ms']:.0f}",
        )
        for result in all_of(folder, "models-*.json")
        for row in result["models"]
    ]
    heads = ("model", "batch", "type", "ms", "resident, ms", "images/s", "launches", "planned", "measured", "ready after, ms")
    return ["## Models", "", *table(heads, rows)] if rows else []


def variants(folder):
    rows = []
    for result in all_of(folder, "compare-*.json"):
        for row in result["variants"]:
            what = (result["model"], result["batch"], result["dtype"], row["name"])
            figures = (f"{row['median_ms']:.3f}", mib(row["measured_bytes"]), row["launches"])
            rows.append((*what, *figures, f"{row['max_rel_diff'] or 0:.1e}", "yes" if result["agree"] else "NO"))
    heads = ("model", "batch", "type", "variant", "ms", "measured", "launches", "difference", "agree")
    return ["## Variants", "", *table(heads, rows)] if rows else []


def peers_of(folder, kind="peers"):
    found = [read(folder, f"{kind}/{file.name}") for file in sorted((folder / kind).glob("*.json"))]
    return [line for line in found if line]


def peers(folder):
    return peer_table(folder, "peers", "Peers") + peer_table(folder, "peers-train", "Peers, a training step")


def peer_table(folder, kind, title):
    rows = []
    for line in peers_of(folder, kind):
        what = (line["peer"], line.get("version", ""), line["model"], line["batch"], line["dtype"])
        if "skipped" in line:
            rows.append((*what, line["skipped"], "", ""))
        else:
            rows.append((*what, f"{line['median_ms']:.3f}", f"{line['images_per_s']:.1f}", mib(line["peak_bytes"])))
    heads = ("peer", "version", "model", "batch", "type", "ms", "images/s", "peak")
    return [f"## {title}", "", *table(heads, rows)] if rows else []


def wanted(folder):
    """What was promised beside what was measured, both from this folder."""
    rows = []
    models = [row for result in all_of(folder, "models-*.json") for row in result["models"]]
    ours = {(r["model"], r["batch"], r["dtype"]): r for r in models}
    theirs = [line for line in peers_of(folder) if "median_ms" in line]
    for (model, batch, dtype), row in ours.items():
        same = [p for p in theirs if (p["model"], p["batch"], p["dtype"]) == (model, batch, dtype)]
        if not same:
            continue
        best = min(same, key=lambda p: p["median_ms"])
        times = best["median_ms"] * 1e3 / row["median_us"]
        name = f"{model}, batch {batch}, {dtype}"
        rows.append((f"{name}: speed against {best['peer']}", f"{times:.2f} x"))
        if best["peak_bytes"]:
            share = row["measured_bytes"] / best["peak_bytes"]
            rows.append((f"{name}: activation memory against it", percent(share)))
    big = [r for r in (read(folder, "large.json") or {}).get("kernels", []) if r["bytes"] >= LARGE]
    if big:
        least = min(big, key=lambda r: r["copy_share"])
        rows.append((f"tensors of 256 MiB and more: least share of the copy (`{least['key']}`)", percent(least["copy_share"])))
    early = [
        r
        for r in (read(folder, "kernels.json") or {}).get("kernels", [])
        if r["key"].startswith("conv ") and "prologue=scale_shift_relu" in r["key"] and "kernel=" not in r["key"]
        and r["key"].split()[1].split("x")[1] in ("56", "28")
    ]
    if early:
        least = min(early, key=lambda r: r["roofline_share"])
        rows.append((f"fused 1x1 of blocks 1 and 2: least share of the roofline (`{least['key']}`)", percent(least["roofline_share"])))
    return ["## What was asked, and what came", "", *table(("figure", "measured"), rows)] if rows else []


def gpu_page(folder):
    first = next((r for pattern in ("kernels.json", "compare-*.json", "models-*.json") for r in all_of(folder, pattern)), {})
    device = first.get("device", {}).get("name", "unknown device")
    log = folder / "log.txt"
    dates = [line for line in log.read_text().splitlines() if line.startswith("date: ")] if log.exists() else []
    lines = [f"# {folder.resolve().name}: {device}{', ' + dates[-1].removeprefix('date: ') if dates else ''}", ""]
    for part in (wanted, models, peers, variants):
        lines += part(folder)
    lines += kernels(folder, "large.json", "Large tensors", 99)
    lines += kernels(folder, "kernels.json", "Kernels, by what a run spends in them", 40)
    return lines + conformance(folder) + sanitizer(folder)


def gpu(arguments):
    if arguments.write:
        folders = sorted(p.parent for p in RESULTS.glob("*/log.txt"))
        pages = ["", *(line for folder in folders for line in gpu_page(folder))] if folders else []
        (RESULTS / "README.md").write_text((HEAD + "\n".join(pages)).rstrip() + "\n")
    else:
        print("\n".join(line for name in arguments.folders for line in gpu_page(Path(name))))


# ---- readme: peers


def peer_row(r):
    who = f"| {r['batch']} | {r['peer']} | {r['dtype']} | "
    if "error" in r:
        return who + f"not here: {r['error']} | | | |"
    over = r.get("ratio", r.get("over_pytorch-eager"))
    ratio = "" if over is None else f"{over:.2f}"
    memory = f"{r['peak_bytes'] / 2**20:.1f}"
    return who + f"{r['median_ms']:.1f} | {r['images_per_s']:.1f} | {ratio} | {memory} |"


def peers_of_readme():
    versus = json.loads((ROOT / "bench/results/versus.json").read_text())
    lines = []
    for part, reference in (("inference", "ONNX Runtime's fp32"), ("training", "PyTorch, eager")):
        if part not in versus:
            continue
        run = versus[part]
        machine = run["machine"]
        lines += [
            f"**{part.capitalize()} of {run['model']}**, {run.get('threads', 2)} threads of {machine['processor']}; "
            f"ratio: images per second over {reference}, in the same rounds; memory beside the weights.",
            "",
            "| batch | who | type | median ms | images/s | ratio | peak MiB |",
            "|--:|---|---|--:|--:|--:|--:|",
            *map(peer_row, run["results"]),
            "",
        ]
    made = f"`{versus['command']}` made these figures at {versus['commit']}, {versus['date']}."
    return "\n".join([*lines, f"{made} {versus.get('note', '')}".strip()]) + "\n"


def readme(arguments):
    made = peers_of_readme()
    if arguments.print:
        print(made, end="")
        return
    text = README.read_text()
    before, rest = text.split(START)
    after = rest.split(END)[1]
    whole = before + START + made + END + after
    if arguments.check:
        sys.exit(0 if whole == text else "README.md has another table: run bench/results.py readme")
    README.write_text(whole)


# ---- jmh


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


def jmh_page(kept):
    by_name = {result["benchmark"]: result for result in kept["results"]}
    lines = [
        "# What things cost: JMH",
        "",
        f"{kept['machine']}, {kept['threads']} threads, Java {kept['jdkVersion']}, JMH {kept['jmhVersion']}: {kept['forks']} fork,"
        f" {kept['warmupIterations']} and {kept['measurementIterations']} iterations of {kept['measurementTime']}. Made by",
        "",
        "    mvn -Pbench -DskipTests package && java -jar bench/target/benchmarks.jar -f 1 -wi 2 -i 3",
        "    bench/results.py jmh bench/target/benchmarks.json bench/results/jmh-host",
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


def jmh(arguments):
    """An error is half of JMH's 99.9 % interval over the iterations; "n/a" where there was one alone."""
    missing = arguments.file.with_name("unavailable.json")
    unavailable = json.loads(missing.read_text()) if missing.exists() else []
    kept = slim(json.loads(arguments.file.read_text()), unavailable)
    if arguments.name is None:
        print(jmh_page(kept), end="")
    else:
        Path(arguments.name + ".json").write_text(json.dumps(kept, indent=1) + "\n")
        Path(arguments.name + ".md").write_text(jmh_page(kept))


# ---- curves


def means(values, window):
    return [sum(values[max(0, i + 1 - window) : i + 1]) / min(i + 1, window) for i in range(len(values))]


def curves(arguments):
    """Thin: each step; thick: the mean of the last steps. Test accuracies stand in the legend."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "catena"  # the same logs make the same file
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5))
    for number, run in enumerate(arguments.runs):
        name, file = run.split("=", 1)
        with open(file, newline="") as lines:
            rows = list(csv.DictReader(lines))
        steps = [int(row["step"]) for row in rows]
        losses = [float(row["loss"]) for row in rows]
        tested = [float(row["test_accuracy"]) for row in rows if row["test_accuracy"]]
        label = f"{name}: test accuracy {100 * tested[-1]:.2f} %" if tested else name
        axes.plot(steps, losses, color=f"C{number}", linewidth=0.5, alpha=0.35)
        axes.plot(steps, means(losses, arguments.window), color=f"C{number}", linewidth=1.8, label=label)
    axes.set(title=arguments.title, xlabel="step", ylabel="loss (cross-entropy, nats)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(arguments.out, bbox_inches="tight", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    of_gpu = commands.add_parser("gpu")
    of_gpu.set_defaults(run=gpu)
    of_gpu.add_argument("folders", nargs="*")
    of_gpu.add_argument("--write", action="store_true")
    of_readme = commands.add_parser("readme")
    of_readme.set_defaults(run=readme)
    of_readme.add_argument("--print", action="store_true")
    of_readme.add_argument("--check", action="store_true")
    of_jmh = commands.add_parser("jmh")
    of_jmh.set_defaults(run=jmh)
    of_jmh.add_argument("file", type=Path)
    of_jmh.add_argument("name", nargs="?")
    of_curves = commands.add_parser("curves")
    of_curves.set_defaults(run=curves)
    of_curves.add_argument("runs", nargs="+", metavar="NAME=run.csv")
    of_curves.add_argument("--out", type=Path, required=True)
    of_curves.add_argument("--window", type=int, default=20)
    of_curves.add_argument("--title", default="")
    arguments = parser.parse_args()
    if arguments.run is gpu and bool(arguments.folders) == arguments.write:
        parser.error("gpu needs either folders or --write")
    arguments.run(arguments)


if __name__ == "__main__":
    main()
