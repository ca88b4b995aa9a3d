#!/usr/bin/env bash
# Shows that the models can fail: breaks the code in each way that a model names, and runs that model.
# A mutant that a model does not catch is an error. Models name their mutants in a line `/// mutants: a b c`.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../target/loom}" LOOM_LOG=off RUST_BACKTRACE=0
# Most of the time goes into building.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_OPT_LEVEL=1

# model<TAB>mutant, from the comment above each test
pairs=$(awk '
  /^\/\/\/ mutants:/ { sub(/^\/\/\/ mutants: */, ""); named = $0 }
  /^fn / && named != "" {
    model = $2; sub(/\(.*/, "", model)
    file = FILENAME; sub(/.*\//, "", file); sub(/\.rs$/, "", file)
    n = split(named, mutants, " "); named = ""
    for (i = 1; i <= n; i++) print mutants[i] "\t" file "::" model
  }' src/models/*.rs | sort)

# Each mutant in the code must be named by a model, and the other way round, but for those that are there for a sanitizer:
# a script in checks/ names them in a line `# mutants: a b c`.
in_checks=$(sed -n 's/^# mutants: //p' ../checks/*.sh | tr ' ' '\n')
in_code=$(grep -rhoP 'mutant!\("\K\w+' ../src | grep -vxF "$in_checks" | sort -u)
in_models=$(cut -f1 <<<"$pairs" | sort -u)
if ! diff <(echo "$in_code") <(echo "$in_models"); then
    echo "the mutants in src/ (<) and those that models name (>) differ" >&2
    exit 1
fi

# `share N JOBS`: every JOBS-th mutant. In a target directory of its own, since cargo builds one thing at a time in each.
share() {
    local mutant model last="" verdict
    export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/share-$1"
    while IFS=$'\t' read -r mutant model; do
        if [ "$mutant" != "$last" ]; then
            LANEWAY_MUTANT=$mutant cargo test --quiet --release --lib --no-run >/dev/null 2>&1 || echo "BROKEN   $mutant"
            last=$mutant
        fi
        verdict=caught
        # A mutant may also make a model run for ever.
        if LANEWAY_MUTANT=$mutant timeout 120 cargo test --quiet --release --lib -- --exact "models::$model" >/dev/null 2>&1; then
            verdict=ESCAPED
        fi
        printf '%-8s %s  by  %s\n' "$verdict" "$mutant" "$model"
    done < <(awk -v n="$1" -v jobs="$2" '$1 != last { k++; last = $1 } k % jobs == n' <<<"$pairs")
}

results=$(mktemp)
trap 'rm -f "$results"' EXIT
jobs=$(nproc)
for ((n = 0; n < jobs; n++)); do
    share "$n" "$jobs" | tee -a "$results" &
done
wait
caught=$(grep -c '^caught' "$results" || true)
all=$(wc -l <<<"$pairs")
echo "$caught of $all caught"
[ "$caught" -eq "$all" ] && ! grep -q '^BROKEN' "$results"
