"""What PyTorch says of a few training steps: the update, its gradients, running statistics, losses.

    training_oracle.py MODEL DIR [--batch 8] [--steps 1 2] [--long 20] [--lr 0.1] [--seed 1]
                       [--size 32] [--momentum 0.9] [--weight-decay 1e-4] [--no-nesterov]

Writes to DIR: weights.safetensors, the parameters to begin with; batch.safetensors, `images` and
`labels`, one batch for every step; after-N-float64.safetensors and after-N-float32.safetensors, all
parameters and running statistics after N steps of torch.optim.SGD; gradients-float64.safetensors and
gradients-float32.safetensors of the first step; losses.json, of the longest run in both precisions.
float64 tensors are stored as F64.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from densenet_oracle import randomise
from densenets import CATALOGUE as DENSENETS
from densenets import densenet
from networks import CATALOGUE as NETWORKS
from networks import trained


def definition(name):
    return densenet(name) if name in DENSENETS else trained(name)


def tensors(model):
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {n: t.detach().clone() for n, t in named.items() if not n.endswith("batches_tracked")}


def run(model, images, labels, steps, arguments, gradients):
    """Losses of the steps; tensors after each; `gradients` takes those of the first."""
    model.train()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=arguments.lr,
        momentum=arguments.momentum,
        weight_decay=arguments.weight_decay,
        nesterov=not arguments.no_nesterov,
    )
    losses, after = [], []
    for step in range(steps):
        optimizer.zero_grad()
        made = model(images)
        # GoogLeNet's, the last first: the logits, then those of its auxiliary classifiers.
        logits, *auxiliaries = made if isinstance(made, tuple) else (made,)
        loss = F.cross_entropy(logits, labels)
        for auxiliary in auxiliaries:
            loss = loss + 0.3 * F.cross_entropy(auxiliary, labels)
        loss.backward()
        if step == 0:
            gradients.update({n: p.grad.clone() for n, p in model.named_parameters()})
        optimizer.step()
        losses.append(loss.item())
        after.append(tensors(model))
    return losses, after


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=[*DENSENETS, *NETWORKS])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--long", type=int, default=20)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--no-nesterov", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    directory = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(arguments.seed)
    first = definition(arguments.model)
    randomise(first, generator)
    size = arguments.size
    images = torch.randn(arguments.batch, 3, size, size, generator=generator)
    classes = [m for m in first.modules() if isinstance(m, torch.nn.Linear)][-1].out_features
    labels = torch.randint(classes, (arguments.batch,), generator=generator)
    save_file({n: t.contiguous() for n, t in tensors(first).items()}, directory / "weights.safetensors")
    save_file({"images": images, "labels": labels}, directory / "batch.safetensors")
    losses = {}
    for dtype in (torch.float64, torch.float32):
        model = definition(arguments.model)
        model.load_state_dict(first.state_dict())
        name = str(dtype).removeprefix("torch.")
        gradients = {}
        most = max([arguments.long, *arguments.steps])
        losses[name], after = run(
            model.to(dtype), images.to(dtype), labels, most, arguments, gradients
        )
        save_file(gradients, directory / f"gradients-{name}.safetensors")
        for steps in arguments.steps:
            save_file(after[steps - 1], directory / f"after-{steps}-{name}.safetensors")
    (directory / "losses.json").write_text(json.dumps(losses, indent=1))


if __name__ == "__main__":
    main()
