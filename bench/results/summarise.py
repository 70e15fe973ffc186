#!/usr/bin/env python3
"""One page from the JSON that bench/gpu/check.sh leaves: summarise.py DIR ... prints it, --write keeps it as README.md.

    bench/results/summarise.py gpu-check-20260101-120000
    bench/results/summarise.py --write          every folder beside this file that has results

Nothing is computed here but ratios of figures of one folder, which are of one run on one machine.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = """# Results

What was measured: one file a subject, with the machine, the date, the commit and the command that makes it again, so that
anyone can repeat it. Ratios are taken in one run on one machine; a figure without its command does not belong here.

Results of a GPU host: the folder that `bench/gpu/check.sh --out bench/results/gpu-NAME` writes, as it is; this page is made
from such folders by `bench/results/summarise.py --write`. What could only be checked on a GPU, and was not, is listed in
[UNCHECKED.md](UNCHECKED.md); what it should cost, by arithmetic, in [roofline-h200.md](roofline-h200.md).
"""
LARGE = 256 << 20


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


def table(heads, rows):
    if not rows:
        return []
    line = lambda cells: "| " + " | ".join(str(cell) for cell in cells) + " |"  # noqa: E731
    return [line(heads), "|---|" + "---:|" * (len(heads) - 1), *map(line, rows), ""]


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


def page(folder):
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


def main():
    if sys.argv[1:] == ["--write"]:
        folders = sorted(p.parent for p in HERE.glob("*/log.txt"))
        pages = ["", *(line for folder in folders for line in page(folder))] if folders else []
        (HERE / "README.md").write_text((HEAD + "\n".join(pages)).rstrip() + "\n")
    elif len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        print("\n".join(line for name in sys.argv[1:] for line in page(Path(name))))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
