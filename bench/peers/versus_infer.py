"""Interleaves Catena and ONNX Runtime's Java package; started by versus_infer.sh, which see.

A round runs, for each batch size, ONNX Runtime and then Catena in each dtype, each in a process of its
own, so that the machine's moods meet all of them. The figure of each is the median over the rounds
of its medians; a ratio is the median over the rounds of that round's ratios. Exit code 3 when Catena
gave no figures: those of the peer are printed all the same.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "target/peers"
VARIANT = "fused"


def java():
    """A Java that runs single-file programs: the one Catena's launcher would take, or the PATH's."""
    homes = [os.environ.get("CATENA_JAVA_HOME"), os.environ.get("JAVA_HOME")]
    for home in filter(None, homes):
        if (Path(home) / "bin/java").exists():
            return str(Path(home) / "bin/java")
    return "java"


def onnx_model(name):
    file = PEERS / f"{name}.onnx"
    if not file.exists():
        print(f"exporting {name} to ONNX ...", file=sys.stderr)
        export = [sys.executable, str(ROOT / "bench/peers/export_onnx.py"), name, str(file)]
        subprocess.run(export, check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL)
    return file


def onnx_runtime(file, name, batch, threads, seconds):
    """The peer's line, or {"error": reason}."""
    command = [
        java(),
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        str(PEERS / "onnxruntime.jar"),
        str(ROOT / "bench/peers/OnnxRuntimePeer.java"),
        str(file),
        name,
        *map(str, (batch, threads, seconds)),
    ]
    return last_json(command, os.environ)


def catena(name, batch, dtype, threads):
    """Catena's figures in the shape of a peer's line, or {"error": reason}."""
    command = [str(ROOT / "catena"), "compare", name, "--batch", str(batch), "--dtype", dtype]
    command += ["--device", "host", "--json", "-"]
    result = last_json(command, os.environ | {"CUHOST_THREADS": str(threads)})
    if "error" in result:
        return result
    fused = [v for v in result.get("variants", []) if v.get("name") == VARIANT]
    if not fused:
        return {"error": f"no variant {VARIANT} in {json.dumps(result)[:200]}"}
    return {
        "peer": "catena",
        "model": name,
        "batch": batch,
        "dtype": dtype,
        "threads": threads,
        "median_ms": fused[0]["median_ms"],
        "min_ms": fused[0]["min_ms"],
        "images_per_s": fused[0]["images_per_s"],
        "peak_bytes": fused[0]["measured_bytes"],
    }


def last_json(command, environment):
    """The JSON on a command's standard output: all of it, or its last line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    except OSError as absent:
        return {"error": str(absent)}
    for text in (done.stdout, done.stdout.strip().rpartition("\n")[2]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        return found[0] if isinstance(found, list) else found
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    return {"error": f"exit code {done.returncode}: {said}"}


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def summary(lines):
    """Median of medians and the rest of one contestant's rounds; None where none succeeded."""
    good = [line for line in lines if "error" not in line]
    if not good:
        return None
    best = {key: good[0][key] for key in ("peer", "version", "batch", "dtype") if key in good[0]}
    median = statistics.median(line["median_ms"] for line in good)
    return best | {
        "median_ms": round(median, 3),
        "min_ms": min(line["min_ms"] for line in good),
        "images_per_s": round(1e3 * good[0]["batch"] / median, 2),
        "peak_bytes": max(line["peak_bytes"] for line in good),
        "rounds": len(good),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="densenet121")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--dtype", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    name, threads = arguments.model, arguments.threads
    file = onnx_model(name)
    load_before = os.getloadavg()[0]
    peer = {batch: [] for batch in arguments.batch}
    ours = {(batch, dtype): [] for batch in arguments.batch for dtype in arguments.dtype}
    failed = {}
    for number in range(1, arguments.rounds + 1):
        print(f"round {number} of {arguments.rounds}", file=sys.stderr)
        for batch in arguments.batch:
            peer[batch].append(onnx_runtime(file, name, batch, threads, arguments.seconds))
            for dtype in arguments.dtype:
                if (batch, dtype) in failed:
                    continue
                result = catena(name, batch, dtype, threads)
                ours[batch, dtype].append(result)
                if "error" in result:
                    failed[batch, dtype] = result["error"]
    results = []
    for batch, lines in peer.items():
        reference = summary(lines)
        if reference is None:
            raise SystemExit(f"ONNX Runtime, batch {batch}: {lines[-1]['error']}")
        results.append(reference)
        for dtype in arguments.dtype:
            figures = summary(ours[batch, dtype])
            if figures is None:
                results.append({"peer": "catena", "batch": batch, "dtype": dtype})
                results[-1]["error"] = failed[batch, dtype]
                continue
            pairs = [
                o["images_per_s"] / p["images_per_s"]
                for o, p in zip(ours[batch, dtype], lines)
                if "error" not in o and "error" not in p
            ]
            ratio = {"ratio": round(statistics.median(pairs), 3)} if pairs else {}
            results.append(figures | ratio)
    print_table(name, results)
    machine = {"processor": processor(), "cores": os.cpu_count(), "load_before": load_before}
    whole = {"model": name, "threads": threads, "machine": machine, "results": results}
    json.dump(whole | {"raw": {"onnxruntime": peer, "catena": list(ours.values())}}, sys.stdout)
    print()
    if failed:
        sys.exit(3)


def print_table(name, results):
    print(f"\n{name}: ratio is images per second over ONNX Runtime's fp32\n", file=sys.stderr)
    columns = "{:<18}{:>6}{:>6}{:>12}{:>10}{:>11}{:>10}{:>8}"
    head = ("", "batch", "dtype", "median ms", "min ms", "images/s", "peak MiB", "ratio")
    print(columns.format(*head), file=sys.stderr)
    for r in results:
        if "error" in r:
            print(f"{r['peer']:<18}{r['batch']:>6}{r['dtype']:>6}  {r['error']}", file=sys.stderr)
            continue
        row = (r["peer"], r["batch"], r["dtype"], f"{r['median_ms']:.1f}", f"{r['min_ms']:.1f}")
        row += (f"{r['images_per_s']:.2f}", f"{r['peak_bytes'] / 2**20:.1f}")
        print(columns.format(*row, r.get("ratio", "")), file=sys.stderr)


if __name__ == "__main__":
    main()
