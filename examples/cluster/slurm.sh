#!/usr/bin/env bash
# One level of a grid as a Slurm array, written by hand. `vaccine lab slurm` writes and chains such scripts by itself.
#
#   vaccine lab plan mine.json -o plan.json
#   first=$(sbatch --parsable --export=ALL,LEVEL=0 slurm.sh)
#   sbatch --dependency=afterok:$first --export=ALL,LEVEL=1 slurm.sh          and so on, level by level
#SBATCH --array=0-7
#SBATCH --cpus-per-task=1
#SBATCH --time=2:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@120
vaccine lab work plan.json --level "$LEVEL" --slice "$SLURM_ARRAY_TASK_ID/8" --cache cache --threads 1 &
child=$!
trap 'stopped=yes; kill -USR2 "$child"' USR2
while wait "$child"; code=$?; [ "$code" -gt 128 ] && kill -0 "$child" 2> /dev/null; do :; done
[ "${stopped:-no}" = yes ] && [ "$code" -ne 0 ] && scontrol requeue "$SLURM_JOB_ID"
[ "$code" -eq 1 ] && exit 0                 # a stage diverged: it stands in the report, and the next level goes on
exit "$code"
