"""What PyTorch says of the DenseNets: golden files, and whole models for the end-to-end test.

    densenet_oracle.py golden DIR            densenet-logits.json, densenet-counts.tsv and the
                                             tensor names, as src/test/resources/golden holds them
    densenet_oracle.py export MODEL DIR      MODEL.safetensors with random weights and one
                                             case-N.safetensors {input, output} per input shape

`export` draws from PyTorch's generator (--seed), its running statistics far from 0 and 1; --old-names
writes the dotted names of early checkpoints (norm.1 for norm1). ImageNet models are torchvision's
where it imports; golden also holds our definition against it.
"""

import argparse
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import golden_weights
from densenets import CATALOGUE, densenet, multiply_adds, torchvision_densenet

GOLDEN_IMAGENET = [(1, 224, 224), (3, 64, 96)]
GOLDEN_CIFAR = [(3, 32, 32), (1, 40, 24)]
EXPORT_IMAGENET = [(1, 224, 224), (3, 224, 224), (1, 192, 256)]
EXPORT_CIFAR = [(1, 32, 32), (3, 32, 32), (1, 40, 24)]
WITH_NAMES = ["densenet121", "densenet161", "densenet169", "densenet201"]


def build(name):
    """torchvision's model where it can be had, else ours; evaluation mode."""
    try:
        model = torchvision_densenet(name)
    except ImportError as absent:
        print(f"torchvision is absent ({absent}): our own definition of {name}", file=sys.stderr)
        model = None
    return model or densenet(name)


def fp32_and_fp64(model, images):
    """Logits of the model in both precisions, as float64 arrays; the model ends up in fp64."""
    with torch.inference_mode():
        fp32 = [model.float()(torch.from_numpy(x)).double().numpy() for x in images]
        fp64 = [model.double()(torch.from_numpy(x).double()).numpy() for x in images]
    return fp32, fp64


def golden(directory):
    samples, cases, counts = {}, [], []
    for name, config in CATALOGUE.items():
        model, ours = build(name), densenet(name)
        shapes = {n: tuple(t.shape) for n, t in model.state_dict().items()}
        if shapes != {n: tuple(t.shape) for n, t in ours.state_dict().items()}:
            raise SystemExit(f"{name}: torchvision's tensors are not those of our definition")
        tensors = golden_weights.weights(shapes)
        state = {n: torch.from_numpy(t) for n, t in tensors.items()}
        for m in (model, ours):
            problems = m.load_state_dict(state, strict=False)
            left = [n for n in problems.missing_keys if not n.endswith("num_batches_tracked")]
            if left or problems.unexpected_keys:
                raise SystemExit(f"{name}: not loaded: {left}, {problems.unexpected_keys}")
        if name == "densenet121":
            samples = sample(tensors)
        sizes = GOLDEN_IMAGENET if config.imagenet else GOLDEN_CIFAR
        images = [golden_weights.images(*size) for size in sizes]
        fp32, fp64 = fp32_and_fp64(model, images)
        _, check = fp32_and_fp64(ours, images[-1:])
        if np.abs(check[0] - fp64[-1]).max() > 1e-12 * np.abs(check[0]).max():
            raise SystemExit(f"{name}: torchvision's logits are not those of our definition")
        for size, single, double in zip(sizes, fp32, fp64):
            error = np.abs(single - double).max() / np.abs(double).max()
            print(f"{name} {size}: largest {np.abs(double).max():.3g}, fp32 error {error:.2g}")
            cases.append(case(name, size, error, double))
        fresh = densenet(name)
        parameters = sum(p.numel() for p in fresh.parameters())
        counts.append(f"{name}\t{parameters}\t{multiply_adds(fresh, config)}\n")
        if name in WITH_NAMES:
            names = [
                f"{n}\t{'x'.join(map(str, tensors[n].shape))}\n" for n in shapes if n in tensors
            ]
            (directory / f"{name}-names.tsv").write_text(
                "# tensor\tshape: torchvision's state_dict but for the batch counters\n"
                + "".join(names)
            )
    (directory / "densenet-counts.tsv").write_text(
        "# model\tparameters\tmultiply-adds of one image (convolutions and classifier)\n"
        + "".join(counts)
    )
    head = {
        "magic": "catena-golden-logits",
        "version": 1,
        "command": "python src/test/python/densenet_oracle.py golden src/test/resources/golden",
        "generator": "src/test/python/golden_weights.py and dev.catena.network.GoldenWeights",
        "logits": "fp64 evaluation rounded to 7 digits; fp32_error is PyTorch's own in fp32, "
        "relative to the largest logit",
        "torch": torch.__version__,
    }
    text = json.dumps(head, indent=1)[:-2]
    text += ',\n "tensors": [\n' + ",\n".join("  " + json.dumps(s) for s in samples) + "\n ],"
    text += '\n "cases": [\n' + ",\n".join(cases) + "\n ]\n}\n"
    (directory / "densenet-logits.json").write_text(text)


