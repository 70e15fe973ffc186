#!/bin/sh
# What you would use instead, and Catena, on this machine, interleaved: inference of DenseNet-121, then training of
# DenseNet-BC-100-12, time and memory. Leaves bench/results/versus.json, from which bench/results.py readme makes the
# README's table.
#
#   bench/versus.sh [--rounds 5]
set -eu
cd "$(dirname "$0")/.."
[ $# = 0 ] || { [ $# = 2 ] && [ "$1" = --rounds ]; } || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command="bench/versus.sh${1:+ $*}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
bench/peers/versus_infer.sh --all-peers "$@" >"$folder/inference.json" || status=$?
if [ -x bench/peers/versus_train.sh ]; then
    bench/peers/versus_train.sh "$@" >"$folder/training.json" || status=$?
fi
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
{
    printf '{"command": "%s", "date": "%s", "commit": "%s"' "$command" "$(date -u +%Y-%m-%d)" "$commit"
    for part in inference training; do
        [ ! -s "$folder/$part.json" ] || { printf ',\n"%s": ' "$part"; cat "$folder/$part.json"; }
    done
    echo '}'
} >bench/results/versus.json
bench/results.py readme --print
exit "$status"
