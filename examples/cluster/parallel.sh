#!/usr/bin/env bash
# A grid with GNU parallel: level by level, some slices at a time. A slice that was killed is tried again.
#
#   parallel.sh RECIPE [DIR]
#
# Started again, it goes on with what is missing in DIR/cache. With --sshlogin added, parallel uses several machines that share DIR. PROGRAM
# is how the program is called, JOBS how many slices are computed at once.
set -euo pipefail
recipe=$1 dir=${2:-grid} slices=8
program=${PROGRAM:-vaccine}
mkdir -p "$dir"
$program lab plan "$recipe" --no-time -o "$dir/plan.json"
levels=$(jq '.levels | length' "$dir/plan.json")
for level in $(seq 0 $((levels - 1))); do
    # exit code 1 says that a stage diverged: it stands in the report, and is no reason to stop
    seq 0 $((slices - 1)) | parallel --jobs "${JOBS:-2}" --retries 20 \
        "$program lab work '$dir/plan.json' --level $level --slice {}/$slices --cache '$dir/cache' --threads 1 || [ \$? -eq 1 ]"
done
$program lab report "$dir/plan.json" --cache "$dir/cache" --out "$dir/report" --threads 1
