#!/bin/sh
# Checks and measures Catena on a machine with a GPU. It needs the driver and nothing else: no JDK, no Maven, no network.
# It also uses compute-sanitizer, and Python with PyTorch, where they are found.
#
#   bench/gpu/check.sh [--device cuda:0] [--only STEP,...] [--model densenet121] [--batch 64] [--dtype fp16]
#                      [--minutes 55] [--out DIR]
#
# Steps, in this order: the first ten minutes tell the most.
#   info         what is there                                      info.json
#   small        our kernels for small operations, checked          conformance-small.json
#   compare      the variants against each other, in one type       compare-DTYPE.json
#   peers        PyTorch, the fastest ways at the large batch       peers/*.json
#   conformance  every other kernel, tile and library, checked      conformance-*.json
#   sanitizer    memcheck, racecheck, initcheck on our kernels      sanitizer-TOOL.txt
#   train        training steps under every memory policy           compare-train.json
#   kernels      each kernel of the model, and large tensors        kernels.json, large.json
#   types        the variants in the other types                    compare-DTYPE.json
#   models       whole models, one image and a batch                models.json
#   more-peers   PyTorch in every way it has, training too          peers/*.json, peers-train/*.json
#   summary      bench/results.py gpu DIR                           summary.md
# Every command is a process of its own with a time limit: a fault or a hang costs that command alone. --minutes limits
# all steps together. A second call with the same --out repeats only what has not passed.
# DIR (default gpu-check-DATE) stays under 16 MiB; log.txt has everything that was said. Exit code: 0 all passed or was
# skipped, 1 something failed, 2 wrong usage, 3 nothing failed but time ran out. `--device host` runs the same on the CPU,
# with smaller batches. CATENA_SANITIZER names a compute-sanitizer, CATENA_ORACLE a Python environment with PyTorch.
set -u

usage() { sed -n '2,27s/^# \{0,1\}//p' "$0"; }

steps=info,small,compare,peers,conformance,sanitizer,train,kernels,types,models,more-peers,summary
device=cuda:0 only=$steps model=densenet121 batch='' dtype='' minutes=55 out=gpu-check-$(date +%Y%m%d-%H%M%S)
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --device | --only | --batch | --model | --dtype | --minutes | --out)
        [ $# -ge 2 ] || { echo "check.sh: $1 needs a value" >&2 && exit 2; }
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
    case ,$steps, in
    *,"$step",*) ;;
    *) echo "check.sh: there is no step $step" >&2 && usage >&2 && exit 2 ;;
    esac
done
case $minutes in '' | *[!0-9]*) echo "check.sh: --minutes is a whole number, not $minutes" >&2 && exit 2 ;; esac
models=$model
case $device in
host) : "${batch:=4}" "${dtype:=fp32}" && large=1 seconds=1 torch_device=cpu ;;
ptx:*) : "${batch:=1}" "${dtype:=fp16}" && large=1 seconds=0.1 torch_device=cpu ;;
*)
    : "${batch:=64}" "${dtype:=fp16}" && large=64 seconds=2 torch_device=cuda
    [ "$model" != densenet121 ] ||
        models="densenet121 densenet169 densenet201 densenet161 densenet-bc-100-12 densenet-bc-190-40"
    ;;
esac

# The kernel engine's operations, in two processes. CheckScriptTest sees to it that none is missing.
small=abs,adaptive,add,argmax,arrange,augment,average,batch,channel,clip,concat,copy,cross,div,drop,elu,erf,exp
small=$small,flatten,from,gate,gelu,global,group-norm,hard,layer-norm,leaky,log,lrn,matmul,max,min,mul,pad,pow,prelu
small=$small,reciprocal,relu,running,sample,scale,shortcut,sigmoid,silu,softmax,softplus,sqrt,sub,sum,tanh,to
products=conv,dense,linear

# In the archive the launcher is bin/catena, in a checkout it is catena at the top.
root=$(CDPATH='' cd -- "$(dirname "$0")/../.." && pwd)
catena=$root/bin/catena
[ -x "$catena" ] || catena=$root/catena
mkdir -p "$out/peers" "$out/peers-train" || exit 2
log=$out/log.txt
: >"$out/.failed"
: >"$out/.unreached"
touch "$out/passed.txt"
begun=$(date +%s)

