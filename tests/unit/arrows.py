#!/usr/bin/env python3
"""arrows.py ROOT: holds the arrows between the rooms, by reading the include lines.

    plans <- steps <- runner/wire <- runner/{engine,journal,jobserver,agent,ssh} <- runner/*.cpp <- runner/cli
                                     runner/engine <- runner/report <- runner/*.cpp

and: a third-party header is seen by one file pair only. Each breach is printed with its file and line; exit 1 if
there is any. Before that it plants one breach of each kind in a folder of its own, and must find all of them.
"""
import pathlib, re, sys, tempfile

ROOMS = ("engine", "journal", "jobserver", "agent", "ssh", "report")
BELOW = ("plans", "steps", "runner/wire")

# room -> the rooms whose headers it may include. "runner" is what lies directly in that folder: the controller.
ARROWS = {
    "plans": {"plans"},
    "steps": {"steps", "plans"},
    "runner/wire": set(BELOW),
    **{f"runner/{room}": {f"runner/{room}", *BELOW} for room in ROOMS},
    "runner/report": {"runner/report", "runner/engine", *BELOW},          # it shows the engine's states
    "runner": {"runner", *BELOW, *(f"runner/{room}" for room in ROOMS)},
    "runner/cli": {"runner/cli", "runner", *BELOW, *(f"runner/{room}" for room in ROOMS)},
}
ENTRY = "runner/main.cpp"                      # the program's entry: it alone sees the command line's room from outside

# third-party header (a prefix) -> the rooms that may have it, in one file pair each
ONE_PAIR = {
    "yaml-cpp/": {"plans"},
    "ldns/": {"runner/agent"},
    "curl/": {"runner/agent"},
    "pqxx/": {"runner/agent"},
    "libpq-fe.h": {"runner/agent"},
    "libssh/": {"runner/ssh"},
    "zlib.h": {"runner/ssh"},
    "SQLiteCpp/": {"runner/journal", "runner/agent"},
    "sqlite3.h": {"runner/journal", "runner/agent"},
    "CLI/": {"runner/cli"},
}
WIDE = {"boost/asio.hpp", "boost/json.hpp", "boost/process.hpp", "boost/process/v2.hpp", "boost/beast.hpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """"runner/engine" for runner/engine/x.h, "runner" for runner/x.cpp; None outside of the rooms."""
    folder = str(pathlib.PurePosixPath(path).parent)
    return folder if folder in ARROWS else None


def includes(root):
    """(file, line, "<" or '"', header) of every include in the rooms."""
    for top in ("plans", "steps", "runner"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cpp"):
                continue
            name = file.relative_to(root).as_posix()
            for number, text in enumerate(file.read_text(errors="replace").splitlines(), 1):
                if found := INCLUDE.match(text):
                    yield name, number, found[1], found[2]


def own_header(root, file, header):
    """What is wrong with one of our own headers in that file, or None."""
    room, target = room_of(file), room_of(header)
    if target is None:
        return f'"{header}" is not written from the root, or lies in no room'
    if not (root / header).is_file():
        return f'"{header}" does not exist'
    if file != ENTRY and target not in ARROWS[room]:
        return f"{room} may not see {target}"
    return None


def breaches(root):
    found, homes = [], {}                      # homes: (prefix, room) -> the file pair that has the header
    for file, line, bracket, header in includes(root):
        room = room_of(file)
        wrong = None
        if room is None:
            wrong = f"{file} lies in a folder that is no room"
        elif bracket == '"':
            wrong = own_header(root, file, header)
        elif header in WIDE:
            wrong = f"<{header}> is too wide: include the part that is used"
        else:
            for prefix, rooms in ONE_PAIR.items():
                if not header.startswith(prefix):
                    continue
                home = homes.setdefault((prefix, room), file.rsplit(".", 1)[0])
                if room not in rooms:
                    wrong = f"<{header}> belongs to {' or '.join(sorted(rooms))}"
                elif home != file.rsplit(".", 1)[0]:
                    wrong = f"<{header}> is in {home}.* already: one file pair has it"
        if wrong:
            found.append(f"{file}:{line}: {wrong}")
    return found


def find_planted():
    """Plants a breach of each kind; returns the kinds that were not found, and what was found without being one."""
    good = {
        "plans/a.h": "", "steps/a.h": '#include "plans/a.h"', "runner/wire/job.h": '#include "steps/a.h"',
        "runner/engine/e.cpp": '#include "runner/wire/job.h"\n#include <boost/json/object.hpp>', "runner/engine/e.h": "",
        "runner/controller.cpp": '#include "runner/engine/e.h"', "runner/controller.h": "",
        "runner/cli/run.h": '#include "runner/controller.h"', "runner/main.cpp": '#include "runner/cli/run.h"',
        "plans/yaml.cpp": "#include <yaml-cpp/yaml.h>", "plans/yaml.h": "",
        "runner/journal/store.cpp": "#include <SQLiteCpp/SQLiteCpp.h>", "runner/agent/ledger.cpp": "#include <SQLiteCpp/SQLiteCpp.h>",
    }
    bad = {
        "plans/up.cpp": '#include "steps/a.h"', "steps/up.cpp": '#include "runner/wire/job.h"',
        "runner/wire/up.cpp": '#include "runner/engine/e.h"', "runner/journal/across.cpp": '#include "runner/engine/e.h"',
        "runner/engine/up.cpp": '#include "runner/controller.h"', "runner/up.cpp": '#include "runner/cli/run.h"',
        "runner/engine/beside.cpp": '#include "e.h"', "steps/gone.cpp": '#include "plans/gone.h"',
        "plans/yaml2.cpp": " # include <yaml-cpp/node/node.h>", "steps/web.cpp": "#include <curl/curl.h>",
        "runner/wide.cpp": "#include <boost/asio.hpp>", "runner/util/u.cpp": "#include <string>",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**good, **bad}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("// planted\n" + text + "\n")
        found = {text.split(":2: ")[0] for text in breaches(root)}
    return [f"planted, but not found: {name}" for name in bad.keys() - found] + \
           [f"found, though allowed: {name}" for name in found - bad.keys()]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    problems = find_planted() or breaches(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "all arrows hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
