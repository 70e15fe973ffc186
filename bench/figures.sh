#!/bin/sh
# The charts of a report (compare --report, plan --report) as SVG files for papers.
#
#   bench/figures.sh REPORT.html FOLDER
set -eu
[ $# = 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ -f "$1" ] || { echo "figures: there is no file $1" >&2; exit 2; }
mkdir -p "$2"
awk -v folder="$2" '
    /^<svg / {
        file = ""
        if (match($0, /data-file="[^"]*"/)) {
            file = folder "/" substr($0, RSTART + 11, RLENGTH - 12)
            print file
        }
    }
    file { print > file }
    /^<\/svg>/ && file { close(file); file = "" }
    { any = any || file }
    END { exit !any }' "$1" || { echo "figures: $1 gave no chart; is it a report of this version?" >&2; exit 1; }
