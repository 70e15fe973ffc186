#!/bin/sh
# Catena against PyTorch on this machine's CPU: training steps, interleaved, the same threads. Prints a
# table on standard error and JSON on standard output.
#
#   bench/peers/versus_train.sh [MODEL] [--batch 64] [--threads 2] [--rounds 3] [--seconds 20] [--steps 8]
#
# Needs the environment of bench/peers/setup.sh (made here when it is missing) and a JDK.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export CATENA_ORACLE="${CATENA_ORACLE:-$root/target/oracle}"
"$root/bench/peers/setup.sh" >&2
exec "$CATENA_ORACLE/bin/python" "$root/bench/peers/versus_train.py" "$@"
