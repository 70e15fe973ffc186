"""What PyTorch says of the networks that are not DenseNets: golden files, and whole models for the
end-to-end test.

    networks_oracle.py golden DIR            network-counts.tsv and network-logits.json, as
                                             src/test/resources/golden holds them
    networks_oracle.py export MODEL DIR      MODEL.safetensors with random weights and one
                                             case-N.safetensors {input, output} per input shape

Definitions are those of networks.py; weights are drawn as densenet_oracle.py draws them.
"""

import argparse
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file

import golden_weights
from densenet_oracle import case, fp32_and_fp64, randomise
from densenets import multiply_adds
from networks import ALEXNETS, CATALOGUE, CifarResNet, PyramidNet, is_imagenet, network

# Small, so that a test can afford them; sizes that halve to odd ones where the network allows it.
GOLDEN = {
    "resnet18": [(2, 64, 96)],
    "resnet50": [(1, 72, 64)],
    "googlenet": [(1, 96, 70)],
    "resnet-20": [(2, 33, 18)],
    "resnet-110-depth": [(1, 24, 24)],
    "wrn-16-4": [(1, 33, 18)],
    "preresnet-164": [(1, 16, 24)],
    "pyramidnet-110-a48": [(1, 33, 19)],
    "pyramidnet-bottleneck-164-a270": [(1, 16, 16)],
    "se-resnet-20": [(2, 33, 18)],
    "resnet-8-bn-after": [(1, 20, 24)],
    "resnet-8-relu-before": [(1, 20, 24)],
    "resnet-8-relu-only": [(1, 20, 24)],
    "resnet-8-half": [(1, 20, 24)],
    "pyramidnet-20-a48-projected": [(1, 20, 24)],
}
# Not of the catalogue: each of a block's options.
OPTIONS = {
    "resnet-8-bn-after": lambda: CifarResNet(8, "bn-after"),
    "resnet-8-relu-before": lambda: CifarResNet(8, "relu-before"),
    "resnet-8-relu-only": lambda: CifarResNet(8, "relu-only"),
    "resnet-8-half": lambda: CifarResNet(8, scale=0.5),
    "pyramidnet-20-a48-projected": lambda: PyramidNet(20, 48, projection=True),
}
EXPORT_IMAGENET = [(1, 224, 224), (2, 192, 256)]
EXPORT_CIFAR = [(1, 32, 32), (3, 32, 32), (1, 40, 24)]


def tensors(model):
    """Names and shapes, the batch counters apart."""
    state = model.state_dict()
    return {n: tuple(t.shape) for n, t in state.items() if not n.endswith("num_batches_tracked")}


def counts(name, model):
    lines = sorted(f"{n} {'x'.join(map(str, s))}\n" for n, s in tensors(model).items())
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    parameters = sum(p.numel() for p in model.parameters())
    work = multiply_adds(model, SimpleNamespace(size=224 if is_imagenet(name) else 32))
    return f"{name}\t{parameters}\t{work}\t{len(lines)}\t{digest}\n"


def logits(name, model):
    state = golden_weights.weights(tensors(model))
    model.load_state_dict({n: torch.from_numpy(t) for n, t in state.items()}, strict=False)
    for size in GOLDEN[name]:
        fp32, fp64 = fp32_and_fp64(model, [golden_weights.images(*size)])
        error = np.abs(fp32[0] - fp64[0]).max() / np.abs(fp64[0]).max()
        print(f"{name} {size}: largest {np.abs(fp64[0]).max():.3g}, fp32 error {error:.2g}")
        yield case(name, size, error, fp64[0])


def golden(directory):
    table = [counts(name, network(name)) for name in CATALOGUE]
    (directory / "network-counts.tsv").write_text(
        "# model\tparameters\tmultiply-adds of one image (convolutions and classifier)\ttensors"
        "\tSHA-256 of the sorted lines 'tensor shape'\n" + "".join(table)
    )
    models = {name: OPTIONS[name]().eval() if name in OPTIONS else network(name) for name in GOLDEN}
    cases = [c for name, model in models.items() for c in logits(name, model)]
    head = {
        "magic": "catena-golden-logits",
        "version": 1,
        "command": "python src/test/python/networks_oracle.py golden src/test/resources/golden",
        "generator": "src/test/python/golden_weights.py and dev.catena.network.GoldenWeights",
        "logits": "fp64 evaluation rounded to 7 digits; fp32_error is PyTorch's own in fp32, "
        "relative to the largest logit",
        "torch": torch.__version__,
    }
    text = json.dumps(head, indent=1)[:-2] + ',\n "tensors": [],'
    text += '\n "cases": [\n' + ",\n".join(cases) + "\n ]\n}\n"
    (directory / "network-logits.json").write_text(text)


def export(name, directory, seed):
    model = network(name)
    randomise(model, torch.Generator().manual_seed(seed))
    save_file(model.state_dict(), directory / f"{name}.safetensors", {"format": "pt"})
    sizes = EXPORT_IMAGENET if is_imagenet(name) else EXPORT_CIFAR
    for n, size in enumerate(sizes[:1] if name in ALEXNETS[1:] else sizes):
        x = torch.from_numpy(golden_weights.images(*size))
        with torch.inference_mode():
            save_file({"input": x, "output": model(x)}, directory / f"case-{n}.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("golden")
    command.add_argument("directory", type=Path)
    command = commands.add_parser("export")
    command.add_argument("model", choices=CATALOGUE)
    command.add_argument("directory", type=Path)
    command.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    if arguments.command == "golden":
        golden(arguments.directory)
    else:
        export(arguments.model, arguments.directory, arguments.seed)


if __name__ == "__main__":
    main()
