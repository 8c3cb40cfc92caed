#!/bin/bash
# Many crystals on a cluster: an array of jobs, each of which screens its share of the structures.
#
#   sbatch examples/slurm_array.sh structures/ tables --with modes,elastic
#   phonodos results merge tables/part-*.parquet -o all.parquet
#
# A job that was ended goes on where it stopped when it runs again. To run one of twenty again:
#   PHONODOS_SHARDS=20 sbatch --array=7 examples/slurm_array.sh structures/ tables --with modes,elastic
# Without SLURM:
#   SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 bash examples/slurm_array.sh structures/ tables
#
#SBATCH --job-name=phonodos
#SBATCH --array=1-20
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail

source=$1 folder=$2
shift 2
number=$SLURM_ARRAY_TASK_ID
shards=${PHONODOS_SHARDS:-$SLURM_ARRAY_TASK_COUNT}
table=$folder/part-$number.parquet
mkdir -p "$folder"

code=0
phonodos screen "$source" -o "$table" --shard "$number/$shards" \
    --workers "${SLURM_CPUS_PER_TASK:-1}" "$@" || code=$?
# 3: some crystals have no prediction, 4: none has, and the table says why; the job has done its work.
if [ "$code" -eq 3 ] || { [ "$code" -eq 4 ] && [ -e "$table" ]; }; then code=0; fi
exit "$code"
