#!/usr/bin/env bash
# Weakens each atomic ordering of src/ that no mutant stands for, one at a time, and runs all models: which model notices?
# loom-tests/weaken.sh [FILE]: writes the table there. It takes about an hour.
#
# Acquire and Release become Relaxed, AcqRel becomes each of its halves. What survives needs a reason: `checks/orderings.sh`
# shows the one that is written beside it. Orderings with a mutant are weakened by `mutants.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
table=${1:-/dev/stdout}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/weaken}" LOOM_LOG=off RUST_BACKTRACE=0 CARGO_INCREMENTAL=0
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_OPT_LEVEL=1
git ls-files -z | xargs -0 cp --parents -t "$copy"

# place<TAB>ordering<TAB>what it becomes
sites=$(grep -rnoE 'Ordering::(Acquire|Release|AcqRel|SeqCst)' src --include='*.rs' | grep -v '^src/sync[./]' |
    awk -F: '{
      order = $NF
      n = split(order == "AcqRel" ? "Acquire Release" : "Relaxed", weaker, " ")
      nth = ++seen[$1 ":" $2 ":" order]
      for (i = 1; i <= n; i++) print $1 "\t" $2 "\t" nth "\t" order "\t" weaker[i]
    }')

while IFS=$'\t' read -r file line nth order weaker; do
    cp "$copy/$file" "$copy/whole"
    sed -i "${line}s/Ordering::$order/Ordering::$weaker/$nth" "$copy/$file"
    output=$(cd "$copy" && timeout 600 cargo test --release -p laneway-loom-tests --lib models -- --test-threads 2 2>&1) && killed="" ||
        killed=$(grep -oP '^test models::\K\S+(?= \.\.\. FAILED)' <<<"$output" | sort | paste -sd' ' || true)
    case $output in
    *"test result"*) ;;
    *) killed=${killed:-"(it hangs, or does not build)"} ;;
    esac
    printf '%-28s %-8s %-8s %s\n' "$file:$line" "$order" "$weaker" "${killed:-survives}"
    mv "$copy/whole" "$copy/$file"
done <<<"$sites" >"$table"
