"""Writes the golden pictures of the io tests, with Pillow, torchvision's arithmetic and PyTorch's normalisation.

    pip install pillow numpy safetensors
    python src/test/python/golden_images.py src/test/resources/golden/io

Made with Pillow 12.3.0. The tests compute the same input picture from the same formula.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file


def picture(width: int, height: int) -> Image.Image:
    """Waves, edges and noise, from whole numbers alone."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    noise = (x * 7919 + y * 104729 + c * 31) % 64
    waves = (x * x * (c + 1) // 17 + y * y // 11) % 128
    edges = np.where((x // 16 + y // 16) % 2 == 0, 63, 0)
    return Image.fromarray((noise + waves + edges).astype(np.uint8), "RGB")


def center_crop(image: Image.Image, size: int, crop: int) -> Image.Image:
    """torchvision.transforms.Resize(size) and CenterCrop(crop)."""
    shorter = min(image.size)
    image = image.resize([int(size * side / shorter) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (int(round((side - crop) / 2.0)) for side in image.size)
    return image.crop((left, top, left + crop, top + crop))


if __name__ == "__main__":
    out = Path(sys.argv[1])
    source = picture(101, 67)
    for width, height in [(33, 50), (101, 20), (20, 67), (140, 90), (7, 1)]:
        source.resize((width, height), Image.Resampling.BILINEAR).save(
            out / f"resized-{width}x{height}.png", optimize=True
        )
    cropped = center_crop(source, 40, 32)
    cropped.save(out / "cropped-32.png", optimize=True)
    values = np.asarray(cropped).astype(np.float32) / np.float32(255)
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    std = np.array([0.229, 0.224, 0.225], np.float32)
    save_file(
        {"input": ((values - mean) / std).transpose(2, 0, 1)[None].copy()}, out / "imagenet-32.safetensors"
    )

    smooth = source.resize((40, 24), Image.Resampling.BICUBIC)
    for name, image, options in [
        ("rgb", smooth, {}),
        ("progressive", smooth, {"progressive": True, "subsampling": 0}),
        ("gray", smooth.convert("L"), {}),
        ("cmyk", smooth.convert("CMYK"), {}),
    ]:
        image.save(out / f"{name}.jpg", quality=90, **options)
    # The same samples as YCCK: the last byte of the Adobe segment says so. Pillow reads such files but writes none.
    ycck = bytearray((out / "cmyk.jpg").read_bytes())
    ycck[ycck.find(b"Adobe") + 11] = 2
    (out / "ycck.jpg").write_bytes(ycck)
    for name in "rgb", "progressive", "gray", "cmyk", "ycck":
        Image.open(out / f"{name}.jpg").convert("RGB").save(out / f"{name}-decoded.png", optimize=True)
    palette = smooth.quantize(13)
    palette.save(out / "palette.png", transparency=3, optimize=True)
    overlay = Image.open(out / "palette.png").convert("RGBA")
    Image.alpha_composite(Image.new("RGBA", overlay.size, "white"), overlay).convert("RGB").save(
        out / "palette-decoded.png", optimize=True
    )
