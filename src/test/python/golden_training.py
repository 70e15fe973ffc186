"""Two training steps in float64, as src/test/resources/golden holds them.

    golden_training.py > src/test/resources/golden/training-steps.tsv

Weights and images are golden_weights'; label n is 3n mod 10. A step is torch.optim.SGD's with the
settings below. Of each parameter and running statistic the file has, after both, the sum over
its elements of (now - before)·(2u - 1), u from the tensor's name and ".probe", and the norm of that
change: a few numbers that no wrong update meets. `float32` is how far PyTorch's own float32 is from
the sums, as a share of the norms.
"""

import argparse
import math
import sys

import torch

import golden_weights
from densenets import densenet
from training_oracle import run, tensors

MODELS = [("densenet-bc-40-12", 4, 32), ("densenet-40-12", 2, 16)]
STEPS = 2
SETTINGS = argparse.Namespace(lr=0.01, momentum=0.9, weight_decay=1e-4, no_nesterov=False)


def changes(before, after):
    """Probe and norm of each tensor's change, in float64."""
    result = {}
    for name, start in before.items():
        change = (after[name].double() - start.double()).flatten()
        probe = 2 * torch.from_numpy(golden_weights.uniform(name + ".probe", change.numel())) - 1
        result[name] = (torch.dot(change, probe).item(), change.norm().item())
    return result


def main():
    print("# What PyTorch", torch.__version__, "makes of two training steps in float64; made by")
    print("# python src/test/python/golden_training.py")
    print("# model, name, batch, size | loss, value | change, tensor, probe, norm | float32, error")
    for name, batch, size in MODELS:
        state = densenet(name).state_dict()
        weights = golden_weights.weights({n: tuple(t.shape) for n, t in state.items()})
        images = torch.from_numpy(golden_weights.images(batch, size, size))
        labels = torch.arange(batch) * 3 % 10
        made = {}
        for dtype in (torch.float64, torch.float32):
            model = densenet(name)
            model.load_state_dict({n: torch.from_numpy(w) for n, w in weights.items()}, strict=False)
            model.to(dtype)
            before = tensors(model)
            losses, after = run(model, images.to(dtype), labels, STEPS, SETTINGS, {})
            made[dtype] = (losses, changes(before, after[-1]))
        print("model", name, batch, size, sep="\t")
        losses, exact = made[torch.float64]
        for loss in losses:
            print("loss", f"{loss:.9g}", sep="\t")
        for tensor, (probe, norm) in exact.items():
            print("change", tensor, f"{probe:.7g}", f"{norm:.7g}", sep="\t")
        other = made[torch.float32][1]
        error = math.sqrt(sum((other[t][0] - p) ** 2 for t, (p, _) in exact.items()))
        error /= math.sqrt(sum(norm**2 for _, norm in exact.values()))
        print("float32", f"{error:.3g}", sep="\t")
        print(name, losses, f"float32 {error:.2g}", file=sys.stderr)


if __name__ == "__main__":
    main()
