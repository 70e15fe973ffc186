"""Writes a model of the catalogue as ONNX, with random weights and a free batch size.

    export_onnx.py MODEL OUT.onnx

PyTorch's own exporter as it comes: it folds each batch normalisation that follows a convolution.
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
    torch.onnx.export(
        network(arguments.model),
        (torch.zeros(2, 3, size, size),),
        arguments.out,
        dynamo=True,
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
    )


if __name__ == "__main__":
    main()
