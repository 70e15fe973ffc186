"""Writes a model of the catalogue as TorchScript, with random weights; a trace takes any batch size.

    export_torchscript.py MODEL OUT.pt
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src/test/python"))
from densenet_oracle import build, randomise  # noqa: E402
from densenets import CATALOGUE  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=CATALOGUE)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    size = CATALOGUE[arguments.model].size
    model = build(arguments.model).eval()
    randomise(model, torch.Generator().manual_seed(1))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        torch.jit.trace(model, torch.zeros(2, 3, size, size)).save(str(arguments.out))


if __name__ == "__main__":
    main()
