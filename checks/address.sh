#!/usr/bin/env bash
# AddressSanitizer with its leak check, over the tests that touch unsafe code, or with --all over the whole suite.
#
# Shows: use of freed memory, double frees, accesses outside of an allocation, and memory that nobody can reach at the end.
# Does not see: data races, aliasing that breaks Rust's rules, uninitialized reads, a slot that is read after its event was
# dropped (the slot's memory lives as long as the lane), and schedules that did not happen.
#
# mutants: kept_is_dropped
check=asan
source "$(dirname "$0")/common.sh"
flags=(-Zsanitizer=address)
export LSAN_OPTIONS="suppressions=$PWD/checks/leaks.txt:print_suppressions=0" ASAN_OPTIONS=detect_leaks=1

tests=("${unsafe_code[@]}")
if [ "${1:-}" = --all ]; then tests=(--lib --tests); fi

nightly test --target $target --no-fail-fast "${tests[@]}"
planted lane_leaks_unread "LeakSanitizer: detected memory leaks" \
    test --target $target --test receivers dropping_a_receiver_unsubscribes
planted kept_is_dropped "AddressSanitizer: (heap-use-after-free|attempting double-free)" \
    test --target $target --test mailboxes
