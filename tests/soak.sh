#!/usr/bin/env bash
# Holds the router under load and faults for about so many minutes, divided among the loads, and prints a table of what
# held, also to target/soak.md: bash tests/soak.sh 30 [--seed N] [--only LOAD]. Fails if an invariant did not hold.
set -euo pipefail
minutes="${1:?how many minutes}"
shift
cd "$(dirname "$0")/.."
mkdir -p target
cargo run --quiet --release -p laneway-soak -- --minutes "$minutes" "$@" | tee target/soak.md
