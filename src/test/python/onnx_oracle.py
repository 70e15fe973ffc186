"""ONNX models as their users make them, and what ONNX Runtime says of them.

    onnx_oracle.py export MODEL DIR        DIR/MODEL.onnx, exported by PyTorch from a model of
                                           networks.py or torchvision with random weights, and
                                           DIR/MODEL.safetensors {input, output}, the output being
                                           ONNX Runtime's
    onnx_oracle.py run FILE.onnx CASE      writes `output` of CASE's `input` beside it, CASE.out
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file

import networks
import torchvision_models

BATCH = 2


def randomised(name):
    """The model of that name with statistics far from 0 and 1."""
    torch.manual_seed(7)
    if name in networks.CATALOGUE:
        model = networks.network(name)
    else:
        model = getattr(torchvision_models.models(), name)(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return model


def run(file, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def export(name, folder):
    model = randomised(name)
    imagenet = networks.is_imagenet(name) or name not in networks.CATALOGUE
    size = 224 if imagenet else 32
    file = folder / f"{name}.onnx"
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, size, size),),
        file,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        dynamo=False,
    )
    images = np.random.default_rng(11).standard_normal((BATCH, 3, size, size)).astype(np.float32)
    save_file({"input": images, "output": run(file, images)}, folder / f"{name}.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["export", "run"])
    parser.add_argument("subject")
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "export":
        export(arguments.subject, arguments.path)
    else:
        onnx.checker.check_model(arguments.subject, full_check=True)
        case = load_file(arguments.path)
        save_file({"output": run(arguments.subject, case["input"])}, f"{arguments.path}.out")


if __name__ == "__main__":
    sys.exit(main())