def sample(tensors):
    """Checksums by which the Java twin of the generator is tested on its own."""
    names = [
        "features.conv0.weight",
        "features.norm0.weight",
        "features.norm0.bias",
        "features.norm0.running_mean",
        "features.norm0.running_var",
        "features.denseblock3.denselayer24.conv2.weight",
        "classifier.weight",
        "classifier.bias",
    ]
    images = {"input.0": golden_weights.image(0, 64, 96), "input.2": golden_weights.image(2, 40, 24)}
    return [
        {
            "name": name,
            "shape": list(t.shape),
            "first": float(t.flat[0]),
            "last": float(t.flat[-1]),
            "sum_of_bits": int(t.view(np.uint32).astype(np.uint64).sum()),
        }
        for name, t in ({n: tensors[n] for n in names} | images).items()
    ]


def case(name, size, error, logits):
    rows = ",\n    ".join("[" + ", ".join(f"{v:.7g}" for v in row) + "]" for row in logits)
    batch, height, width = size
    return (
        f'  {{"model": "{name}", "batch": {batch}, "height": {height}, "width": {width}, '
        f'"fp32_error": {error:.2g}, "logits": [\n    {rows}]}}'
    )


def randomise(model, generator):
    """He initialisation, and normalisations that do something."""

    def uniform(tensor, low, high):
        tensor.uniform_(low, high, generator=generator)

    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                deviation = math.sqrt(2 / m.weight[0].numel())
                m.weight.normal_(0, deviation, generator=generator)
                if m.bias is not None:
                    uniform(m.bias, -0.125, 0.125)
            elif isinstance(m, nn.BatchNorm2d):
                uniform(m.weight, 0.5, 1.5)
                uniform(m.bias, -0.25, 0.25)
                uniform(m.running_mean, -0.25, 0.25)
                uniform(m.running_var, 0.5, 2.0)


def old_name(name):
    return re.sub(r"\.(norm|conv|relu)([12])\.", r".\1.\2.", name)


def export(name, directory, seed, old_names):
    config, model = CATALOGUE[name], build(name)
    randomise(model, torch.Generator().manual_seed(seed))
    state = {old_name(n) if old_names else n: t for n, t in model.state_dict().items()}
    save_file(state, directory / f"{name}.safetensors", {"format": "pt"})
    sizes = EXPORT_IMAGENET if config.imagenet else EXPORT_CIFAR
    for n, x in enumerate(torch.from_numpy(golden_weights.images(*size)) for size in sizes):
        with torch.inference_mode():
            case = {"input": x, "output": model(x)}
        save_file(case, directory / f"case-{n}.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("golden")
    command.add_argument("directory", type=Path)
    command = commands.add_parser("export")
    command.add_argument("model", choices=CATALOGUE)
    command.add_argument("directory", type=Path)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--old-names", action="store_true")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    if arguments.command == "golden":
        golden(arguments.directory)
    else:
        export(arguments.model, arguments.directory, arguments.seed, arguments.old_names)


if __name__ == "__main__":
    main()