# Without a cache of its own each process compiles the PTX again, where there is no binary for the device.
if [ -z "${CUDA_CACHE_PATH:-}" ] && ! mkdir -p "${HOME:-/nowhere}/.nv/ComputeCache" 2>/dev/null; then
    export CUDA_CACHE_PATH="${TMPDIR:-/tmp}/catena-ComputeCache"
fi

say() { echo "$@" | tee -a "$log"; }

# Seconds that are left of all.
left() { echo $((60 * minutes - ($(date +%s) - begun))); }

# Runs a command for at most some seconds. What it says goes to the screen, to the log and to $out/.said. A failure whose
# words match $skip_if, if that is set, only says that this machine lacks something.
skip_if=''
attempt() { # name, seconds, command...
    name=$1 limit=$2 list=.failed
    shift 2
    rm -f "$out/.said"
    if grep -qxF "$name" "$out/passed.txt"; then
        say "-- $name: passed in an earlier call"
        return 0
    fi
    rest=$(left)
    [ "$rest" -ge 5 ] || { say "-- $name: no time left" && echo "$name" >>"$out/.unreached" && return 1; }
    [ "$rest" -ge "$limit" ] || { limit=$rest && list=.unreached; }
    say "-- $name, at most $limit s: $*"
    start=$(date +%s)
    { timeout -k 10 "$limit" "$@" 2>&1; echo $? >"$out/.status"; } | tee "$out/.said"
    head -c 500000 "$out/.said" >>"$log"
    status=$(cat "$out/.status")
    took=$(($(date +%s) - start))
    [ "$status" = 0 ] || [ -z "$skip_if" ] || ! grep -q "$skip_if" "$out/.said" || status=skipped
    case $status in
    skipped) say "-- $name: skipped: $(grep -m 1 "$skip_if" "$out/.said")" && return 0 ;;
    0) say "-- $name: passed, $took s" && echo "$name" >>"$out/passed.txt" ;;
    124 | 137)
        ! grep -q '^FAILED' "$out/.said" || list=.failed
        say "-- $name: OUT OF TIME after $took s" && echo "$name" >>"$out/$list"
        ;;
    *) say "-- $name: FAILED ($status), $took s" && echo "$name" >>"$out/.failed" ;;
    esac
    return "$status"
}

conformance() { # name, seconds, arguments...
    file=conformance-$1
    seconds_of=$2
    shift 2
    skip_if='^Nothing ran'
    attempt "$file" "$seconds_of" env CATENA_MAIN=dev.catena.conformance.Main "$catena" --device "$device" \
        --json "$out/$file.json" "$@"
    skip_if=''
}

step_info() { attempt info 120 "$catena" info --json "$out/info.json"; }

step_small() { conformance small 240 --engine kernel --op "$small"; }

step_conformance() {
    conformance products 420 --engine kernel --op "$products"
    conformance tiles 420 --engine tiles
    if [ "$device" = host ]; then engines="direct tiled onednn"; else engines="direct cudnn cudnn-steps cublaslt"; fi
    for engine in $engines; do
        conformance "$engine" 420 --engine "$engine"
    done
}

step_sanitizer() {
    if [ "$device" = host ] && [ -z "${CATENA_SANITIZER:-}" ]; then
        say "-- sanitizer: skipped: on the host it is make -C native test-asan test-tsan"
        return
    fi
    sanitizer=$(command -v "${CATENA_SANITIZER:-compute-sanitizer}" || command -v /usr/local/cuda/bin/compute-sanitizer) || {
        say "-- sanitizer: skipped: there is no compute-sanitizer"
        return
    }
    skip_if='[Dd]evice not supported' # as in some virtual machines
    for tool in memcheck racecheck initcheck; do
        # Calls of the driver that fail on purpose (the end of a parameter list, an unknown pointer) are no errors.
        attempt "$tool" 420 env CATENA_MAIN=dev.catena.conformance.Main "$sanitizer" --tool "$tool" \
            --report-api-errors no --launch-timeout 0 --target-processes all --error-exitcode 9 --kernel-regex kns=_f16 \
            --print-limit 20 "$catena" --device "$device" --engine kernel \
            --op conv,dense-layer,linear,max-pool,average-pool,global-average,add,copy
        [ ! -f "$out/.said" ] || mv "$out/.said" "$out/sanitizer-$tool.txt"
    done
    skip_if=''
}

