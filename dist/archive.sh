#!/bin/sh
# Packs target/catena-VERSION-linux-x86_64[-gpu].tar.xz from what the build left in target/; `mvn -Pdist package` calls it.
#   bin/catena   runtime/ (its Java)   lib/ (modules)   bench/gpu/check.sh
#   lib/native/ (oneDNN), or in the GPU flavour lib/cubins/ (kernels for some GPUs, which spare their driver 50 s of compiling)
set -eu
cd "$(dirname "$0")/.."
version=$1 gpu=${2:-false}

name=catena-$version-linux-x86_64
[ "$gpu" != true ] || name=$name-gpu
root=target/dist/$name
mkdir -p "$root/bin" "$root/lib" "$root/bench/gpu" "$root/bench/peers" "$root/src/test/python"
mv target/dist/runtime "$root/"
cp target/catena.jar target/lib/*.jar "$root/lib/"
if [ "$gpu" = true ]; then
    dist/cubins.sh "$root/lib/cubins"
else
    mv target/dist/native "$root/lib/"
fi
cp catena "$root/bin/"
cp bench/gpu/check.sh "$root/bench/gpu/"
cp bench/results.py "$root/bench/"
cp bench/peers/pytorch_*.py bench/peers/models.py "$root/bench/peers/"
cp src/test/python/*.py "$root/src/test/python/"
cp README.md LICENSE "$root/"

"$root/bin/catena" --version
tar --sort=name --mtime=2026-01-01 --owner=0 --group=0 --numeric-owner -C target/dist -c "$name" |
    xz -6 -T2 >"target/$name.tar.xz"
echo "target/$name.tar.xz: $(($(wc -c <"target/$name.tar.xz") / 1000000)) MB"
