#!/usr/bin/env bash
# The tests that touch unsafe code, or with --all the whole suite, with the fields of each type in a random order:
# checks/layout.sh [--all] [--seed N]
#
# Shows: unsafe code that takes the order or the offsets of fields for granted.
# Does not see: types with a fixed representation, layouts that this seed does not bring about. The planted bug takes
# the payload for an event's first field: true of the default layout, and with a seed of some of the payloads only.
#
# mutants: payload_comes_first
check=layout
source "$(dirname "$0")/common.sh"
tests=("${unsafe_code[@]}")
seed=1
while [ $# -gt 0 ]; do
    case $1 in
    --all) tests=(--lib --tests) ;;
    --seed) seed=$2 && shift ;;
    *) echo "unknown: $1" >&2 && exit 2 ;;
    esac
    shift
done
flags=(-Zrandomize-layout "-Zlayout-seed=$seed" --cfg laneway_random_layout)

nightly test --target $target --no-fail-fast "${tests[@]}"
limit=120 planted payload_comes_first "test failed, to rerun pass" test --target $target --test payloads