step_kernels() {
    attempt "kernels of $model" 420 "$catena" bench kernels "$model" --batch "$batch" --dtype "$dtype" \
        --device "$device" --json "$out/kernels.json"
    attempt "large tensors" 120 "$catena" bench kernels --dtype "$dtype" --device "$device" --json "$out/large.json" \
        --problem "scale-shift ${large}x112x112x192 relu dtype=f16" \
        --problem "add ${large}x112x112x192 dtype=f16" \
        --problem "copy ${large}x112x112x192 x=0/384 dtype=f16" \
        --problem "copy ${large}x112x112x96 to=f16 dtype=f32" \
        --problem "max-pool ${large}x112x112x192 kernel=3 stride=2 pad=1 dtype=f16" \
        --problem "average-pool ${large}x112x112x192 kernel=2 prologue=scale_shift_relu dtype=f16" \
        --problem "global-average ${large}x56x56x768 prologue=scale_shift_relu dtype=f16"
}

step_models() {
    # One process a model. results.py reads them together.
    for one in $models; do
        attempt "$one" 240 "$catena" bench models "$one" --batch "1,$batch" --dtype "$dtype" --device "$device" \
            --seconds "$seconds" --json "$out/models-$one.json"
    done
}

compare() { # name, arguments...
    name=compare-$1
    shift
    attempt "$name" 300 "$catena" compare "$model" --batch "$batch" --device "$device" --seconds "$seconds" \
        --json "$out/$name.json" "$@"
}

step_compare() { compare "$dtype" --dtype "$dtype"; }

step_train() { compare train --train --dtype "$dtype"; }

step_types() {
    for type in fp16 bf16 fp32; do
        [ "$type" = "$dtype" ] || compare "$type" --dtype "$type"
    done
}

python() {
    for candidate in "${CATENA_ORACLE:-}/bin/python" "$root/target/oracle/bin/python" python3; do
        if "$candidate" -c 'import torch' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "-- $step: skipped: no Python with PyTorch (CATENA_ORACLE, target/oracle, python3)" >&2
    return 1
}

# A way of PyTorch: one process and one file, which holds its line of JSON alone.
peer() { # file, script, arguments...
    file=$1 script=$2
    shift 2
    attempt "$file" 150 sh -c '"$@" >"$0.part" && mv "$0.part" "$0" && cat "$0"' "$out/$file.json" \
        "$interpreter" "$root/bench/peers/$script" "$@" --device "$torch_device" --seconds "$seconds"
    rm -f "$out/$file.json.part"
}

infer() { # way, images
    peer "peers/$1-$model-$dtype-$2" pytorch_infer.py "$model" --way "$1" --batch "$2" --dtype "$dtype"
}

step_peers() {
    interpreter=$(python) || return
    infer channels_last "$batch"
    [ "$torch_device" = cpu ] || infer graph "$batch"
}

step_more_peers() {
    interpreter=$(python) || return
    ways="eager channels_last compile"
    [ "$torch_device" = cpu ] || ways="eager channels_last graph reduce-overhead compile max-autotune"
    for way in $ways; do
        infer "$way" 1
        infer "$way" "$batch"
    done
    for way in eager channels_last compile; do
        for efficient in no yes; do
            peer "peers-train/$way-$efficient-$model-$dtype-$batch" pytorch_train.py "$model" --way "$way" \
                --efficient "$efficient" --batch "$batch" --dtype "$dtype"
        done
    done
}

step_summary() {
    "$root/bench/results.py" gpu "$out" >"$out/summary.md" 2>>"$log" || {
        say "-- summary: skipped: results.py needs Python 3 (log.txt has what it said)"
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
    case $step in
    more-peers) step_more_peers ;;
    *) "step_$step" ;;
    esac
done
rmdir "$out/peers" "$out/peers-train" 2>/dev/null
[ "$(du -sk "$out" | cut -f 1)" -lt 16000 ] || find "$out" -type f -size +256k -exec gzip -9f {} +
names() { if [ -s "$1" ]; then paste -sd, "$1"; else echo nothing; fi; }
echo
say "files in $out; failed: $(names "$out/.failed"); no time for: $(names "$out/.unreached")"
code=0
[ ! -s "$out/.unreached" ] || code=3
[ ! -s "$out/.failed" ] || code=1
rm -f "$out/.status" "$out/.said" "$out/.failed" "$out/.unreached"
exit "$code"
