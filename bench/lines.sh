#!/bin/sh
# The complexity budget: lines of every room beside what it may have. With --check, fails when a total is exceeded.
set -eu
cd "$(dirname "$0")/.."

lines() { # folder, depth, name patterns...
    folder=$1 depth=$2
    shift 2
    for pattern in "$@"; do
        [ ! -d "$folder" ] || find "$folder" -maxdepth "$depth" -name "$pattern" -type f -exec cat {} +
    done | wc -l
}

row() { printf '%-14s %7d %8s\n' "$1" "$2" "$3"; }

printf '%-14s %7s %8s\n' room lines budget
java=0
while read -r room budget; do
    case $room in
    catena) n=$(lines src/main/java/dev/catena 1 '*.java') ;;
    *) n=$(lines "src/main/java/dev/catena/$room" 9 '*.java') ;;
    esac
    row "$room" "$n" "$budget"
    java=$((java + n))
done <<'BUDGET'
cli 4000
report 800
interop 150
conformance 1700
catena 5000
onnx 3100
measure 850
collective 1000
engine 9500
model 1200
rewrite 1400
plan 1100
io 3300
device 3100
graph 3950
driver 1600
error 500
BUDGET
kernels=$(lines kernels 9 '*.cu' '*.cuh')
interpreter=$(lines native/ptx 9 '*.cpp' '*.h')
standin=$(lines native/standin 9 '*.cpp' '*.h' Makefile)
native=$(($(lines native 9 '*.cpp' '*.h' Makefile) - interpreter - standin))
echo
row Java "$java" 38500
row kernels "$kernels" 5200
row native "$native" 8200
row native/ptx "$interpreter" 4000
row native/standin "$standin" 1080
row tests "$(lines src/test 99 '*.java')" -

if [ "${1:-}" = --check ] && { [ "$java" -gt 38500 ] || [ "$kernels" -gt 5200 ] || [ "$native" -gt 8200 ] || [ "$interpreter" -gt 4000 ]; }; then
    echo "over the budget" >&2
    exit 1
fi
