"""Interleaves Catena and its peers; started by versus_infer.sh, which see.

A round runs, for each batch size, every peer and then Catena in each dtype, each in a process of its
own, so that the machine's moods meet all of them. The figure of each is the median over the rounds
of its medians; a ratio is the median over the rounds of that round's ratios to ONNX Runtime's fp32.
Who cannot run here is in the results with the reason. Exit code 3 when Catena gave no figures: those
of the peers are printed all the same.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from glob import glob
from pathlib import Path

from models import CATALOGUE, image_size

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "target/peers"
VARIANT = "fused"


def java():
    """A Java that runs programs from their sources, several files: 22 or later, where Catena's launcher looks too."""
    homes = [os.environ.get("CATENA_JAVA_HOME"), os.environ.get("JAVA_HOME"), *sorted(glob("/usr/lib/jvm/*"))]
    for home in map(Path, filter(None, homes)):
        release = home / "release"
        version = re.search(r'JAVA_VERSION="(\d+)', release.read_text()) if release.exists() else None
        if version and int(version[1]) >= 22 and (home / "bin/java").exists():
            return str(home / "bin/java")
    return "java"


def exported(name, ending, script):
    file = PEERS / f"{name}.{ending}"
    if not file.exists():
        print(f"exporting {file.name} ...", file=sys.stderr)
        export = [sys.executable, str(ROOT / "bench/peers" / script), name, str(file)]
        subprocess.run(export, check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL)
    return str(file)


def java_peer(program, classes, *arguments):
    """The line of a peer in Java, or {"error": reason}."""
    command = [java(), "--enable-native-access=ALL-UNNAMED", "-cp", str(PEERS / classes)]
    return last_json([*command, str(ROOT / "bench/peers" / program), *map(str, arguments)], os.environ)


def onnx_runtime(name, batch, threads, seconds):
    file = exported(name, "onnx", "export_onnx.py")
    program = ("OnnxRuntimePeer.java", "onnxruntime.jar")
    return java_peer(*program, file, name, batch, threads, seconds)


def djl(name, batch, threads, seconds):
    if not (PEERS / "djl").exists():
        return {"error": "its jars are not there: mvn -f bench/peers/djl.xml dependency:copy-dependencies"}
    file = exported(name, "pt", "export_torchscript.py")
    return java_peer("DjlPeer.java", "djl/*", file, name, image_size(name), batch, threads, seconds)


def pytorch(way, dtype):
    def line(name, batch, threads, seconds):
        command = [sys.executable, str(ROOT / "bench/peers/pytorch_infer.py"), name, "--device", "cpu"]
        command += ["--way", way, "--dtype", dtype, "--batch", str(batch)]
        return last_json([*command, "--threads", str(threads), "--seconds", str(seconds)], os.environ)

    return line


# By name: what takes model, batch, threads, seconds and gives a line, and its dtype. The first is the reference.
CONTESTANTS = {
    "onnxruntime-java": (onnx_runtime, "fp32"),
    "djl": (djl, "fp32"),
    "pytorch-eager": (pytorch("eager", "fp32"), "fp32"),
    "pytorch-channels_last": (pytorch("channels_last", "bf16"), "bf16"),
    "pytorch-frozen": (pytorch("frozen", "bf16"), "bf16"),
    "pytorch-compile": (pytorch("compile", "fp32"), "fp32"),
}


def catena(name, batch, dtype, threads, seconds):
    """Catena's figures in the shape of a peer's line, or {"error": reason}.

    The fused variant alone, run after run as a peer is: by turns with others it would find its filters
    in no cache.
    """
    command = [str(ROOT / "catena"), "compare", name, "--batch", str(batch), "--dtype", dtype]
    command += ["--variants", VARIANT, "--seconds", str(seconds), "--device", "host", "--json", "-"]
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
        found = found[0] if isinstance(found, list) else found
        return {"error": found["skipped"]} if "skipped" in found else found
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    return {"error": f"exit code {done.returncode}: {said}"}


