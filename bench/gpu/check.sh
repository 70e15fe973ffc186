#!/bin/sh
# Checks and measures Catena on a machine with a GPU; it needs the driver and nothing else: no JDK, no Maven, no network.
# What else it would like (compute-sanitizer, Python with PyTorch) is passed over, with a word, where it is not there.
#
#   bench/gpu/check.sh [--device cuda:0] [--only STEP,...] [--model densenet121] [--batch 64] [--dtype fp16]
#                      [--minutes 9] [--out DIR]
#
# Steps, each for itself and never longer than --minutes: a step that fails takes nothing from the others.
#   info         what is there                                     info.json
#   conformance  every engine against the reference                conformance.json
#   sanitizer    memcheck, racecheck, initcheck on our kernels      sanitizer-TOOL.txt
#   kernels      each kernel of the model, and large tensors        kernels.json, large.json
#   models       whole models, one image and a batch                models.json
#   compare      the variants against each other, in every type, and training steps     compare-*.json
#   peers        PyTorch in every way it has; goes on where an earlier call stopped     peers/*.json, peers-train/*.json
#   summary      bench/results/summarise.py on DIR                  summary.md
# DIR (default gpu-check-DATE) also gets log.txt with everything that was said. Exit code: 0 all passed or passed over,
# 1 something failed, 2 wrong usage. `--device host` runs the same on the CPU, with smaller batches.
set -u

usage() { sed -n '2,20s/^# \{0,1\}//p' "$0"; }

device=cuda:0 only=info,conformance,sanitizer,kernels,models,compare,peers,summary
model=densenet121 batch='' dtype='' minutes=9 out=gpu-check-$(date +%Y%m%d-%H%M%S)
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --device | --only | --batch | --model | --dtype | --minutes | --out)
        [ $# -ge 2 ] || { echo "check.sh: $1 wants a value" >&2 && exit 2; }
        case $1 in
        --device) device=$2 ;;
        --only) only=$2 ;;
        --batch) batch=$2 ;;
        --model) model=$2 ;;
        --dtype) dtype=$2 ;;
        --minutes) minutes=$2 ;;
        --out) out=$2 ;;
        esac
        shift 2
        ;;
    *) echo "check.sh: unknown argument $1" >&2 && usage >&2 && exit 2 ;;
    esac
done
for step in $(echo "$only" | tr , ' '); do
    case $step in
    info | conformance | sanitizer | kernels | models | compare | peers | summary) ;;
    *) echo "check.sh: there is no step $step" >&2 && usage >&2 && exit 2 ;;
    esac
done
if [ "$device" = host ]; then
    : "${batch:=4}" "${dtype:=fp32}"
    models=$model large=1 seconds=1 torch_device=cpu
else
    : "${batch:=64}" "${dtype:=fp16}"
    models="densenet121 densenet169 densenet201 densenet161 densenet-bc-100-12 densenet-bc-190-40"
    [ "$model" = densenet121 ] || models=$model
    large=64 seconds=2 torch_device=cuda
fi

# In the archive the launcher is bin/catena, in a checkout it is catena at the top.
root=$(CDPATH='' cd -- "$(dirname "$0")/../.." && pwd)
catena=$root/bin/catena
[ -x "$catena" ] || catena=$root/catena
mkdir -p "$out" || exit 2
log=$out/log.txt
: >"$out/.failed"

say() { echo "$@" | tee -a "$log"; }

# Seconds that the step under way has left.
left() { echo $((60 * minutes - ($(date +%s) - begun))); }

# Runs a command within the step's time, all that it says to the log and the screen.
attempt() { # name, command...
    name=$1
    shift
    start=$(date +%s)
    rest=$(left)
    [ "$rest" -ge 5 ] || { say "-- $name: no time left; call --only $step again" && echo "$name" >>"$out/.failed" && return 1; }
    say "-- $name: $*"
    { timeout -k 10 "$rest" "$@" 2>&1; echo $? >"$out/.status"; } | tee -a "$log"
    status=$(cat "$out/.status")
    took=$(($(date +%s) - start))
    case $status in
    0) say "-- $name: passed, $took s" ;;
    124 | 137) say "-- $name: OUT OF TIME after $took s" && echo "$name" >>"$out/.failed" ;;
    *) say "-- $name: FAILED ($status), $took s" && echo "$name" >>"$out/.failed" ;;
    esac
    return "$status"
}

conformance() { env CATENA_MAIN=dev.catena.conformance.Main "$@"; }

