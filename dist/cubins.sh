#!/bin/sh
# Assembles the PTX in target/ for some GPUs, whose driver then need not compile it: FOLDER/sm_*/NAME.cubin and the hash of
# the kernels. sm_80 is for compute capability 8.x, sm_90a and sm_90 are for 9.0, sm_100 is for 10.x. What the build
# assembled for its reports is copied.
set -eu
folder=$1
cd "$(dirname "$0")/.."
kernels=target/classes/dev/catena/kernels
ptxas=$(command -v ptxas || command -v /usr/local/cuda/bin/ptxas) || {
    echo "cubins.sh: there is no ptxas: the archive has PTX alone"
    exit 0
}

assemble() { # folder of PTX, architecture
    mkdir -p "$folder/$2"
    for ptx in "$kernels/$1"/*.ptx; do
        name=$(basename "$ptx" .ptx)
        built=target/native/ptxas/$2/$name.cubin
        if [ "$2" = sm_90 ] && [ -f "$kernels/sm_90a/$name.ptx" ]; then
            continue # sm_90a comes first
        elif [ "$built" -nt "$ptx" ]; then
            cp "$built" "$folder/$2/"
        else
            "$ptxas" -arch="$2" "$ptx" -o "$folder/$2/$name.cubin"
        fi
    done
}
assemble compute_80 sm_80
assemble sm_90a sm_90a
assemble compute_80 sm_90
assemble compute_80 sm_100
cp "$kernels/kernels.properties" "$folder/"
for sm in "$folder"/sm_*; do
    echo "${sm##*/}: $(cat "$sm"/*.cubin | wc -c) bytes of machine code"
done
