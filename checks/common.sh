# What the checks share; each sources it. They run on Linux, since the sanitizers' flags below are for that target.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=x86_64-unknown-linux-gnu
output=$(mktemp)
trap 'rm -f "$output"' EXIT
export RUST_BACKTRACE=0 CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only

if ! rustc +nightly --version >/dev/null 2>&1 || [ ! -d "$(rustc +nightly --print target-libdir --target $target)" ]; then
    echo "SKIPPED: ${0##*/} needs a nightly toolchain for $target (rustup toolchain install nightly)"
    exit 0
fi

# The tests that touch unsafe code: lanes, mailboxes, receivers, dedicated threads, panics, what becomes of payloads.
unsafe_code=(--lib)
for name in dedicated g12_drops mailboxes manual_ends panics payloads payloads_of_readers publish_async receivers \
    regressions supervision; do
    unsafe_code+=(--test "$name")
done

# Runs a nightly cargo on this crate, in a target directory of its own, with the flags in $flags. Building is limited apart
# from running, so that a test that hangs is told from a slow machine.
nightly() {
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/$check" RUSTFLAGS="${flags[*]}" \
        timeout "${limit:-900}" cargo +nightly -Zprofile-rustflags "$@"
}

# `planted NAME PATTERN arguments...`: with the planted bug, what `nightly arguments...` prints must have a line that
# matches. The bug is a cfg for this crate and the programs alone, so nothing else is built again.
planted() {
    local bug=$1 pattern=$2 package
    local -a configs=()
    shift 2
    for package in laneway laneway-checks; do
        configs+=(--config "profile.dev.package.$package.rustflags=['--cfg','laneway_mutant=\"$bug\"']")
    done
    nightly "${configs[@]}" "$@" >"$output" 2>&1 || true
    if grep -m1 -E "$pattern" "$output"; then
        echo "reported: $bug"
    else
        tail -30 "$output"
        echo "NOT REPORTED: the planted bug $bug" >&2
        exit 1
    fi
}
