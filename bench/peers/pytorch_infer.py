"""Times PyTorch's inference of a catalogue model; one line of JSON for each way of running it.

    pytorch_infer.py MODEL [--batch 1 16] [--dtype fp32 bf16] [--way eager channels_last ...]
                     [--device cpu|cuda] [--threads 2] [--seconds 5]

Ways: eager, channels_last, frozen (channels_last, traced by TorchScript, its weights constants) and
compile (channels_last and torch.compile) on every device; on a GPU also
graph (channels_last, captured as a CUDA graph), reduce-overhead and max-autotune (torch.compile's
modes, both with CUDA graphs). A way that cannot run here prints a line with "skipped" and the reason.
peak_bytes is memory above the weights and the input: resident memory on the CPU (what a compiler
took is left out), what PyTorch's allocator holds on the GPU (allocated_bytes: what lies in tensors).
"""

import argparse
import contextlib
import ctypes
import gc
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from models import CATALOGUE, image_size, network

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
EVERYWHERE = ["eager", "channels_last", "frozen", "compile"]
GPU_ONLY = ["graph", "reduce-overhead", "max-autotune"]
COMPILED = ["compile", "reduce-overhead", "max-autotune"]


class Skipped(Exception):
    """Why a way of running cannot be had here."""


def resident(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/self/status")


class ResidentMemory:
    """Growth of the process's resident memory."""

    def __init__(self):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # free memory that the process keeps would hide growth
        Path("/proc/self/clear_refs").write_text("5")
        self.before = resident("VmRSS")

    def without_compiler(self):
        self.__init__()

    def peak(self):
        return {"peak_bytes": resident("VmHWM") - self.before}


class GpuMemory:
    """What PyTorch's allocator takes from the device above what is there at the start."""

    def __init__(self):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        self.before = torch.cuda.memory_allocated()

    def without_compiler(self):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def peak(self):
        return {
            "peak_bytes": torch.cuda.max_memory_reserved() - self.before,
            "allocated_bytes": torch.cuda.max_memory_allocated() - self.before,
        }


def captured(model, x):
    """The model on x as one CUDA graph; returns what replays it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            model(x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return graph.replay


def prepared(way, model, x):
    """A function without arguments that runs the model once on x."""
    if way in COMPILED:
        if not x.is_cuda and not any(shutil.which(c) for c in ("g++", "clang++")):
            raise Skipped("torch.compile needs a C++ compiler, and there is no g++ or clang++")
        mode = None if way == "compile" else way
        model = torch.compile(model, mode=mode)
    elif way == "frozen":
        model = torch.jit.freeze(torch.jit.trace(model, x))
    elif way == "graph":
        return captured(model, x)
    return lambda: model(x)


def measure(run, device, seconds):
    """Milliseconds of each run after three to warm up."""

    def once():
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - start)

    for _ in range(3):
        once()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        times.append(once())
    return times


def figures(name, way, batch, dtype, device, seconds):
    size = image_size(name)
    model = network(name)
    layout = torch.contiguous_format if way == "eager" else torch.channels_last
    model = model.to(device, DTYPES[dtype], memory_format=layout)
    x = torch.randn(batch, 3, size, size).to(device, DTYPES[dtype], memory_format=layout)
    with torch.inference_mode():
        memory = GpuMemory() if device == "cuda" else ResidentMemory()
        run = prepared(way, model, x)
        if way in COMPILED:
            run()
            memory.without_compiler()
        times = measure(run, device, seconds)
        peak = memory.peak()
    median = statistics.median(times)
    return {
        "median_ms": round(median, 3),
        "min_ms": round(min(times), 3),
        "images_per_s": round(1e3 * batch / median, 2),
        "runs": len(times),
    } | peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=CATALOGUE)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["fp32", "bf16"])
    parser.add_argument("--way", nargs="+", choices=EVERYWHERE + GPU_ONLY)
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    ways = arguments.way or EVERYWHERE + (GPU_ONLY if device == "cuda" else [])
    settings = list(itertools.product(ways, arguments.dtype, arguments.batch))
    if len(settings) > 1:
        # A process for each: memory that one leaves behind must not hide what the next one takes.
        for way, dtype, batch in settings:
            one = ["--way", way, "--dtype", dtype, "--batch", str(batch), "--device", device]
            same = ["--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
            subprocess.run([sys.executable, __file__, arguments.model, *one, *same], check=True)
        return
    way, dtype, batch = settings[0]
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    head = {
        "peer": f"pytorch-{way}",
        "version": torch.__version__,
        "model": arguments.model,
        "batch": batch,
        "dtype": dtype,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": arguments.threads,
    }
    # What a compiler prints must not come between the lines of JSON.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            if way in GPU_ONLY and device != "cuda":
                raise Skipped("CUDA graphs need a GPU")
            rest = figures(arguments.model, way, batch, dtype, device, arguments.seconds)
        except (Skipped, RuntimeError) as reason:
            rest = {"skipped": str(reason).splitlines()[0]}
    print(json.dumps(head | rest))


if __name__ == "__main__":
    main()
