#!/bin/bash
# A step fails in the middle of the move: the phase is rolled back, and the site is served again.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
was=$(answers)
fingerprint before

# on_failure: rollback-phase stands in the plan. The step fails after the database is copied and the keys are moved.
cp -r examples/libravatar "$work/plan"
python3 tests/e2e/edit_plan.py "$plan" "Mirrors can no longer reach the old server" '- name: Something breaks
  host: new
  run: |
    echo "the tape caught fire" >&2
    exit 7
  undo: nothing' >"$work/plan/plan.yaml"

run_migrate run run "$work/plan/plan.yaml" "$(tsig)" --yes
must "migrate run: exit 3, rolled back clean" exits_with 3 "$work/run.out"
check "it says which step failed" says "$work/run.out" "Something breaks"
check "... in the tool's own words" says "$work/run.out" "the tape caught fire"
check "... and with which exit code" says "$work/run.out" "exit 7"

fingerprint after
check "the site is served by old" equal old "$(served_by)"
check "... with all rows" equal "$was" "$(answers)"
check "old: Apache's sites are the normal ones" equal "$(grep '^old apache site' "$work/before")" "$(grep '^old apache site' "$work/after")"
check "old: the pooler runs" fingerprint_says after '^old unit pgbouncer.service enabled active'
check "old: database and avatars untouched" same_data before old after old
check "old: the mirrors may log in" fingerprint_says after '^old file /var/lib/libravatar-master/.ssh/authorized_keys '
check "the mirror's cron is on" fingerprint_says after '^mirror1 file /etc/cron.d/libravatar-slave '
check "mirror1 is as before" equal "$(grep '^mirror1' "$work/before" | sha256sum)" "$(grep '^mirror1' "$work/after" | sha256sum)"
check "DNS still names old" fingerprint_says after '^zone www.libravatar.test. 60 IN A 203.0.113.10$'
check "the phases before it stay done: the new server has the first copy" fingerprint_says after '^new role djangouser'
mirror_fetches
check "the mirror pulls from old" on mirror1 test -s /var/lib/libravatar-slave/last-sync

run_migrate back rollback --to start --yes
check "rollback of the rest: exit 3, rolled back clean" exits_with 3 "$work/back.out"
fingerprint start
check "all is as before the run, to the byte" same_fingerprint before start

# the same with a fault of the host instead of the plan's: the pooler on new does not start in Move
must "back to the saved disks" "$lab" load fresh
python3 tests/e2e/edit_plan.py "$plan" "Disable the mirrors' sync" '- name: A fault of the host
  host: new
  run: mv /usr/sbin/pgbouncer /usr/sbin/pgbouncer.away
  undo: mv /usr/sbin/pgbouncer.away /usr/sbin/pgbouncer' >"$work/plan/plan.yaml"
run_migrate host run "$work/plan/plan.yaml" "$(tsig)" --yes
check "a service that does not start: exit 3, rolled back clean" exits_with 3 "$work/host.out"
check "it names the service and the host" grep -qE 'pgbouncer.*new|new.*pgbouncer' "$work/host.out"
check "the site is served by old" equal old "$(served_by)"
finish
