#!/bin/bash
# A rehearsal changes nothing, and predicts every step or says that it can't.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
fingerprint before
run_migrate dry run --dry-run "$plan" "$(tsig)"
must "migrate run --dry-run: exit 0" exits_with 0 "$work/dry.out"
fingerprint after
check "the hosts and the zone are as before, to the byte" same_fingerprint before after
check "it says so" says "$work/dry.out" "Nothing was changed"

steps=$(grep -cE '^ +[0-9]+\.[0-9.]+ +[-+~=?!] ' "$work/dry.out")
# leaves of the plan: every step with an action, but not those that only hold others
expected=$(python3 tests/e2e/count_steps.py "$plan")
check "every step has its mark: $expected" equal "$expected" "$steps"
check "a change is shown as before -> after" says "$work/dry.out" "300 -> 60"
opaque=$(grep -cE '^ +[0-9]+\.[0-9.]+ +\?' "$work/dry.out")
check "the steps that nobody can predict are counted and named: $opaque" says "$work/dry.out" "$opaque opaque"
commands=$(grep -cE '^ +(- )?run:' "$plan")
check "... commands, all $commands of them, and what only a step before makes possible" test "$opaque" -ge "$commands" -a "$opaque" -le $((commands + 2))
check "the point of no return is shown" says "$work/dry.out" "point of no return"
check "undo is shown beside the change" says "$work/dry.out" "undo:"
check "no service was interrupted: the site answers from old" equal old "$(served_by)"
finish
