#!/bin/sh
# Makes a Python environment with PyTorch, ONNX Runtime and what the oracles and peers need.
#
#   CATENA_ORACLE=DIR bench/peers/setup.sh      default: target/oracle
#   PYTHON=python3.12 TORCH=torch bench/peers/setup.sh
#
# PyTorch is the build without CUDA, a tenth of the size of the others; where pip does not find that
# one, or for the GPU peers, TORCH names another. Finishes with 0 when everything needed is there, with
# 3 and one line of reason when pip finds no wheel (tests that want the oracle are then skipped).
# torchvision is wanted, not needed.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
oracle=${CATENA_ORACLE:-$root/target/oracle}
python=${PYTHON:-python3}

skip() {
  echo "no oracle: $1" >&2
  exit 3
}

command -v "$python" >/dev/null || skip "$python is not installed"
[ -x "$oracle/bin/python" ] || "$python" -m venv "$oracle" || skip "$python cannot make a venv"
pip() { "$oracle/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

have() { "$oracle/bin/python" -c "import $1" 2>/dev/null; }
need() { # module, then pip's arguments
  module=$1
  shift
  have "$module" || pip "$@" || pip --no-deps "$@" || skip "pip finds no $*"
  have "$module" || skip "$* was installed, but 'import $module' fails"
}

need numpy numpy
need safetensors safetensors
need torch "${TORCH:-torch==2.13.0+cpu}"
need onnx onnx
need onnxscript onnxscript
need onnxruntime onnxruntime
"$oracle/bin/python" -m pip show --quiet torchvision 2>/dev/null \
  || pip --no-deps torchvision pillow || echo "without torchvision: our own definitions serve" >&2
"$oracle/bin/python" - <<'PYTHON'
import numpy, onnxruntime, torch
print("oracle: torch", torch.__version__, "onnxruntime", onnxruntime.__version__)
PYTHON
