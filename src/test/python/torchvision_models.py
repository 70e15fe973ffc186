"""torchvision's Python models without its compiled operators."""

import torch

_stubs = torch.library.Library("torchvision", "FRAGMENT")


def models():
    """The module torchvision.models.

    torchvision's compiled operators must match PyTorch's version. Its models do not use them, but its
    Python files ask for the names of these two.
    """
    for stub in ("nms(Tensor a, Tensor b, float c)", "qnms(Tensor a, Tensor b, float c)"):
        try:
            _stubs.define(stub + " -> Tensor")
        except RuntimeError:
            pass  # the compiled operators are there, or this was called before
    import torchvision.models

    return torchvision.models
