"""Networks of Catena's catalogue in PyTorch, as `src/test/python` defines them, for peers to run."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src/test/python"))
import densenets  # noqa: E402
import networks  # noqa: E402
from densenet_oracle import build, randomise  # noqa: E402

CATALOGUE = list(densenets.CATALOGUE) + networks.CATALOGUE


def image_size(name):
    """Height and width of the images that the network is made for."""
    dense = densenets.CATALOGUE.get(name)
    return dense.size if dense else 224 if networks.is_imagenet(name) else 32


def network(name):
    """The network with random weights, in evaluation mode."""
    model = build(name) if name in densenets.CATALOGUE else networks.network(name)
    randomise(model, torch.Generator().manual_seed(1))
    return model.eval()
