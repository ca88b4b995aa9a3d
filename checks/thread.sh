#!/usr/bin/env bash
# ThreadSanitizer on the hand-over between threads: checks/programs/src/bin/thread.rs.
#
# Shows: data races on payloads, slots and epochs where the code relies on Release and Acquire.
# Does not see: anything that fences order, since it knows none; so the program closes nothing and lets nobody sleep while
# it looks. Nor what std does inside: std comes without instrumentation, and checks/races.txt says what is left out.
check=tsan
source "$(dirname "$0")/common.sh"
flags=(-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer)
export TSAN_OPTIONS="suppressions=$PWD/checks/races.txt:print_suppressions=0"

nightly run --target $target -p laneway-checks --bin thread
for bug in lane_stamp_relaxed lane_head_relaxed; do
    planted $bug "ThreadSanitizer: data race" run --target $target -p laneway-checks --bin thread
done
