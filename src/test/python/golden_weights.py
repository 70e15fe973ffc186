"""Weights and images out of thin air, the same bit for bit in Python and Java.

The twin of src/test/java/dev/catena/network/GoldenWeights.java; the two are one specification:

    hash(name)     64-bit FNV-1a of the name's UTF-8 bytes
    bits(name, i)  splitmix64's finaliser of hash(name) + (i + 1) * 0x9E3779B97F4A7C15   (mod 2^64)
    u(name, i)     (bits >>> 40) * 2^-24, in [0, 1)

Element i (row-major, NCHW and KCRS) of the tensor `name`, computed in double precision, where every
step below is exact, and rounded once to fp32:

    running_var    0.5 + 1.5 u
    running_mean   0.25 u - 0.125
    BN weight      0.5 + u
    other weight   (2 u - 1) * 2^-k, k the smallest integer >= 0 with 4^k * 12 >= fan in, so that
                   activations neither explode nor die in the deepest nets
    any bias       0.25 u - 0.125

Pixel (c, y, x) of image n, height H, width W: 4 x 4 coarse cells plus noise, so that the images
differ in more than their noise and the logits with them:

    3 u(input.n.cells, (c * 4 + 4 y div H) * 4 + 4 x div W) - 1.5 
        + u(input.n, (c * H + y) * W + x) - 0.5

A weight of rank 1 is that of a batch normalisation (BN).
"""

import numpy as np

_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


def _hash(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """u(name, 0 .. count-1), as float64."""
    with np.errstate(over="ignore"):
        z = np.uint64(_hash(name)) + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN_RATIO
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-24


def tensor(name: str, shape) -> np.ndarray:
    """The fp32 tensor of that name and shape."""
    count = int(np.prod(shape))
    u = uniform(name, count)
    if name.endswith(".running_var"):
        values = 0.5 + 1.5 * u
    elif name.endswith(".running_mean") or name.endswith(".bias"):
        values = 0.25 * u - 0.125
    elif len(shape) == 1:
        values = 0.5 + u
    else:
        fan_in, k = count // shape[0], 0
        while 12 * 4**k < fan_in:
            k += 1
        values = (2 * u - 1) * 2.0**-k
    return values.astype(np.float32).reshape(shape)


def weights(state_shapes: dict) -> dict:
    """Tensors for every name of a model but the batch counters: {name: shape} to {name: array}."""
    return {
        name: tensor(name, shape)
        for name, shape in state_shapes.items()
        if not name.endswith(".num_batches_tracked")
    }


def image(n: int, height: int, width: int) -> np.ndarray:
    """Image n of that size, (3, height, width) fp32."""
    noise = uniform(f"input.{n}", 3 * height * width).reshape(3, height, width)
    cells = uniform(f"input.{n}.cells", 3 * 4 * 4).reshape(3, 4, 4)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    pixels = 3 * cells[:, rows][:, :, columns] - 1.5 + noise - 0.5
    return np.ascontiguousarray(pixels, dtype=np.float32)


def images(batch: int, height: int, width: int) -> np.ndarray:
    """The first `batch` images of that size, NCHW fp32."""
    return np.stack([image(n, height, width) for n in range(batch)])
