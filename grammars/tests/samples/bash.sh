#!/usr/bin/env bash
# A small inventory.
set -euo pipefail

readonly SHELF_MAX=64
names=(bolt nut)

# Counts everything there is.
count() {
    local sum=0 part
    for part in "$@"; do
        sum=$((sum + ${#part}))
    done
    echo "$sum"
}

function label {
    case "$1" in
        bolt|nut) printf '%s {\n' "$1" ;;
        *) return 1 ;;
    esac
}

usage() (
    cat <<TEXT
usage: ${0##*/} [NAME]...
  fi done esac
TEXT
)

if [[ ${1:-} == "-h" && $# -gt 0 ]]; then
    usage
elif ! label "${names[0]}" | grep -q bolt; then
    echo "none" >&2
fi
count "${names[@]}" > /dev/null || exit 1
