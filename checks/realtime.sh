#!/usr/bin/env bash
# RealtimeSanitizer on `try_publish` while the shards are awake: checks/programs/src/bin/realtime.rs.
#
# Shows: calls of the C library that may wait or take unbounded time, made by the publishing thread inside `try_publish`:
# malloc and free, futex and with it std's locks, sleeping, input and output.
# Does not see: system calls made without the C library (rustix makes `membarrier` so), loops that spin, the shard's side,
# and ways through the code that the program does not take, such as the first publish to a shard.
check=rtsan
source "$(dirname "$0")/common.sh"
flags=(-Zsanitizer=realtime --cfg laneway_realtime)

nightly run --target $target -p laneway-checks --bin realtime
unsafe_call="Intercepted call to real-time unsafe function"
planted publish_calls_malloc "$unsafe_call .malloc" run --target $target -p laneway-checks --bin realtime
planted publish_calls_futex "$unsafe_call .(syscall|futex)" run --target $target -p laneway-checks --bin realtime
