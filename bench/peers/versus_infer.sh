#!/bin/sh
# Catena against its peers on this machine's CPU: inference, interleaved, the same threads. Without more
# it is ONNX Runtime's Java package; --all-peers adds DJL and PyTorch (or name some with --peers). Prints a
# table for each model on standard error and a line of JSON for each on standard output.
#
#   bench/peers/versus_infer.sh [MODEL…] [--batch 1 16] [--dtype fp32 bf16] [--threads 2] [--rounds 5]
#                               [--seconds 4] [--all-peers | --peers NAME…]
#
# Needs the environment of bench/peers/setup.sh (made here when it is missing), Maven for the peer's
# jar, and a JDK. ONNX Runtime's CPU convolutions know no bf16: every figure is set against its fp32.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export CATENA_ORACLE="${CATENA_ORACLE:-$root/target/oracle}"
"$root/bench/peers/setup.sh" >&2
[ -f "$root/target/peers/onnxruntime.jar" ] \
  || mvn -q -B -f "$root/bench/peers/pom.xml" dependency:copy-dependencies >&2
# A peer that cannot be fetched is missing from the table, with the reason.
[ -d "$root/target/peers/djl" ] || mvn -q -B -f "$root/bench/peers/djl.xml" dependency:copy-dependencies >&2 ||
  rm -rf "$root/target/peers/djl"
exec "$CATENA_ORACLE/bin/python" "$root/bench/peers/versus_infer.py" "$@"
