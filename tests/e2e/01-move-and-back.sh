#!/bin/bash
# The main job: the service moves from old to new by the example's plan, and back to where it was, to the byte.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
get -f -X POST "${site}account/new?username=before&email=before@example.org" >/dev/null
mirror_fetches
was=$(answers)
must "before: the site has 1501 users" equal "Libravatar: users 1501 emails 1501" "$was"
fingerprint before

run_migrate run run "$plan" "$(tsig)" --yes
must "migrate run: exit 0" exits_with 0 "$work/run.out"
fingerprint moved
check "the summary says how long the site was down" says "$work/run.out" "downtime"

check "all rows, sequences and files are on new; hard links, modes, owners, times kept" same_data before old moved new
check "nothing was lost on old" same_data before old moved old
check "the site answers over the old name, from new" equal new "$(served_by)"
check "... with all rows" equal "$was" "$(answers)"
check "... over IPv6" equal new "$(served_by -6)"
check "who still comes to old by its address is served by new" equal new "$(served_by --connect-to ::203.0.113.10:)"
check "DNS: www is new, and only new" equal 203.0.113.20 "$("$lab" ctl dig +short www.libravatar.test A)"
check "... for IPv6, too" equal 2001:db8:77::20 "$("$lab" ctl dig +short www.libravatar.test AAAA)"
check "new will start the site at boot" fingerprint_says moved '^new unit apache2.service enabled active'

get -f -X POST "${site}account/new?username=after&email=after@example.org" >/dev/null
check "the mirror pulls from new" mirror_fetches
check "... what was uploaded there a moment ago" on mirror1 test -s "/var/lib/libravatar/avatar/$(printf after@example.org | md5sum | cut -d' ' -f1)"
check "the mirror's cron is on" on mirror1 test -e /etc/cron.d/libravatar-slave
check "reboot of new: the site comes back by itself" bash -c "'$lab' reboot new && '$lab' ctl curl -sf -m 20 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null $site"

run_migrate status status
check "migrate status knows the run" exits_with 0 "$work/status.out"
run_migrate log log
check "migrate log, too" exits_with 0 "$work/log.out"
run_migrate runs runs
check "migrate runs lists it" says "$work/runs.out" "libravatar-new-server"
secret=$(awk -F'"' '/secret/{print $2}' "$("$lab" dir)/keys/tsig")
check "the secret's value is not in the output, nor in the journal" not grep -rqF -- "$secret" "$work"
check "... nor in the agent's ledger here" not grep -rqF -- "$secret" /var/lib/migrate
for host in old new mirror1; do check "... nor in that on $host" on "$host" bash -c "! grep -rqF -- '$secret' /var/lib/migrate /var/log"; done

run_migrate unasked rollback --to start
check "rollback behind the point of no return, unasked and without --yes: pauses, exit 5" exits_with 5 "$work/unasked.out"
check "... and changes nothing" equal new "$(served_by)"
run_migrate rollback rollback --to start --yes
must "migrate rollback --to start: exit 3, rolled back clean" exits_with 3 "$work/rollback.out"
check "what is lost behind the point of no return was said" says "$work/rollback.out" "loses those writes"
check "the list of what is undone was shown" says "$work/rollback.out" "Point DNS at the new server"
check "the site answers from old" equal old "$(served_by)"
check "... with the rows it had before the move" equal "$was" "$(answers)"
mirror_fetches                                # from old again: what came from new goes
fingerprint after
# Left out by the fingerprint, with its reason each: logs, the agents' ledgers, copies kept on the hosts, stamps.
check "both hosts, the mirror and the zone are as before, to the byte" same_fingerprint before after

# PostgreSQL was down on new before, so its content isn't in the fingerprint: look once more
on new systemctl start postgresql
check "new has no database, nor a role, of the site's" equal "postgres,postgres" "$(on new runuser -u postgres -- psql -XAtc \
	"select (select string_agg(datname, ',') from pg_database where not datistemplate) || ',' || (select string_agg(rolname, ',') from pg_roles where rolname !~ '^pg_')" 2>/dev/null)"
finish
