"""Writes a model of the catalogue as TorchScript, with random weights; a trace takes any batch size.

    export_torchscript.py MODEL OUT.pt
"""

import argparse
from pathlib import Path

import torch

from models import CATALOGUE, image_size, network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=CATALOGUE)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    size = image_size(arguments.model)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        torch.jit.trace(network(arguments.model), torch.zeros(2, 3, size, size)).save(str(arguments.out))


if __name__ == "__main__":
    main()
