#!/usr/bin/env python3
"""Makes the README's table of peers from bench/results/versus.json, which bench/versus.sh writes.

    bench/readme_table.py [--print | --check]

Writes it between its two marks in README.md; --print shows it instead, --check fails where the README has another.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START, END = "<!-- versus -->\n", "<!-- /versus -->"


def row(r):
    who = f"| {r['batch']} | {r['peer']} | {r['dtype']} | "
    if "error" in r:
        return who + f"not here: {r['error']} | | | |"
    over = r.get("ratio", r.get("over_pytorch-eager"))
    ratio = "" if over is None else f"{over:.2f}"
    memory = f"{r['peak_bytes'] / 2**20:.1f}"
    return who + f"{r['median_ms']:.1f} | {r['images_per_s']:.1f} | {ratio} | {memory} |"


def table():
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
            *map(row, run["results"]),
            "",
        ]
    made = f"`{versus['command']}` made these figures at {versus['commit']}, {versus['date']}."
    return "\n".join([*lines, f"{made} {versus.get('note', '')}".strip()]) + "\n"


def main():
    made = table()
    if "--print" in sys.argv:
        print(made, end="")
        return
    text = README.read_text()
    before, rest = text.split(START)
    after = rest.split(END)[1]
    whole = before + START + made + END + after
    if "--check" in sys.argv:
        sys.exit(0 if whole == text else "README.md has another table: run bench/readme_table.py")
    README.write_text(whole)


if __name__ == "__main__":
    main()
