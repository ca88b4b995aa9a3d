#!/usr/bin/env bash
# Lists each atomic ordering of src/ outside sync.rs, and what answers for it: the models that catch its weakening, or the
# reason that is written beside it. Fails where one that could be weaker has neither.
#
# Shows: which orderings rest on a model and which on an argument alone. A mutant here turns the ordering into Relaxed.
# Does not see: whether the argument holds; `loom-tests/mutants.sh` shows that the models catch the mutants. `Relaxed`
# cannot be weakened: without a word beside it, it is listed as the weakest there is. STYLE: plain counters need no word.
set -euo pipefail
cd "$(dirname "$0")/.."

# mutant<TAB>models
models=$(awk '
  /^\/\/\/ mutants:/ { sub(/^\/\/\/ mutants: */, ""); named = $0 }
  /^fn / && named != "" {
    model = $2; sub(/\(.*/, "", model)
    file = FILENAME; sub(/.*\//, "", file); sub(/\.rs$/, "", file)
    n = split(named, mutants, " "); named = ""
    for (i = 1; i <= n; i++) of[mutants[i]] = of[mutants[i]] " " file "::" model
  }
  END { for (mutant in of) print mutant "\t" of[mutant] }' loom-tests/src/models/*.rs)

find src -name '*.rs' ! -path 'src/sync*' | sort | xargs awk -v models="$models" '
  BEGIN {
    n = split(models, lines, "\n")
    for (i = 1; i <= n; i++) { split(lines[i], pair, "\t"); caught_by[pair[1]] = pair[2] }
  }
  # A reason counts until the end of its function.
  FNR == 1 || /^(    )?}$/ { reason = "" }
  /ORDERING:/ { reason = $0; sub(/.*ORDERING: */, "", reason) }
  {
    line = $0
    while (match(line, /Ordering::(Relaxed|Acquire|Release|AcqRel|SeqCst)|mutant!\("[a-z_]+", [A-Za-z]+\)/)) {
      site = substr(line, RSTART, RLENGTH)
      line = substr(line, RSTART + RLENGTH)
      if (site ~ /^mutant/) {
        split(site, quoted, "\"")
        order = quoted[3]; gsub(/[^A-Za-z]/, "", order)
        answer = "mutant " quoted[2] ":" caught_by[quoted[2]]
        mutants++
        if (caught_by[quoted[2]] == "") { answer = answer " NO MODEL"; failed++ }
      } else {
        order = site; sub(/.*::/, "", order)
        if (reason != "") { answer = reason; reasons++ }
        else if (order == "Relaxed") { answer = "(the weakest there is)"; bare++ }
        else { answer = "NOTHING ANSWERS FOR IT"; failed++ }
      }
      printf "%-32s %-8s %s\n", FILENAME ":" FNR, order, answer
    }
  }
  END {
    printf "%d by models, %d with a reason, %d relaxed without a word, %d unanswered\n", mutants, reasons, bare, failed
    exit failed > 0
  }'
