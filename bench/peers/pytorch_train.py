"""Times PyTorch's training steps of a DenseNet; one line of JSON for each way of running it.

    pytorch_train.py MODEL [--batch 64] [--dtype fp32] [--way eager channels_last compile]
                     [--efficient no yes] [--device cpu|cuda] [--threads 2] [--seconds 20]

The network is torchvision's scheme (a layer joins all features before it); `--efficient yes` is its
memory_efficient=True: what a layer joins and normalises is computed again in the backward pass. SGD
with momentum 0.9, Nesterov, weight decay 1e-4. fp16 and bf16 are torch.autocast, fp16 with a
GradScaler. peak_bytes is what the process (on the CPU) or PyTorch's allocator (on the GPU) takes above
what was there before the model.
"""

import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src/test/python"))
from densenets import CATALOGUE, Transition  # noqa: E402
from pytorch_infer import DTYPES, GpuMemory, ResidentMemory, Skipped, measure  # noqa: E402

WAYS = ["eager", "channels_last", "compile"]


class Layer(nn.Module):
    def __init__(self, channels, config, efficient):
        super().__init__()
        inner = 4 * config.growth
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, config.growth, 3, padding=1, bias=False)
        self.efficient = efficient

    def bottleneck(self, *features):
        return self.conv1(F.relu(self.norm1(torch.cat(features, 1))))

    def forward(self, features):
        if self.efficient:
            b = checkpoint(self.bottleneck, *features, use_reentrant=False)
        else:
            b = self.bottleneck(*features)
        return self.conv2(F.relu(self.norm2(b)))


class Network(nn.Module):
    def __init__(self, config, efficient):
        super().__init__()
        if not config.bottleneck:
            raise Skipped("only networks with bottlenecks have a memory-efficient form")
        channels = config.stem_channels
        if config.imagenet:
            norm = [nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
            self.stem = nn.Sequential(nn.Conv2d(3, channels, 7, 2, 3, bias=False), *norm)
        else:
            self.stem = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for number, layers in enumerate(config.blocks, 1):
            wide = [channels + n * config.growth for n in range(layers)]
            self.blocks.append(nn.ModuleList(Layer(c, config, efficient) for c in wide))
            channels += layers * config.growth
            if number < len(config.blocks):
                self.transitions.append(Transition(channels, int(channels * config.compression)))
                channels = int(channels * config.compression)
        self.norm = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, config.classes)

    def forward(self, x):
        x = self.stem(x)
        for number, block in enumerate(self.blocks):
            features = [x]
            for layer in block:
                features.append(layer(features))
            x = torch.cat(features, 1)
            if number < len(self.transitions):
                x = self.transitions[number](x)
        return self.classifier(F.relu(self.norm(x)).mean((2, 3)))


def figures(arguments, way, dtype, efficient, device):
    config = CATALOGUE[arguments.model]
    memory = GpuMemory() if device == "cuda" else ResidentMemory()
    layout = torch.contiguous_format if way == "eager" else torch.channels_last
    torch.manual_seed(1)
    model = Network(config, efficient).to(device, memory_format=layout).train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    x = torch.randn(arguments.batch, 3, config.size, config.size)
    x = x.to(device, memory_format=layout)
    labels = torch.randint(config.classes, (arguments.batch,)).to(device)
    scaler = torch.amp.GradScaler(device, enabled=dtype == "fp16")
    run = torch.compile(model) if way == "compile" else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, DTYPES[dtype], enabled=dtype != "fp32"):
            loss = F.cross_entropy(run(x), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    if way == "compile":
        step()
        memory.without_compiler()
    times = measure(step, device, arguments.seconds)
    median = statistics.median(times)
    return {
        "median_ms": round(median, 3),
        "min_ms": round(min(times), 3),
        "images_per_s": round(1e3 * arguments.batch / median, 2),
        "runs": len(times),
    } | memory.peak()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=CATALOGUE)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["fp32"])
    parser.add_argument("--way", nargs="+", choices=WAYS, default=["eager"])
    parser.add_argument("--efficient", nargs="+", choices=["no", "yes"], default=["no", "yes"])
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    settings = list(itertools.product(arguments.way, arguments.dtype, arguments.efficient))
    if len(settings) > 1:
        # A process for each: memory that one leaves behind must not hide what the next one takes.
        for way, dtype, efficient in settings:
            one = ["--way", way, "--dtype", dtype, "--efficient", efficient, "--device", device]
            one += ["--batch", str(arguments.batch), "--threads", str(arguments.threads)]
            one += ["--seconds", str(arguments.seconds)]
            subprocess.run([sys.executable, __file__, arguments.model, *one], check=True)
        return
    way, dtype, efficient = settings[0]
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    head = {
        "peer": f"pytorch-{way}" + ("-efficient" if efficient == "yes" else ""),
        "version": torch.__version__,
        "model": arguments.model,
        "batch": arguments.batch,
        "dtype": dtype,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": arguments.threads,
    }
    # What a compiler prints must not come between the lines of JSON.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            rest = figures(arguments, way, dtype, efficient == "yes", device)
        except (Skipped, RuntimeError) as reason:
            rest = {"skipped": str(reason).splitlines()[0]}
    print(json.dumps(head | rest))


if __name__ == "__main__":
    main()
