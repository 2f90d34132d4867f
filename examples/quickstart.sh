#!/bin/bash
# The whole thing in one go: installs what is missing, builds, boots the lab (four Debian hosts on this machine, in a
# network of their own), and moves its service from the host `old` to the host `new` by examples/libravatar/plan.yaml.
# Needs root. Nothing outside of the lab is changed but packages that get installed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. tests/lab/ensure.sh

export LAB=${LAB:-lab}
lab=tests/lab/lab
plan=examples/libravatar/plan.yaml
site=https://www.libravatar.test/

served_by() { "$lab" ctl curl -s -m 10 -o /dev/null -D - "$site" | tr -d '\r' | awk 'tolower($1) == "x-served-by:" {print $2}'; }

show_site() {
	local h
	echo "   $site  answers: $("$lab" ctl curl -s -m 10 "$site")  (from the host: $(served_by))"
	for h in old new; do
		printf '   on %-4s %6s users in the database, %6s files in /var/lib/libravatar\n' "$h" "$(users_on "$h")" "$(files_on "$h")"
	done
}
users_on() { "$lab" exec "$1" runuser -u postgres -- psql -XAtc 'select count(*) from auth_user' libravatar 2>/dev/null || echo no; }
files_on() { "$lab" exec "$1" sh -c 'test ! -d /var/lib/libravatar || find /var/lib/libravatar -type f' | wc -l; }

need_packages build lab
why=$(lab_cannot_run) && fail "this machine cannot run the lab: $why"
say "building"
build migrate
say "booting the lab: old, new, mirror1, dns"
"$lab" up old new mirror1 dns

if [[ $(served_by) == new ]]; then
	say "the service has moved to the host new already"
	show_site
	echo "   To start over:  LAB=$LAB $lab down; examples/quickstart.sh"
	exit 0
fi

say "before the move"
show_site
tsig=$("$lab" dir)/keys/tsig
say "migrate run $plan"
"$lab" ctl build/release/migrate run "$plan" --var tsig="$tsig" --yes ||
	fail "the move failed with exit code $?. What happened:  LAB=$LAB $lab ctl build/release/migrate log"
say "after the move"
show_site
[[ $(served_by) == new ]] || fail "the site is not served by the host new"
cat <<E2

Next, take it all back:
   LAB=$LAB $lab ctl build/release/migrate rollback --to start
Look around:
   LAB=$LAB $lab ctl build/release/migrate status
   LAB=$LAB $lab ssh new
End the lab:
   LAB=$LAB $lab down
E2
