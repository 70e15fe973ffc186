"""Catena's catalogue apart from the DenseNets, in PyTorch: torchvision's models where it has them, and
plain definitions written from the papers for the others, with Catena's tensor names.

Residual networks for CIFAR: 1512.03385 (option A), 1603.05027 (activation orders), 1605.07146 (wide),
1610.02915 (pyramids), 1603.09382 (stochastic depth), 1709.01507 (squeeze and excitation); AlexNet of
two groups: Krizhevsky et al., 2012.
"""

import torch
from torch import nn
from torch.nn import functional as F

import torchvision_models

TORCHVISION = (
    ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "alexnet"]
    + [f"vgg{d}{bn}" for d in (11, 13, 16, 19) for bn in ("", "_bn")]
    + ["googlenet"]
)
ALEXNETS = ["alexnet", "alexnet-original"]


def torchvision_model(name):
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    return getattr(torchvision_models.models(), name)(weights=None, **options)


class Excitation(nn.Module):
    def __init__(self, channels, ratio=16):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(1, channels // ratio), 1)
        self.fc2 = nn.Conv2d(max(1, channels // ratio), channels, 1)

    def forward(self, x):
        s = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(s))))


def zeros_behind(x, channels):
    return F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))


class Basic(nn.Module):
    """The original block, and what can be changed about it."""

    def __init__(self, inputs, width, stride, order="original", se=False, survival=1.0, scale=1.0):
        super().__init__()
        self.order, self.stride, self.survival, self.scale = order, stride, survival, scale
        self.outputs = width
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs if order in ("full",) else width)
        self.bn2 = nn.BatchNorm2d(width)
        if se:
            self.se = Excitation(width)
        self.has_se = se

    def forward(self, x):
        if self.order == "original":
            f = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        elif self.order == "bn-after":
            f = self.conv2(F.relu(self.bn1(self.conv1(x))))
        elif self.order == "relu-before":
            f = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        elif self.order == "relu-only":
            f = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(F.relu(x))))))
        if self.has_se:
            f = self.se(f)
        y = self.survival * f + self.scale * zeros_behind(x[:, :, :: self.stride, :: self.stride], self.outputs)
        if self.order == "bn-after":
            y = self.bn2(y)
        return F.relu(y) if self.order in ("original", "bn-after") else y


class CifarResNet(nn.Module):
    def __init__(self, depth, order="original", se=False, survival=1.0, scale=1.0):
        super().__init__()
        n = (depth - 2) // 6
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        inputs, built = 16, 0
        for stage, width in enumerate((16, 32, 64), 1):
            blocks = []
            for i in range(n):
                built += 1
                alive = 1 - built / (3 * n) * (1 - survival)
                stride = 2 if stage > 1 and i == 0 else 1
                blocks.append(Basic(inputs, width, stride, order, se, alive, scale))
                inputs = width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)
        self.last = F.relu if order in ("relu-before", "relu-only") else nn.Identity()

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.last(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class PreActivation(nn.Module):
    def __init__(self, inputs, width, expansion, stride, se=False, survival=1.0):
        super().__init__()
        self.survival = survival
        outputs = width * expansion
        bottleneck = expansion > 1
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(width)
        if bottleneck:
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(width)
            self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        else:
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(width, outputs, 3, 1, 1, bias=False)
        self.bottleneck = bottleneck
        self.changes = inputs != outputs or stride != 1
        if self.changes:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
        self.has_se = se
        if se:
            self.se = Excitation(outputs)

    def forward(self, x):
        a = F.relu(self.bn1(x))
        f = self.conv2(F.relu(self.bn2(self.conv1(a))))
        if self.bottleneck:
            f = self.conv3(F.relu(self.bn3(f)))
        f = self.se(f) if self.has_se else f
        return self.survival * f + (self.downsample(a) if self.changes else x)


class PreResNet(nn.Module):
    def __init__(self, n, width, expansion, se=False, survival=1.0):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        inputs, built = 16, 0
        for stage in (1, 2, 3):
            blocks = []
            for i in range(n):
                stride = 2 if stage > 1 and i == 0 else 1
                built += 1
                alive = 1 - built / (3 * n) * (1 - survival)
                blocks.append(PreActivation(inputs, width, expansion, stride, se, alive))
                inputs = width * expansion
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            width *= 2
        self.bn_final, self.fc = nn.BatchNorm2d(inputs), nn.Linear(inputs, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(F.relu(self.bn_final(x)).mean((2, 3)))


class Pyramid(nn.Module):
    def __init__(self, inputs, width, expansion, stride, projection, se):
        super().__init__()
        self.outputs, self.stride = width * expansion, stride
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(width)
        self.bn3 = nn.BatchNorm2d(width)
        if expansion > 1:
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.conv3 = nn.Conv2d(width, self.outputs, 1, bias=False)
            self.bn4 = nn.BatchNorm2d(self.outputs)
        else:
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bottleneck = expansion > 1
        self.projection = projection and (stride != 1 or inputs != self.outputs)
        if self.projection:
            convolution = nn.Conv2d(inputs, self.outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(self.outputs))
        self.has_se = se
        if se:
            self.se = Excitation(self.outputs)

    def forward(self, x):
        f = self.bn3(self.conv2(F.relu(self.bn2(self.conv1(self.bn1(x))))))
        if self.bottleneck:
            f = self.bn4(self.conv3(F.relu(f)))
        f = self.se(f) if self.has_se else f
        if self.projection:
            return f + self.downsample(x)
        s = F.avg_pool2d(x, 2, 2, ceil_mode=True) if self.stride == 2 else x
        return f + zeros_behind(s, self.outputs)


class PyramidNet(nn.Module):
    def __init__(self, depth, alpha, expansion=1, projection=False, multiplied=False, se=False):
        super().__init__()
        n = (depth - 2) // (9 if expansion > 1 else 6)
        factor = ((16 + alpha) / 16) ** (1 / (3 * n))
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        inputs, exact = 16, 16.0
        for stage in (1, 2, 3):
            blocks = []
            for i in range(n):
                exact = exact * factor if multiplied else exact + alpha / (3 * n)
                width = round(exact)
                stride = 2 if stage > 1 and i == 0 else 1
                blocks.append(Pyramid(inputs, width, expansion, stride, projection, se))
                inputs = width * expansion
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.bn_final, self.fc = nn.BatchNorm2d(inputs), nn.Linear(inputs, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)))))
        return self.fc(F.relu(self.bn_final(x)).mean((2, 3)))


