#!/bin/sh
# The charts of a report (compare --report, plan --report) as SVG files for papers, by a Chromium without a window.
#
#   bench/figures.sh REPORT.html FOLDER
set -eu
[ $# = 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
page=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
[ -f "$page" ] || { echo "figures: there is no file $1" >&2; exit 2; }
for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$browser" ] && command -v "$browser" >/dev/null && break || browser=
done
[ -n "$browser" ] || { echo "figures: no Chromium on the PATH; set CHROMIUM to one" >&2; exit 2; }
mkdir -p "$2"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
sandbox=
[ "$(id -u)" != 0 ] || sandbox=--no-sandbox # it refuses to run as root with one
"$browser" --headless $sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync \
    --disable-component-update --user-data-dir="$profile" --virtual-time-budget=10000 \
    --dump-dom "file://$page?figures" 2>/dev/null |
    awk -v RS='<script type="image/svg[+]xml" data-file="' -v folder="$2" '
        NR > 1 {
            file = folder "/" substr($0, 1, index($0, "\"") - 1)
            svg = substr($0, index($0, ">") + 1)
            print substr(svg, 1, index(svg, "</script>") - 1) > file
            close(file)
            print file
        }
        END { exit NR < 2 }' || { echo "figures: $1 gave no chart; is it a report of this version?" >&2; exit 1; }