python() {
    for candidate in "${CATENA_ORACLE:-}/bin/python" "$root/target/oracle/bin/python" python3; do
        if "$candidate" -c 'import torch' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

step_info() { attempt info "$catena" info --json "$out/info.json"; }

step_conformance() {
    attempt conformance conformance "$catena" --device "$device" --json "$out/conformance.json"
}

step_sanitizer() {
    if [ "$device" = host ]; then
        say "-- sanitizer: passed over: on the host it is make -C native test-asan test-tsan"
        return
    fi
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null) || {
        say "-- sanitizer: passed over: there is no compute-sanitizer"
        return
    }
    ops=conv,dense-layer,linear,max-pool,average-pool,global-average,add,copy
    for tool in memcheck racecheck initcheck; do
        attempt "$tool" conformance "$sanitizer" --tool "$tool" --target-processes all --error-exitcode 9 \
            --kernel-regex kns=_f16 --print-limit 20 "$catena" --device "$device" --engine kernel --op "$ops" \
            >"$out/sanitizer-$tool.txt"
        tail -n 3 "$out/sanitizer-$tool.txt"
    done
}

step_kernels() {
    attempt "kernels of $model" "$catena" bench kernels "$model" --batch "$batch" --dtype "$dtype" --device "$device" \
        --json "$out/kernels.json"
    attempt "large tensors" "$catena" bench kernels --dtype "$dtype" --device "$device" --json "$out/large.json" \
        --problem "scale-shift ${large}x112x112x192 relu dtype=f16" \
        --problem "add ${large}x112x112x192 dtype=f16" \
        --problem "copy ${large}x112x112x192 x=0/384 dtype=f16" \
        --problem "copy ${large}x112x112x96 to=f16 dtype=f32" \
        --problem "max-pool ${large}x112x112x192 kernel=3 stride=2 pad=1 dtype=f16" \
        --problem "average-pool ${large}x112x112x192 kernel=2 prologue=scale_shift_relu dtype=f16" \
        --problem "global-average ${large}x56x56x768 prologue=scale_shift_relu dtype=f16"
}

step_models() {
    # shellcheck disable=SC2086 # a list
    attempt models "$catena" bench models $models --batch "1,$batch" --dtype "$dtype" --device "$device" \
        --seconds "$seconds" --json "$out/models.json"
}

step_compare() {
    for type in fp16 bf16 fp32; do
        attempt "compare $type" "$catena" compare "$model" --batch "$batch" --dtype "$type" --device "$device" \
            --seconds "$seconds" --json "$out/compare-$type.json"
    done
    attempt "compare --train" "$catena" compare "$model" --train --batch "$batch" --dtype "$dtype" --device "$device" \
        --seconds "$seconds" --json "$out/compare-train.json"
}

# One process and one file for each way, so that a later call goes on where this one ends.
peer() { # file, script, arguments...
    file=$out/$1
    shift
    [ ! -s "$file" ] || return 0
    rest=$(left)
    [ "$rest" -ge 20 ] || { say "-- ${file##*/}: no time left; call --only peers again" && return; }
    say "-- ${file##*/}"
    timeout -k 10 "$rest" "$interpreter" "$@" >"$file.part" 2>>"$log"
    status=$?
    cat "$file.part" | tee -a "$log"
    if [ "$status" = 0 ]; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        say "-- ${file##*/}: FAILED ($status; 124: out of time)" && echo "${file##*/}" >>"$out/.failed"
    fi
}

step_peers() {
    interpreter=$(python) || {
        say "-- peers: passed over: no Python with PyTorch (CATENA_ORACLE, target/oracle, python3)"
        return
    }
    [ -d "$root/bench/peers" ] || {
        say "-- peers: passed over: they are in a checkout, not in the archive"
        return
    }
    mkdir -p "$out/peers" "$out/peers-train"
    ways="eager channels_last compile"
    [ "$torch_device" = cpu ] || ways="eager channels_last graph reduce-overhead compile max-autotune"
    for way in $ways; do
        for images in 1 "$batch"; do
            peer "peers/$way-$model-$dtype-$images.json" "$root/bench/peers/pytorch_infer.py" "$model" --way "$way" \
                --batch "$images" --dtype "$dtype" --device "$torch_device" --seconds "$seconds"
        done
    done
    for way in eager channels_last compile; do
        for efficient in no yes; do
            peer "peers-train/$way-$efficient-$model-$dtype-$batch.json" "$root/bench/peers/pytorch_train.py" "$model" \
                --way "$way" --efficient "$efficient" --batch "$batch" --dtype "$dtype" --device "$torch_device" \
                --seconds "$seconds"
        done
    done
}

step_summary() {
    "$root/bench/results/summarise.py" "$out" >"$out/summary.md" 2>>"$log" || {
        say "-- summary: passed over: it wants Python 3"
        return
    }
    cat "$out/summary.md"
}

{
    echo "date: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    uname -srm
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>&1 || true
} >>"$log"
for step in $(echo "$only" | tr , ' '); do
    say "== $step"
    begun=$(date +%s)
    "step_$step"
done
echo
failed=0 names=nothing
[ ! -s "$out/.failed" ] || { failed=1 names=$(paste -sd, "$out/.failed"); }
say "files in $out; failed: $names"
rm -f "$out/.status" "$out/.failed"
exit "$failed"
