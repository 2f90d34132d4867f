#!/bin/bash
# The other tests believe the fingerprint. So: equal when nothing happened, different after any small change.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
must "a fingerprint can be taken" fingerprint before
fingerprint again
check "nothing happened: it is the same" same_fingerprint before again

avatar=/var/lib/libravatar/avatar/$(printf user7@example.org | md5sum | cut -d' ' -f1)
# notices TEXT HOST DO UNDO LINE: DO changes the host, and the fingerprint differs in such a line. UNDO takes it back.
notices() {
	local text=$1 host=$2 change=$3 back=$4 line=$5
	on "$host" bash -ec "$change" >/dev/null 2>&1; tests/lab/fingerprint "$host" >"$work/changed"
	check "it notices $text" bash -c "grep '^$host ' '$work/before' | diff - '$work/changed' | grep -E -- '$line'"
	on "$host" bash -ec "$back" >/dev/null 2>&1
}
pg() { echo "runuser -u postgres -- psql -qX libravatar -c \"$1\""; }

notices "one byte in an avatar" old \
	"cp -a $avatar /tmp/a; printf X | dd of=$avatar bs=1 seek=40 conv=notrunc; touch -r /tmp/a $avatar" \
	"touch -r /tmp/a /tmp/t; cat /tmp/a >$avatar; touch -r /tmp/t $avatar; rm /tmp/a /tmp/t" "old file $avatar "
notices "a mode" old "chmod 600 /etc/cron.d/libravatar" "chmod 644 /etc/cron.d/libravatar" 'file /etc/cron.d/libravatar 0600'
notices "an owner" old "chown daemon /etc/cron.d/libravatar" "chown root /etc/cron.d/libravatar" 'libravatar 0644 daemon:root'
notices "a time of an avatar" old "touch -d '+1 hour' $avatar -r $avatar" "touch -d '-1 hour' $avatar -r $avatar" "old file $avatar "
notices "a broken hard link" old \
	"ln $avatar /tmp/keep; cp -a $avatar $avatar.x; mv $avatar.x $avatar" "ln -f /tmp/keep $avatar; rm /tmp/keep" "old file $avatar "
notices "a new file anywhere" new "touch /usr/lib/x" "rm /usr/lib/x" 'new file /usr/lib/x'
notices "where a symlink points" old \
	"ln -sfn /nowhere /etc/apache2/sites-enabled/libravatar-cdn.conf" \
	"ln -sfn ../sites-available/libravatar-cdn.conf /etc/apache2/sites-enabled/libravatar-cdn.conf" '-> /nowhere'
notices "a row" old "$(pg "update auth_user set username = 'x' where id = 7")" "$(pg "update auth_user set username = 'user7' where id = 7")" 'table libravatar public.auth_user'
notices "a sequence" old "$(pg "select setval('auth_user_id_seq', 1501)")" "$(pg "select setval('auth_user_id_seq', 1500)")" 'sequence libravatar'
notices "a role's right" old "$(pg 'alter role djangouser createdb')" "$(pg 'alter role djangouser nocreatedb')" 'role djangouser'
notices "a service that is down" old "systemctl stop pgbouncer" "systemctl start pgbouncer" 'unit pgbouncer.service enabled'
notices "a service that will not start at boot" mirror1 "systemctl disable cron" "systemctl enable cron" 'unit cron.service disabled'

update() { "$lab" ctl bash -c "printf '$1\nsend\n' | nsupdate -k $("$lab" dir)/keys/tsig"; }
update 'update delete www.libravatar.test. A\nupdate add www.libravatar.test. 301 A 203.0.113.10'; fingerprint changed
check "it notices a TTL" bash -c "diff '$work/before' '$work/changed' | grep -F 'zone www.libravatar.test. 301 IN A 203.0.113.10'"
update 'update delete www.libravatar.test. A\nupdate add www.libravatar.test. 300 A 203.0.113.10'; fingerprint again
check "all of it undone: it is as before" same_fingerprint before again
finish
