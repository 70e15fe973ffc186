"""Interleaves PyTorch's and Catena's training steps; called by versus_train.sh."""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from versus_infer import ROOT, last_json, processor, summary

PEERS = {"pytorch-eager": "no", "pytorch-eager-efficient": "yes"}
POLICIES = ["fused", "recompute"]
SIZES = {True: (224, 1000), False: (32, 10)}


def pytorch(arguments, efficient):
    command = [sys.executable, str(ROOT / "bench/peers/pytorch_train.py"), arguments.model]
    command += ["--batch", str(arguments.batch), "--efficient", efficient, "--device", "cpu"]
    command += ["--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
    return last_json(command, os.environ)


def catena(arguments, policy, data):
    """Catena's figures in the shape of a peer's line, or {"error": reason}."""
    command = [str(ROOT / "catena"), "train", arguments.model, "--data", str(data)]
    command += ["--no-augment", "--no-shuffle", "--steps", str(arguments.steps), "--nesterov"]
    command += ["--batch", str(arguments.batch), "--policy", policy, "--device", "host"]
    environment = os.environ | {"CUHOST_THREADS": str(arguments.threads)}
    result = last_json([*command, "--json", "-"], environment)
    if "error" in result:
        return result
    kept = ("median_ms", "min_ms", "images_per_s", "planned_bytes", "measured_bytes")
    line = {"peer": f"catena-{policy}", "batch": arguments.batch, "dtype": "fp32"}
    return line | {k: result[k] for k in kept} | {"peak_bytes": result["resident_growth_bytes"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="densenet-bc-100-12")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--steps", type=int, default=8)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    lines = {name: [] for name in [*PEERS, *(f"catena-{p}" for p in POLICIES)]}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "batch.safetensors"
        size, classes = SIZES["-" not in arguments.model]
        images = torch.randn(arguments.batch, 3, size, size)
        save_file({"images": images, "labels": torch.arange(arguments.batch) % classes}, data)
        for number in range(1, arguments.rounds + 1):
            print(f"round {number} of {arguments.rounds}", file=sys.stderr)
            for name, efficient in PEERS.items():
                lines[name].append(pytorch(arguments, efficient))
            for policy in POLICIES:
                lines[f"catena-{policy}"].append(catena(arguments, policy, data))
    results = []
    for name, rounds in lines.items():
        figures = summary(rounds)
        if figures is None:
            results.append({"peer": name, "error": rounds[-1]["error"]})
            continue
        for peer in PEERS if name not in PEERS else ():
            pairs = [
                ours["images_per_s"] / theirs["images_per_s"]
                for ours, theirs in zip(rounds, lines[peer])
                if "error" not in ours and "error" not in theirs
            ]
            figures[f"over_{peer}"] = round(statistics.median(pairs), 3) if pairs else None
        results.append(figures)
    for r in results:
        print(r["peer"], r.get("error") or {k: v for k, v in r.items() if k != "peer"}, file=sys.stderr)
    machine = {"processor": processor(), "cores": os.cpu_count(), "load_before": load}
    json.dump({"model": arguments.model, "machine": machine, "results": results, "raw": lines}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
