#!/usr/bin/env bash
# Runs the training steps of two builds in turn and prints the ratio of their times, new / old: medians over the pairs, and how many
# pairs were faster. Meant for a quiet machine.
#   bench/compare_steps.sh OLD/vaccine.dll NEW/vaccine.dll [pairs] [threads] [bench options ...]
set -euo pipefail
old=$1 new=$2 pairs=${3:-10} threads=${4:-2}
shift $(($# < 4 ? $# : 4))
times=$(mktemp)
trap 'rm -f "$times"' EXIT

measure() { # build -> "plain vaccine" in ms, the least of the steps: what other work on the machine disturbs least
  dotnet "$1" bench --json --threads "$threads" --steps 3 "${@:2}" |
    awk -F'[:,]' '/"min_ms"/ { printf "%s ", $2 } END { print "" }'
}

for ((pair = 0; pair < pairs; pair++)); do
  if ((pair % 2)); then b=$(measure "$new" "$@"); a=$(measure "$old" "$@"); else a=$(measure "$old" "$@"); b=$(measure "$new" "$@"); fi
  echo "$a $b" >> "$times"
  echo "pair $((pair + 1)): old plain, vaccine: $a; new: $b" >&2
done

median() { sort -g | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'; }
for step in 1 2; do
  ratios=$(awk -v s=$step '{ print $(s + 2) / $s }' "$times")
  name=$([ $step = 1 ] && echo plain || echo vaccine)
  echo "$name: new / old $(median <<< "$ratios"), faster in $(awk '$1 < 1' <<< "$ratios" | wc -l) of $pairs pairs"
done
