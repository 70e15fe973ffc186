"""Writes the golden safetensors file of the io tests, with PyTorch and the reference implementation.

    pip install torch numpy safetensors
    python src/test/python/golden_safetensors.py src/test/resources/golden/io

Made with torch 2.13.0, safetensors 0.8.0. The values are restated in SafeTensorsTest.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

third = torch.arange(-6, 6, dtype=torch.float32).reshape(3, 4) / 3
tensors = {
    "conv.weight": third,
    "half": third.half(),
    "brain": third.bfloat16(),
    "double": third.double(),
    "norm.num_batches_tracked": torch.tensor(16_777_216),
    "labels": torch.tensor([-1, 0, 9], dtype=torch.int32),
    "bytes": torch.tensor([0, 127, 255], dtype=torch.uint8),
    "mask": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
    "special": torch.tensor([float("nan"), float("inf"), float("-inf"), -0.0, 1e-45, 3.4028235e38]),
    "name with \"quotes\" and ünïcode": torch.ones(1),
}

if __name__ == "__main__":
    save_file(tensors, Path(sys.argv[1]) / "torch.safetensors", metadata={"format": "pt"})
