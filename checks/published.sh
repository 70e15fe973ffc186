#!/bin/sh
# What would be published, tried out: builds the jars (sources and Javadoc too; a warning fails), puts them into a
# repository of their own, and lets an application elsewhere (docs/example) depend on them alone, build and run. Then asks
# jdeps what the core needs.
#
#   checks/published.sh          needs Maven and a JDK 25 or later; takes what is built if it is newer than the sources
set -eu
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "published: $*" >&2
    exit 1
}

for home in "${CATENA_JAVA_HOME:-}" "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
    if [ "${version:-0}" -ge 25 ] && [ -x "$home/bin/javac" ]; then
        jdk=$home
        break
    fi
done
[ -n "${jdk:-}" ] || fail "no JDK 25 or later in CATENA_JAVA_HOME, JAVA_HOME or /usr/lib/jvm"

newer=$(find src/main kernels native pom.xml -newer target/catena-javadoc.jar -print -quit 2>&1 || true)
if [ -n "$newer" ]; then
    echo "published: building the jars ..." >&2
    mvn -q -B -Prelease -Dmaven.test.skip=true package >&2
fi
for jar in catena catena-sources catena-javadoc; do
    [ -s "target/$jar.jar" ] || fail "there is no target/$jar.jar"
done

echo "published: into a repository of its own ..." >&2
mvn -q -B org.apache.maven.plugins:maven-deploy-plugin:3.1.4:deploy-file -DpomFile=pom.xml \
    -Dfile=target/catena.jar -Dsources=target/catena-sources.jar -Djavadoc=target/catena-javadoc.jar \
    -DrepositoryId=published -Durl="file://$work/repository" >&2

echo "published: an application elsewhere ..." >&2
cp -r docs/example "$work/application"
cd "$work/application"
cat >"$work/settings.xml" <<SETTINGS
<settings><profiles><profile><id>published</id><repositories><repository>
<id>published</id><url>file://$work/repository</url><snapshots><enabled>true</enabled></snapshots>
</repository></repositories></profile></profiles><activeProfiles><activeProfile>published</activeProfile></activeProfiles></settings>
SETTINGS
quiet="--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED" # Maven's own warnings
JAVA_HOME=$jdk MAVEN_OPTS="${MAVEN_OPTS:-} $quiet" mvn -q -B -gs "$work/settings.xml" "-Dmaven.repo.local=$work/local" \
    compile dependency:copy-dependencies -DoutputDirectory=target/lib >&2
found=$(cd target/lib && echo *)
[ "$(echo "$found" | wc -w)" = 2 ] || fail "the application got more than Catena and its JSON parser: $found"
"$jdk/bin/java" --enable-native-access=dev.catena -p target/classes:target/lib -m example/example.Classify \
    >"$work/out" 2>"$work/err"
[ "$(grep -c '^ *[0-9.]* %  class [0-9]*$' "$work/out")" = 5 ] || fail "the application printed: $(cat "$work/out")"
[ ! -s "$work/err" ] || fail "the application was not silent: $(cat "$work/err")"

echo "published: what the core needs ..." >&2
cd "$root"
"$jdk/bin/jdeps" -verbose:package --ignore-missing-deps --multi-release 25 \
    --module-path "$(echo "$work"/application/target/lib/jackson-core-*.jar)" target/catena.jar >"$work/jdeps"
grep -q '^ *dev\.catena  *-> dev\.catena\.plan' "$work/jdeps" || fail "jdeps said: $(head -3 "$work/jdeps")"
# The command line, JCuda's and ONNX's rooms have libraries of their own, which are optional. Annotations are not needed
# at run time.
others=$(awk '$1 ~ /^dev\.catena/ && $1 !~ /\.(cli|interop|onnx)$/ && $2 == "->" && $3 != "not" { print $3 }' "$work/jdeps" |
    grep -vE '^(java|javax|jdk|dev\.catena|com\.fasterxml\.jackson\.core|org\.jspecify\.annotations)(\.|$)' | sort -u || true)
[ -z "$others" ] || fail "the core needs $others"
"$jdk/bin/jar" --describe-module --file=target/catena.jar | grep '^requires' | grep -v static |
    grep -vE '^requires (java\.|jdk\.|com\.fasterxml\.jackson\.core)' && fail "a module that must be there"
echo "published: an application needs $found; the core needs nothing else"
