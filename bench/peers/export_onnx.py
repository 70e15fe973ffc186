"""Writes a model of the catalogue as ONNX, with random weights and a free batch size.

    export_onnx.py MODEL OUT.onnx

PyTorch's own exporter as it comes: it folds each batch normalisation that follows a convolution.
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
    model = build(arguments.model)
    randomise(model, torch.Generator().manual_seed(1))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model,
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
