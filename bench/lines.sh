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
    facade) n=$(lines src/main/java/dev/catena 1 '*.java') ;;
    *) n=$(lines "src/main/java/dev/catena/$room" 9 '*.java') ;;
    esac
    row "$room" "$n" "$budget"
    java=$((java + n))
done <<'BUDGET'
cli 1030
report 340
interop 120
conformance 340
facade 370
exec 1180
engine 1520
model 1010
rewrite 1080
plan 480
io 1230
device 930
graph 1380
driver 990
BUDGET
kernels=$(lines kernels 9 '*.cu' '*.cuh')
native=$(lines native 9 '*.cpp' '*.h' Makefile)
echo
row Java "$java" 12000
row kernels "$kernels" 3000
row native "$native" 1000
row tests "$(lines src/test 99 '*.java')" -

if [ "${1:-}" = --check ] && { [ "$java" -gt 12000 ] || [ "$kernels" -gt 3000 ] || [ "$native" -gt 1000 ]; }; then
    echo "over the budget" >&2
    exit 1
fi
