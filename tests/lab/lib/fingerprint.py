"""The state of the host this runs on, as lines of text. See ../fingerprint."""
import grp, hashlib, os, pwd, re, stat, subprocess, sys

HOST = sys.argv[1]

# Left out, and why. A path stands for itself and all below it.
EXCLUDED = {
    "/tmp": "scratch",
    "/var/tmp": "scratch",
    "/var/log": "logs: they tell what happened, and grow",
    "/var/lib/migrate": "the agent: its ledger, and what it keeps to be able to go back (until `migrate finish`)",
    "/root/.cache": "the agent's program, as uploaded",
    "/home/admin/.cache": "the agent's program, as uploaded",
    "/home/admin/.sudo_as_admin_successful": "sudo's mark, made when admin uses it for the first time",
    "/var/lib/postgresql": "the database's own files: its content is compared through SQL, below",
    "/var/lib/bind": "the zone's files: its records are compared by a transfer (--zone)",
    "/var/cache/bind": "BIND's own",
    "/var/lib/systemd": "systemd's stamps: timers, clock, random seed",
    "/var/lib/logrotate": "the daily timer's stamp",
    "/var/cache/apache2": "Apache's own",
    "/var/lib/apache2/module/enabled_by_admin": "a2enmod's notes, in a folder that it makes and never removes; what is enabled "
                                                "is in /etc/apache2/mods-enabled",
    "/var/lib/private": "systemd's",
    "/var/lib/libravatar-slave/last-sync": "written by the mirror's cron each minute",
    "/var/lib/libravatar-slave/lock": "written by the mirror's cron each minute",
    # useradd, userdel and the like keep the previous version of the file beside it
    "/etc/passwd-": "a backup by useradd", "/etc/group-": "a backup by useradd",
    "/etc/shadow-": "a backup by useradd", "/etc/gshadow-": "a backup by useradd",
    "/etc/subuid-": "a backup by useradd", "/etc/subgid-": "a backup by useradd",
}

# Content is compared here; elsewhere (/usr, ...) kind, mode, owner, size and time have to do.
HASHED = ("/etc/", "/home/", "/root/", "/srv/", "/opt/", "/usr/local/", "/usr/share/libravatar/", "/var/lib/", "/var/www/",
          "/var/spool/")
# Data, whose times mean something, and must be kept by whoever moves it.
DATED = ("/usr/", "/opt/", "/srv/", "/var/lib/libravatar/", "/var/lib/libravatar-master/")

# Units that come and go by themselves.
PASSING_UNIT = re.compile(r"^(user@|user-runtime-dir@|session-|run-|systemd-|modprobe@|logrotate|man-db|phpsessionclean|"
                          r"e2scrub|dpkg-db-backup|apt-|pg_\w+@)")

names = {}
def owner(st):
    key = (st.st_uid, st.st_gid)
    if key not in names:
        try: user = pwd.getpwuid(key[0]).pw_name
        except KeyError: user = str(key[0])
        try: group = grp.getgrgid(key[1]).gr_name
        except KeyError: group = str(key[1])
        names[key] = user + ":" + group
    return names[key]

def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()[:24]

def say(*fact):
    print(HOST, *fact)

def files():
    disk = os.lstat("/").st_dev
    first_name = {}                                    # inode -> the name that a group of hard links goes by
    def walk(folder):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if path in EXCLUDED:
                continue
            try:
                st = os.lstat(path)
            except FileNotFoundError:
                continue                               # gone since listdir
            if st.st_dev != disk and stat.S_ISDIR(st.st_mode):
                continue
            entry(path, st)
            if stat.S_ISDIR(st.st_mode):
                walk(path)
    def entry(path, st):
        kind = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}.get(stat.S_IFMT(st.st_mode), "special")
        shown = path.encode(errors="surrogateescape").decode(errors="backslashreplace").replace("\n", "\\n")
        fact = [kind, shown, "%04o" % stat.S_IMODE(st.st_mode), owner(st)]
        if kind == "link":
            fact.append("-> " + os.readlink(path))
        if kind == "file":
            fact.append(str(st.st_size))
            hashed = path.startswith(HASHED)
            if hashed: fact.append(digest(path))
            if not hashed or path.startswith(DATED): fact.append("%d" % (st.st_mtime_ns // 1000000000))
            if st.st_nlink > 1:
                fact.append("same as " + first_name.setdefault(st.st_ino, shown) + " (%d names)" % st.st_nlink)
        attributes = [] if kind == "link" else sorted(os.listxattr(path))
        if attributes:
            fact.append("attributes " + " ".join("%s=%s" % (a, os.getxattr(path, a).hex()) for a in attributes))
        say(*fact)
    walk("/")

def output(*argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return p.stdout if p.returncode == 0 else ""

def services():
    kinds = "--type=service,timer,socket,path"
    enabled = dict(line.split()[:2] for line in output("systemctl", "list-unit-files", kinds, "--no-legend", "--plain").splitlines())
    active = {}
    for line in output("systemctl", "list-units", "--all", kinds, "--no-legend", "--plain").splitlines():
        unit, _, state, sub = line.split()[:4]
        active[unit] = state + "/" + sub
    for unit in sorted(set(enabled) | set(active)):
        is_enabled, is_active = enabled.get(unit, "-"), active.get(unit, "inactive/dead")
        idle = is_active == "inactive/dead" and is_enabled not in ("enabled", "enabled-runtime")
        if not idle and not PASSING_UNIT.match(unit):
            say("unit", unit, is_enabled, is_active)

def as_postgres(*argv):
    return output("runuser", "-u", "postgres", "--", *argv)

def sql(database, text):
    return as_postgres("psql", "-XAtq", "-F", " ", "-d", database, "-c", text).splitlines()

def databases():
    if not as_postgres("psql", "-XAtqc", "select 1", "postgres"):
        say("postgresql", "not running")
        return
    for line in sql("postgres", "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, "
                                "left(md5(coalesce(rolpassword, '')), 12) from pg_authid where rolname !~ '^pg_' order by 1"):
        say("role", line)
    for line in sql("postgres", "select datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datallowconn "
                                "from pg_database order by 1"):
        say("database", line)
    for name in sql("postgres", "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1"):
        # pg_dump writes a random word into \restrict lines
        dump = sorted(l for l in as_postgres("pg_dump", "--serializable-deferrable", name).splitlines()
                      if not re.match(r"\\(un)?restrict |-- Dumped", l))
        say("dump", name, hashlib.sha256("\n".join(dump).encode()).hexdigest()[:24], len(dump), "lines")
        for table in sql(name, "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables "
                               "where schemaname not in ('pg_catalog', 'information_schema') order by 1"):
            rows = sql(name, f"select count(*), coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '-') from {table} t")
            say("table", name, table, *rows)
        for line in sql(name, "select quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value from pg_sequences order by 1"):
            say("sequence", name, line)

def apache():
    for folder, word in ("sites-enabled", "site"), ("mods-enabled", "module"):
        try: found = sorted(os.listdir("/etc/apache2/" + folder))
        except FileNotFoundError: continue
        for name in found:
            say("apache", word, name)

sys.stdout.reconfigure(errors="backslashreplace")
files(); services(); databases(); apache()