def processor():
    """The CPU's name, and of its instruction sets those that decide how products are formed."""
    described = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        described.setdefault(name.strip(), value.strip())
    flags = described.get("flags", "").split()
    sets = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_fp16") if f in flags]
    return f"{described.get('model name', 'unknown')} ({', '.join(sets) or 'no AVX2'})"


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
    parser.add_argument("model", nargs="*", choices=CATALOGUE, default="densenet121")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--dtype", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--peers", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS)[:1])
    parser.add_argument("--all-peers", action="store_true")
    arguments = parser.parse_args()
    peers = list(CONTESTANTS) if arguments.all_peers else arguments.peers
    runs = {peer: CONTESTANTS[peer] for peer in peers}
    for dtype in arguments.dtype:
        runs[f"catena {dtype}"] = (lambda n, b, t, s, d=dtype: catena(n, b, d, t, s), dtype)
    names = [arguments.model] if isinstance(arguments.model, str) else arguments.model
    complete = [versus(name, runs, arguments) for name in names]
    if not all(complete):
        sys.exit(3)


def versus(name, runs, arguments):
    """Prints the table and the line of one network; whether Catena gave all its figures."""
    load_before = os.getloadavg()[0]
    threads = arguments.threads
    raw = {(batch, who): [] for batch in arguments.batch for who in runs}
    for number in range(1, arguments.rounds + 1):
        print(f"{name}: round {number} of {arguments.rounds}", file=sys.stderr)
        for (batch, who), lines in raw.items():
            if not lines or "error" not in lines[-1]:  # who failed once is not asked again
                lines.append(runs[who][0](name, batch, threads, arguments.seconds))
    results = [result(raw, batch, who, runs[who][1]) for batch, who in raw]
    print_table(name, results)
    machine = {"processor": processor(), "cores": os.cpu_count(), "load_before": load_before}
    whole = {"model": name, "threads": threads, "machine": machine, "results": results}
    lines = [{"batch": b, "who": w, "lines": r} for (b, w), r in raw.items()]
    print(json.dumps(whole | {"raw": lines}), flush=True)
    return not any("error" in r and r["peer"] == "catena" for r in results)


def result(raw, batch, who, dtype):
    """One contestant's figures and its ratio to the reference of the same rounds, or why there are none."""
    lines = raw[batch, who]
    figures = summary(lines)
    if figures is None:
        return {"peer": who.split()[0], "batch": batch, "dtype": dtype, "error": lines[-1]["error"]}
    reference = raw.get((batch, next(iter(CONTESTANTS))), [])
    pairs = [
        a["images_per_s"] / b["images_per_s"]
        for a, b in zip(lines, reference)
        if "error" not in a and "error" not in b
    ]
    return figures | ({"ratio": round(statistics.median(pairs), 3)} if pairs else {})


def print_table(name, results):
    print(f"\n{name}: ratio is images per second over ONNX Runtime's fp32\n", file=sys.stderr)
    columns = "{:<22}{:>6}{:>6}{:>12}{:>10}{:>11}{:>10}{:>8}"
    head = ("", "batch", "dtype", "median ms", "min ms", "images/s", "peak MiB", "ratio")
    print(columns.format(*head), file=sys.stderr)
    for r in results:
        if "error" in r:
            print(f"{r['peer']:<22}{r['batch']:>6}{r['dtype']:>6}  {r['error']}", file=sys.stderr)
            continue
        row = (r["peer"], r["batch"], r["dtype"], f"{r['median_ms']:.1f}", f"{r['min_ms']:.1f}")
        row += (f"{r['images_per_s']:.2f}", f"{r['peak_bytes'] / 2**20:.1f}")
        print(columns.format(*row, r.get("ratio", "")), file=sys.stderr)


if __name__ == "__main__":
    main()
