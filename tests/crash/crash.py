"""Kills pipelines at random moments until they are done, and compares what they wrote with a run that nobody disturbed.

    FLOWRUN_BINARY=build/flowrun FLOWRUN_PLUGIN_DIR=build/plugins FLOWRUN_SOURCE_DIR=. \\
        PYTHONPATH=tests python3 tests/crash/crash.py --kills 200 [--seed N] [--case NAME]

A round is one case at one parallelism: it is started in a folder of its own, its process group is killed with SIGKILL
after a random time, it is started again, and so on; the last start runs to the end. Then the output must be that of the
undisturbed run (every file, byte by byte where the case says so, else as a multiset and, per key, in order), and the
ledger must account for every row, the totals over all starts included. CASES is the table of cases.
"""

import argparse
import collections
import contextlib
import gzip
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from flow_case import SOURCES, command, ledger_of, log_entries

CHECKPOINTS = 'checkpoint = { path = "state", interval = "15ms" }\n'


class Mismatch(AssertionError):
    """What a round found, with the round's seed and folder."""


def shipped(name, lines):
    """The text of pipelines/NAME.toml with `lines` in [pipeline], reading input.log in the working directory."""
    with open(os.path.join(SOURCES, "pipelines", name + ".toml"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("[pipeline]\n", "[pipeline]\n" + lines, 1)
    for sample in ("weblogs/access.log", "events/events.ndjson"):
        text = text.replace('"${PIPELINE_DIR}/' + sample + '"', '"input.log"')
    return text.replace("${PIPELINE_DIR}", os.path.join(SOURCES, "pipelines"))


def repeated(name, lines):
    """Writer of an input: a shipped sample again and again, each line with its number."""

    def write(path, chance):
        with open(os.path.join(SOURCES, "pipelines", name), encoding="utf-8", errors="surrogateescape") as file:
            sample = file.read().splitlines()
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as out:
            for number in range(lines):
                line = sample[number % len(sample)]
                if line.startswith("{"):
                    line = '{"n":%d,' % number + line[1:]
                else:
                    line = line.replace(" HTTP/1.1\"", f"?n={number} HTTP/1.1\"", 1)
                out.write(line + "\n")
            out.write(sample[0][: chance.randrange(1, len(sample[0]))])  # and one without its end

    return write


def numbered(lines):
    """Writer of an input: NDJSON rows with a number, a key, and now and then one that is none."""

    def write(path, chance):
        with open(path, "w", encoding="utf-8") as out:
            for number in range(lines):
                if number % 997 == 3:
                    out.write("{broken %d\n" % number)
                row = {"n": number, "third": number // 3, "key": f"k{chance.randrange(50)}", "text": "x" * chance.randrange(80)}
                out.write(json.dumps(row) + "\n")

    return write


def timed(lines):
    """Writer of an input: NDJSON readings of fifty keys, out of order by up to four seconds, some of them later."""

    def write(path, chance):
        with open(path, "w", encoding="utf-8") as out:
            at = 1_760_000_000_000
            for number in range(lines):
                at += chance.randrange(20)
                late = 30_000 if number % 1009 == 7 else chance.randrange(4_000)
                row = {"n": number, "at": at - late, "key": f"k{chance.randrange(50)}", "value": chance.randrange(1000) / 8}
                out.write(json.dumps(row) + "\n")

    return write


def nothing(path, _):
    """Writer of no input: the pipeline makes its rows up."""
    with open(path, "wb"):
        pass


WINDOWS = """[pipeline]
name = "windows"
plugins = ["std", "files", "windows"]
dead_letter = "out/rejected.ndjson"
{pipeline}
[sources.rows]
type = "file"
path = "input.log"
decoding = {{ type = "json", schema = {{ n = "int", at = "int", key = "text", value = "float" }} }}
[transforms.timed]
type = "event_time"
inputs = ["rows"]
field = "at"
format = "epoch_ms"
lateness = "3s"
[windows.tumbling]
type = "tumbling"
inputs = ["timed"]
key = ["key"]
size = "10s"
aggregate = {{ rows = "count()", total = "sum(value)", mean = "mean(value)", p95 = "quantile(value, 0.95)" }}
[windows.sliding]
type = "sliding"
inputs = ["timed"]
key = ["key"]
size = "60s"
slide = "10s"
aggregate = {{ rows = "count()", highest = "max(value)", values = "distinct(value)" }}
[windows.session]
type = "session"
inputs = ["timed"]
key = ["key"]
gap = "1s"
aggregate = {{ rows = "count()", first = "first(n)", last = "last(n)" }}
[sinks.tumbling_out]
type = "file"
inputs = ["tumbling"]
path = "out/tumbling.ndjson"
encoding = "json"
[sinks.sliding_out]
type = "file"
inputs = ["sliding"]
path = "out/sliding.ndjson"
encoding = "json"
[sinks.session_out]
type = "file"
inputs = ["session"]
path = "out/session.ndjson"
encoding = "json"
"""


def windows(lines):
    return WINDOWS.format(pipeline=lines)


def window_key(row):
    kind = "tumbling" if "p95" in row else "sliding" if "highest" in row else "session"
    return kind, row["key"]


JOIN = """[pipeline]
name = "join"
plugins = ["std", "files", "windows"]
dead_letter = "out/rejected.ndjson"
{pipeline}
[sources.left_rows]
type = "file"
path = "input.log"
decoding = {{ type = "json", schema = {{ n = "int", at = "int", key = "text", value = "float" }} }}
[sources.right_rows]
type = "file"
path = "input.log"
decoding = {{ type = "json", schema = {{ n = "int", at = "int", key = "text", value = "float" }} }}
[transforms.orders]
type = "filter"
inputs = ["left_rows"]
where = "n % 3 != 0"
[transforms.payments]
type = "filter"
inputs = ["right_rows"]
where = "n % 3 == 0"
[transforms.ordered]
type = "event_time"
inputs = ["orders"]
field = "at"
format = "epoch_ms"
lateness = "3s"
[transforms.paid]
type = "event_time"
inputs = ["payments"]
field = "at"
format = "epoch_ms"
lateness = "3s"
[windows.joined]
type = "join"
inputs = {{ left = ["ordered"], right = ["paid"] }}
left_key = ["key"]
right_key = ["key"]
within = "600ms"
kind = "outer"
max_rows = 1000000
[sinks.out]
type = "file"
inputs = ["joined"]
path = "out/joined.ndjson"
encoding = "json"
"""


def join(lines):
    return JOIN.format(pipeline=lines)


def iot(lines):
    """pipelines/iot.toml over fewer readings, without the sinks whose words are for people."""
    text = re.sub(r"(?ms)^\[sinks\.(screen|found)\]\n.*?(?=^\[|^#|\Z)", "", shipped("iot", lines))
    return re.sub(r"(?m)^rows = .*$", "rows = 200000", text)


def iot_key(row):
    if "window_start" in row:
        return "minute", row["class"], row["quantity"]
    return "alert" if "state" in row else "reading", row["device"], row["quantity"]


def visits(lines):
    """pipelines/visits.toml over fewer clicks, with more profiles and more users who ask to be forgotten."""
    text = re.sub(r"(?m)^rows = .*$", "rows = 100000", shipped("visits", lines))
    return text.replace("erase_share = 0.0001", "erase_share = 0.01").replace('every = "1h"', 'every = "2m"')


def visits_key(row):
    if "window_start" in row:
        return "hour", row["event"], row.get("category")
    return "search" if "query" in row else "profile", row["user"]


FILES = """[pipeline]
name = "files"
plugins = ["std", "files"]
dead_letter = "out/rejected.ndjson"
{pipeline}
[sources.rows]
type = "file"
path = "input.log"
decoding = {{ type = "json", schema = {{ n = "int", third = "int", key = "text" }} }}
[transforms.first]
{transform}
inputs = ["rows"]
[sinks.out]
type = "file"
inputs = ["first"]
encoding = "json"
{sink}
"""


def files(sink, transform='type = "compute"\nfields = { twice = "2 * n" }'):
    return lambda lines: FILES.format(pipeline=lines, sink=sink, transform=transform)


SQLITE = """[pipeline]
name = "sqlite"
plugins = ["std", "files", "tables"]
dead_letter = "out/rejected.ndjson"
{pipeline}
[sources.rows]
type = "file"
path = "input.log"
decoding = {{ type = "json", schema = {{ n = "int", third = "int", key = "text", text = "text" }} }}
[transforms.first]
type = "compute"
inputs = ["rows"]
fields = {{ twice = "2 * n", gone = "n % 1000 == 7", words = "concat(key, ' ', to_text(third))" }}
"""
SQLITE_SINK = """[sinks.{table}]
type = "sqlite"
inputs = ["first"]
database = "out/rows.db"
table = "{table}"
commit_rows = 700
{options}
"""


def sqlite(**sinks):
    """Sinks of one database, each with its options, a table each."""
    return lambda lines: SQLITE.format(pipeline=lines) + "".join(
        SQLITE_SINK.format(table=table, options=options) for table, options in sinks.items())


UPSERT = 'mode = "upsert"\nkey = ["third"]\n'
SEARCH = 'full_text = ["words"]\n'
ERASE = 'key = ["key"]\nerase = "gone"\n'

# name -> (text of the pipeline given lines for [pipeline], writer of input.log, key of an output line or None: the files
# are the same byte by byte). Outputs are all files below out/.
Case = collections.namedtuple("Case", "text write key")
CASES = {
    "weblogs": Case(lambda lines: shipped("weblogs", lines), repeated("weblogs/access.log", 120_000), None),
    "weblogs_append": Case(lambda lines: shipped("weblogs", lines).replace('mode = "replace"\n', ""),
                           repeated("weblogs/access.log", 120_000), None),
    "events": Case(lambda lines: shipped("events", lines), repeated("events/events.ndjson", 60_000), None),
    "rolled": Case(files('path = "out/{key}.ndjson"\nroll = { size = "100kB" }'), numbered(150_000), None),
    "templated": Case(files('path = "out/{key}.ndjson"'), numbered(150_000), None),
    "compressed": Case(files('path = "out/all.ndjson.gz"'), numbered(150_000), None),
    "rolled_compressed": Case(files('path = "out/all.ndjson.zst"\nroll = { size = "2MB" }'), numbered(150_000), None),
    "at_checkpoints": Case(files('path = "out/{key}.ndjson"\nroll = { checkpoint = true }'), numbered(100_000),
                           lambda line: line["key"]),
    # The windows of each kind, their state and their timers.
    "windows": Case(windows, timed(150_000), window_key),
    # Rows of two sources that wait for one another.
    "join": Case(join, timed(100_000), lambda row: row["key"]),
    # Detection, alerts and windows by key, an archive by hour.
    "iot": Case(iot, nothing, iot_key),
    # Visits and profiles: keyed state without timers, and rows that are told by the watermark.
    "visits": Case(visits, nothing, visits_key),
    # One database: what is inserted is taken back behind a checkpoint, what is replaced comes again.
    "sqlite": Case(sqlite(inserted="", replaced=UPSERT), numbered(30_000), None),
    "sqlite_search": Case(sqlite(searched=SEARCH, found=SEARCH + UPSERT), numbered(8_000), None),
    "sqlite_erase": Case(sqlite(inserted=SEARCH + ERASE, replaced=ERASE + 'mode = "upsert"\n'), numbered(8_000), None),
    # Keyed state; which of a batch's keys comes first is chance.
    "deduplicated": Case(files('path = "out/all.ndjson"', 'type = "deduplicate"\nkey = ["third"]'), numbered(150_000),
                         lambda line: line["third"]),
}


def content(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".gz"):
        return gzip.decompress(data) if data else b""
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
    return data


def tables(path):
    """The rows of each table of a database, without what differs from run to run; its indexes agree with them."""
    found = {}
    with contextlib.closing(sqlite3.connect(path)) as database:
        if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise Mismatch(f"{path} is damaged")
        columns = {"flowrun_sinks": "table_name, made, rows", "flowrun_erasures": "table_name, key_digest"}
        for (name,) in database.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
                                        "AND name NOT LIKE 'sqlite%'").fetchall():
            rows = database.execute(f"SELECT {columns.get(name, '*')} FROM {name}").fetchall()
            if name in columns:
                rows.sort()
            found["rows.db/" + name] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        for (name,) in database.execute("SELECT name FROM pragma_table_list WHERE type = 'virtual'").fetchall():
            # Throws where the index is not that of the table's rows.
            database.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
            count = database.execute(f"SELECT count(*) FROM {name} WHERE {name} MATCH 'k7'").fetchone()
            found["rows.db/" + name] = json.dumps(count).encode()
        database.rollback()
    return found


def outputs(work):
    """The content of each file below out/; dead letters without what differs from run to run."""
    found = {}
    for place, _, names in os.walk(os.path.join(work, "out")):
        for name in names:
            path = os.path.join(place, name)
            if name.endswith(".db"):
                found.update(tables(path))
            if ".db" in name:
                continue
            data = content(path)
            if name.endswith("rejected.ndjson"):
                letters = [json.loads(line) for line in data.splitlines()]
                for letter in letters:
                    del letter["time"], letter["configuration"]
                data = b"".join(json.dumps(letter, sort_keys=True).encode() + b"\n" for letter in letters)
            found[os.path.relpath(path, work)] = data
    return found


def by_key(found, key):
    """The lines of all files by key, in the order of their files' names."""
    lines = collections.defaultdict(list)
    for name in sorted(found):
        if name.endswith("rejected.ndjson"):
            lines[name] += sorted(found[name].splitlines())
            continue
        for line in found[name].splitlines():
            lines[key(json.loads(line))].append(line)
    return lines


def log_of(work):
    with open(os.path.join(work, "log"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    return text, log_entries(text)


def totals(work):
    """Rows by component, and what is unaccounted, as the end of the last run tells."""
    _, entries = log_of(work)
    names = ("in", "passed", "created", "dropped", "failed", "late", "absorbed")
    rows = {component: {name: line[name] for name in names} for component, line in ledger_of(entries).items()}
    sums = [entry["unaccounted_rows"] for entry in entries if "unaccounted_rows" in entry]
    return rows, sums[-1] if sums else None


def start(work, parallelism):
    with open(os.path.join(work, "log"), "ab") as log:
        return subprocess.Popen(command("flow.toml", "--parallelism", str(parallelism)), cwd=work,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)


def finish(work, parallelism):
    process = start(work, parallelism)
    try:
        code = process.wait(120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code = "no end in two minutes"
    if code != 0:
        raise Mismatch(f"exit code {code}:\n{log_of(work)[0][-4000:]}")


def prepare(folder, case, seed):
    os.makedirs(folder)
    with open(os.path.join(folder, "flow.toml"), "w", encoding="utf-8") as out:
        out.write(case.text(CHECKPOINTS))
    case.write(os.path.join(folder, "input.log"), random.Random(seed))


def first_difference(wanted, found):
    names = sorted(set(wanted) ^ set(found))
    if names:
        return "only in one of them: " + ", ".join(names[:10])
    for name in sorted(wanted):
        if wanted[name] == found[name]:
            continue
        left, right = wanted[name].splitlines(), found[name].splitlines()
        for at, (one, other) in enumerate(zip(left, right)):
            if one != other:
                return f"{name}, line {at + 1}: {one[:200]!r} became {other[:200]!r} ({len(left)}, {len(right)} lines)"
        return f"{name}: {len(left)} lines became {len(right)}"
    return ""


class Round:
    """One case, with what its undisturbed run wrote."""

    def __init__(self, folder, name, parallelism, seed):
        self.case = CASES[name]
        self.parallelism = parallelism
        self.seed = seed
        self.place = os.path.join(folder, f"{name}-{parallelism}")
        self.wanted_folder = os.path.join(self.place, "undisturbed")
        prepare(self.wanted_folder, self.case, seed)
        begin = time.monotonic()
        finish(self.wanted_folder, parallelism)
        self.seconds = time.monotonic() - begin
        self.wanted = outputs(self.wanted_folder)
        self.wanted_totals, unaccounted = totals(self.wanted_folder)
        if unaccounted != 0:
            raise Mismatch(f"the undisturbed run has {unaccounted} rows unaccounted for")
        self.number = 0

    def run(self, chance, kills, disturb=None):
        """Kills it `kills` times. `disturb(work)`: what happens between a kill and the next start."""
        self.number += 1
        work = os.path.join(self.place, str(self.number))
        os.makedirs(work)
        for name in ("flow.toml", "input.log"):
            os.link(os.path.join(self.wanted_folder, name), os.path.join(work, name))
        done = 0
        for _ in range(kills):
            process = start(work, self.parallelism)
            try:
                process.wait(chance.uniform(0.0, 1.1 * self.seconds))
            except subprocess.TimeoutExpired:
                pass
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                done += 1
            code = process.wait()
            if code not in (0, -signal.SIGKILL):
                raise Mismatch(f"exit code {code}:\n{log_of(work)[0][-4000:]}")
            if disturb is not None:
                disturb(work)
        finish(work, self.parallelism)
        self.compare(work)
        shutil.rmtree(work)
        return done

    def compare(self, work):
        found = outputs(work)
        if self.case.key is None:
            difference = first_difference(self.wanted, found)
        else:
            wanted_lines, found_lines = by_key(self.wanted, self.case.key), by_key(found, self.case.key)
            wrong = [key for key in sorted(set(wanted_lines) | set(found_lines), key=str)
                     if wanted_lines.get(key) != found_lines.get(key)]
            difference = f"lines of the keys {wrong[:10]}" if wrong else ""
        if difference:
            raise Mismatch(f"the output differs from the undisturbed run's: {difference}\n{log_of(work)[0][-6000:]}")
        rows, unaccounted = totals(work)
        if unaccounted != 0:
            raise Mismatch(f"{unaccounted} rows are unaccounted for")
        for line in found.get("rows.db/flowrun_sinks", b"").splitlines():
            table, _, delivered = json.loads(line)
            if delivered != rows[table]["in"] - rows[table]["failed"]:
                raise Mismatch(f"the table {table} has {delivered} rows delivered, and the ledger {rows[table]}")
        if rows != self.wanted_totals:
            wrong = [f"{name}: {self.wanted_totals.get(name)} became {rows.get(name)}"
                     for name in sorted(set(rows) | set(self.wanted_totals))
                     if rows.get(name) != self.wanted_totals.get(name)]
            raise Mismatch("the ledger's totals differ: " + "; ".join(wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long, whatever was killed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--case", action="append", choices=sorted(CASES))
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    arguments = parser.parse_args()
    names = arguments.case or list(CASES)
    print(f"crash: seed {arguments.seed}, cases {', '.join(names)}", flush=True)
    chance = random.Random(arguments.seed)
    begin = time.monotonic()
    folder = tempfile.mkdtemp(prefix="flowrun-crash-")
    kills = 0
    rounds = {}
    current = ""
    try:
        while kills < arguments.kills:
            for name in names:
                for parallelism in (1, 2):
                    current = f"{name} at parallelism {parallelism}"
                    if current not in rounds:
                        rounds[current] = Round(folder, name, parallelism, arguments.seed)
                    kills += rounds[current].run(chance, chance.randrange(1, 5))
                    if kills >= arguments.kills or 0 < arguments.seconds < time.monotonic() - begin:
                        print(f"crash: {kills} kills, {sum(r.number for r in rounds.values())} outputs as undisturbed, "
                              f"{time.monotonic() - begin:.0f} s", flush=True)
                        return 0
    except Mismatch as mismatch:
        print(f"crash: {current}, after {kills} kills, seed {arguments.seed}: {mismatch}", file=sys.stderr, flush=True)
        if arguments.keep:
            print(f"crash: see {folder}", file=sys.stderr)
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
