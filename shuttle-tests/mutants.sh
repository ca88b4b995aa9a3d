#!/usr/bin/env bash
# Shows that the recorded seeds find what they found: builds each mutant that a model names, or those that are given, and runs
# the model under its seed.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../target/shuttle}" RUST_BACKTRACE=0
# Most of the time goes into building.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_OPT_LEVEL=1

# mutant<TAB>model<TAB>seed, from the lists that the models begin with
recorded=$(awk '
  /^fn row_/ { model = $2; sub(/\(.*/, "", model); file = FILENAME; sub(/.*\//, "", file); sub(/\.rs$/, "", file) }
  match($0, /\("[a-z_]+", "(random|pct):[0-9]+"\)/) {
    split(substr($0, RSTART, RLENGTH), part, "\"")
    print part[2] "\t" file "::" model "\t" part[4]
  }' src/row_22/*.rs | sort)
if [ $# -gt 0 ]; then recorded=$(grep -E "^($(IFS='|'; echo "$*"))"$'\t' <<<"$recorded"); fi

escaped=0
count=0
last=""
while IFS=$'\t' read -r mutant model seed; do
    if [ "$mutant" != "$last" ]; then
        LANEWAY_MUTANT=$mutant cargo test --quiet --release --lib --no-run >/dev/null 2>&1 ||
            { echo "the mutant $mutant does not build" >&2; exit 1; }
        last=$mutant
    fi
    count=$((count + 1))
    # A mutant may also make a model run for ever.
    if LANEWAY_MUTANT=$mutant LANEWAY_SHUTTLE_SEED=$seed timeout 120 \
        cargo test --quiet --release --lib -- --exact "row_22::$model" >/dev/null 2>&1; then
        echo "ESCAPED  $mutant  from  $model  with  $seed"
        escaped=$((escaped + 1))
    else
        echo "caught   $mutant  by  $model  with  $seed"
    fi
done <<<"$recorded"
echo "$((count - escaped)) of $count caught"
[ "$count" -gt 0 ] && [ "$escaped" -eq 0 ]
