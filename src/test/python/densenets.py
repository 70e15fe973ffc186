"""The DenseNets of Catena's catalogue, in PyTorch, written from arXiv 1608.06993.

A definition of our own for every name, with torchvision's tensor names; where torchvision knows the
name too, `torchvision_densenet` gives its model instead and the two are compared (see
densenet_oracle.py). The CIFAR nets keep torchvision's scheme: the stem is `features.conv0`, the BN
before the classifier has the number after the last block's, `features.norm4`.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import torchvision_models


@dataclass(frozen=True)
class Config:
    """Structure of one DenseNet: what the paper's table 1 and section 3 give."""

    growth: int
    blocks: tuple[int, ...]
    stem_channels: int
    bottleneck: bool
    compression: float
    imagenet: bool

    @property
    def classes(self) -> int:
        return 1000 if self.imagenet else 10

    @property
    def size(self) -> int:
        return 224 if self.imagenet else 32


def imagenet(growth, blocks, stem_channels):
    return Config(growth, blocks, stem_channels, bottleneck=True, compression=0.5, imagenet=True)


def cifar(depth, growth):
    layers = (depth - 4) // 3
    return Config(growth, (layers,) * 3, 16, bottleneck=False, compression=1.0, imagenet=False)


def cifar_bc(depth, growth):
    layers = (depth - 4) // 6
    return Config(
        growth, (layers,) * 3, 2 * growth, bottleneck=True, compression=0.5, imagenet=False
    )


CATALOGUE = {
    "densenet-40-12": cifar(40, 12),
    "densenet-100-12": cifar(100, 12),
    "densenet-100-24": cifar(100, 24),
    "densenet-bc-40-12": cifar_bc(40, 12),
    "densenet-bc-100-12": cifar_bc(100, 12),
    "densenet-bc-250-24": cifar_bc(250, 24),
    "densenet-bc-190-40": cifar_bc(190, 40),
    "densenet121": imagenet(32, (6, 12, 24, 16), 64),
    "densenet161": imagenet(48, (6, 12, 36, 24), 96),
    "densenet169": imagenet(32, (6, 12, 32, 32), 64),
    "densenet201": imagenet(32, (6, 12, 48, 32), 64),
    "densenet264": imagenet(32, (6, 12, 64, 48), 64),
}


class DenseLayer(nn.Module):
    """BN-ReLU-conv3x3(k), or BN-ReLU-conv1x1(4k)-BN-ReLU-conv3x3(k); appends k channels."""

    def __init__(self, channels, growth, bottleneck):
        super().__init__()
        inner = 4 * growth
        self.norm1 = nn.BatchNorm2d(channels)
        if bottleneck:
            self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(inner)
            self.conv2 = nn.Conv2d(inner, growth, 3, padding=1, bias=False)
        else:
            self.conv1 = nn.Conv2d(channels, growth, 3, padding=1, bias=False)
        self.bottleneck = bottleneck

    def forward(self, x):
        new = self.conv1(F.relu(self.norm1(x)))
        if self.bottleneck:
            new = self.conv2(F.relu(self.norm2(new)))
        return torch.cat([x, new], 1)


class Transition(nn.Module):
    """BN-ReLU-conv1x1 to the compressed width, then 2x2 average pooling."""

    def __init__(self, channels, outputs):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, outputs, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(nn.Module):
    """Images NCHW to logits."""

    def __init__(self, config: Config):
        super().__init__()
        channels = config.stem_channels
        features = nn.Sequential()
        if config.imagenet:
            features.add_module("conv0", nn.Conv2d(3, channels, 7, 2, 3, bias=False))
            features.add_module("norm0", nn.BatchNorm2d(channels))
            features.add_module("relu0", nn.ReLU())
            features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
        else:
            features.add_module("conv0", nn.Conv2d(3, channels, 3, padding=1, bias=False))
        for b, layers in enumerate(config.blocks, 1):
            block = nn.Sequential()
            for n in range(1, layers + 1):
                block.add_module(
                    f"denselayer{n}", DenseLayer(channels, config.growth, config.bottleneck)
                )
                channels += config.growth
            features.add_module(f"denseblock{b}", block)
            if b < len(config.blocks):
                outputs = int(channels * config.compression)
                features.add_module(f"transition{b}", Transition(channels, outputs))
                channels = outputs
        features.add_module(f"norm{len(config.blocks) + 1}", nn.BatchNorm2d(channels))
        self.features = features
        self.classifier = nn.Linear(channels, config.classes)

    def forward(self, x):
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


def densenet(name):
    """Our definition of a catalogue name, in evaluation mode."""
    return DenseNet(CATALOGUE[name]).eval()


def torchvision_densenet(name):
    """torchvision's model of that name, in evaluation mode; None where it has none."""
    config = CATALOGUE[name]
    if not config.imagenet:
        return None
    constructor = torchvision_models.models().DenseNet
    return constructor(config.growth, config.blocks, config.stem_channels).eval()


def multiply_adds(model, config):
    """Multiply-adds of convolutions and the classifier for one image of the usual size."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        weights = layer.weight[0].numel()
        total += weights * output.numel()

    hooks = [
        m.register_forward_hook(count)
        for m in model.modules()
        if isinstance(m, (nn.Conv2d, nn.Linear))
    ]
    with torch.inference_mode():
        model(torch.zeros(1, 3, config.size, config.size))
    for hook in hooks:
        hook.remove()
    return total
