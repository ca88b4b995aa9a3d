#!/usr/bin/env bash
# ThreadSanitizer on the hand-over between threads: checks/programs/src/bin/thread.rs.
#
# Shows: data races on payloads, slots and epochs where the code relies on Release and Acquire.
# Does not see: anything that fences order, since it knows none; so the program closes nothing and lets nobody sleep while
# it looks. A head that is given back too early (`lane_head_relaxed`) it sees now and then only; loom always does. Nor what
# std does inside: std comes without instrumentation, and checks/races.txt says what is left out.
check=tsan
source "$(dirname "$0")/common.sh"
flags=(-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer)
export TSAN_OPTIONS="suppressions=$PWD/checks/races.txt:print_suppressions=0"

nightly run --target $target -p laneway-checks --bin thread
planted lane_stamp_relaxed "ThreadSanitizer: data race" run --target $target -p laneway-checks --bin thread