class AlexNetOfTwoGroups(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, 4, 2)
        self.conv2 = nn.Conv2d(96, 256, 5, 1, 2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, 1, 1)
        self.conv4 = nn.Conv2d(384, 384, 3, 1, 1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, 1, 1, groups=2)
        self.fc6, self.fc7 = nn.Linear(256 * 6 * 6, 4096), nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1000)

    def forward(self, x):
        norm = nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)
        x = F.max_pool2d(norm(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(norm(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv4(F.relu(self.conv3(x))))
        x = F.max_pool2d(F.relu(self.conv5(x)), 3, 2).flatten(1)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x)))))


def squeezed_resnet50():
    """torchvision's ResNet-50 with an excitation at the end of each branch."""
    model = torchvision_model("resnet50")
    for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
        for block in layer:
            # bn3 is the branch's last layer; named se, not bn3.1, in the state.
            block.se = Excitation(block.bn3.num_features)
            block.bn3.register_forward_hook(lambda _, __, y, se=block.se: se(y))
    return model


OURS = {
    **{f"resnet-{d}": (lambda d=d: CifarResNet(d)) for d in (20, 32, 44, 56, 110, 1202)},
    "preresnet-110": lambda: PreResNet(18, 16, 1),
    "preresnet-164": lambda: PreResNet(18, 16, 4),
    "preresnet-1001": lambda: PreResNet(111, 16, 4),
    **{
        f"wrn-{d}-{k}": (lambda d=d, k=k: PreResNet((d - 4) // 6, 16 * k, 1))
        for d, k in ((16, 4), (40, 4), (16, 8), (28, 10))
    },
    **{f"pyramidnet-110-a{a}": (lambda a=a: PyramidNet(110, a)) for a in (48, 84, 270)},
    "pyramidnet-bottleneck-164-a270": lambda: PyramidNet(164, 270, 4),
    **{
        f"pyramidnet-110-a{a}-projection": (lambda a=a: PyramidNet(110, a, projection=True))
        for a in (48, 84, 270)
    },
    "pyramidnet-110-m48": lambda: PyramidNet(110, 48, multiplied=True),
    "resnet-110-bn-after-addition": lambda: CifarResNet(110, "bn-after"),
    "resnet-110-relu-before-addition": lambda: CifarResNet(110, "relu-before"),
    "resnet-110-relu-only-preactivation": lambda: CifarResNet(110, "relu-only"),
    "resnet-110-depth": lambda: CifarResNet(110, survival=0.5),
    "preresnet-110-depth": lambda: PreResNet(18, 16, 1, survival=0.5),
    "se-preresnet-110": lambda: PreResNet(18, 16, 1, se=True),
    "se-wrn-16-4": lambda: PreResNet(2, 64, 1, se=True),
    "se-pyramidnet-110-a48": lambda: PyramidNet(110, 48, se=True),
    "se-resnet50": squeezed_resnet50,
    "se-resnet-20": lambda: CifarResNet(20, se=True),
    "se-resnet-110": lambda: CifarResNet(110, se=True),
    "alexnet-original": AlexNetOfTwoGroups,
}
CATALOGUE = TORCHVISION + list(OURS)


def is_imagenet(name):
    return name in TORCHVISION or name in ("se-resnet50", "alexnet-original")


def network(name):
    """The network of that name, in evaluation mode."""
    return (OURS[name]() if name in OURS else torchvision_model(name)).eval()


def trained(name):
    """The network of that name as it is trained, with GoogLeNet's auxiliary classifiers, but without dropout."""
    auxiliaries = {"aux_logits": True, "init_weights": False}
    model = torchvision_models.models().googlenet(**auxiliaries) if name == "googlenet" else network(name)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model.train()
