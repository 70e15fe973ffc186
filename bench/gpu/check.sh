#!/bin/sh
# Checks Catena on a machine with a GPU; it needs the driver and nothing else: no JDK, no Maven, no network.
#
#   bench/gpu/check.sh [--device cuda:0] [--batch 64] [--model densenet121] [--out DIR]
#
# In DIR (default gpu-check-DATE): info.json, conformance.txt and .json, compare-fp16.json, -bf16, -fp32, and log.txt with everything
# that was said. A summary comes last. Exit code: 0 all passed, 1 something failed, 2 wrong usage.
# `--device host` runs the same on the CPU.
set -u

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

device=cuda:0 batch=64 model=densenet121 out=gpu-check-$(date +%Y%m%d-%H%M%S)
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --device | --batch | --model | --out)
        [ $# -ge 2 ] || { echo "check.sh: $1 wants a value" >&2 && exit 2; }
        case $1 in
        --device) device=$2 ;;
        --batch) batch=$2 ;;
        --model) model=$2 ;;
        --out) out=$2 ;;
        esac
        shift 2
        ;;
    *) echo "check.sh: unknown argument $1" >&2 && usage >&2 && exit 2 ;;
    esac
done

# In the archive the launcher is bin/catena, in a checkout it is catena at the top.
root=$(CDPATH='' cd -- "$(dirname "$0")/../.." && pwd)
catena=$root/bin/catena
[ -x "$catena" ] || catena=$root/catena
mkdir -p "$out" || exit 2
log=$out/log.txt summary=$out/summary.txt
: >"$log" >"$summary"
failed=0

# Runs a command, its standard output to a file, its standard error to the log and the screen.
step() { # name, file, command...
    name=$1 file=$out/$2
    shift 2
    echo "== $name: $*" | tee -a "$log"
    start=$(date +%s)
    { "$@" 2>&1 >"$file"; echo $? >"$out/.status"; } | tee -a "$log"
    status=$(cat "$out/.status")
    cat "$file" >>"$log"
    result=passed
    [ "$status" = 0 ] || result="FAILED ($status)" failed=1
    printf '%-14s %-12s %4d s\n' "$name" "$result" $(($(date +%s) - start)) >>"$summary"
}

# One line a variant: name, milliseconds, images a second, measured MiB, largest relative difference.
variants() {
    tr '{},[]' '\n\n\n\n\n' <"$1" | awk -F'"? *: *"?' '
        { sub(/^[ \t]*"/, ""); sub(/"[ \t]*$/, "") }
        $1 == "name" { name = $2 }
        $1 == "median_ms" { ms = $2 }
        $1 == "images_per_s" { rate = $2 }
        $1 == "measured_bytes" { mib = $2 / 1048576 }
        $1 == "max_rel_diff" { printf "    %-12s %9.3f ms %10.1f images/s %9.1f MiB   difference %.2g\n", name, ms, rate, mib, $2 }'
}

{
    echo "date: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    uname -srm
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>&1 || true
} >>"$log"

step info info.json "$catena" info --json -
step conformance conformance.txt env CATENA_MAIN=dev.catena.conformance.Main "$catena" --device "$device" \
    --json "$out/conformance.json"
for dtype in fp16 bf16 fp32; do
    step "compare $dtype" "compare-$dtype.json" \
        "$catena" compare "$model" --batch "$batch" --dtype "$dtype" --device "$device" --json -
    variants "$out/compare-$dtype.json" >>"$summary"
done
rm -f "$out/.status"

echo
echo "$model, batch $batch, on $device; files in $out"
tee -a "$log" <"$summary"
exit "$failed"
