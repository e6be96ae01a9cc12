"""The log and the database of the web-log cases: what is named, or what can be made here."""
import dataclasses
import hashlib
import os
import subprocess
import sys

LINES = 3_000_000
SEED = 7


@dataclasses.dataclass
class Inputs:
    log: str
    database: str
    lines: int
    flat: bool  # the database has DB-IP's flat keys instead of GeoLite2's nested ones
    notes: list  # why figures are not those that the bars are for


def find(repository, cache, log, database):
    notes = []
    log = log or os.environ.get("FLOWRUN_BENCH_LOG")
    if not log:
        log = make_log(repository, cache, notes)
    database = database or os.environ.get("FLOWRUN_BENCH_DATABASE")
    if not database:
        database = os.path.join(repository, "pipelines", "weblogs", "city.mmdb")
        notes.append(
            "the database is the repository's small one; the bars are for a city database of real size "
            "(--database, FLOWRUN_BENCH_DATABASE)"
        )
    for path in (log, database):
        if not os.path.isfile(path):
            sys.exit(f"bench/run: there is no file {path}")
    lines = count_lines(log)
    if lines != LINES:
        notes.append(f"the log has {lines:,} lines; the bars are for {LINES:,}")
    return Inputs(os.path.realpath(log), os.path.realpath(database), lines, is_flat(database), notes)


def make_log(repository, cache, notes):
    """A log made by the first generator that is there, kept in the cache."""
    shared = os.environ.get("FLOWRUN_SHARED_DIR") or os.path.join(os.path.dirname(repository), "shared")
    generator = os.path.join(shared, "data", "weblogs", "generate.py")
    real = os.path.isfile(generator)
    if not real:
        generator = os.path.join(repository, "pipelines", "weblogs", "make_access_log.py")
        notes.append(
            "the log is made by pipelines/weblogs/make_access_log.py: few addresses and agents. The bars are for "
            "200,000 and 3,000 (--log, FLOWRUN_BENCH_LOG)"
        )
    path = os.path.join(cache, f"{'access' if real else 'sample'}-{LINES}-{SEED}.log")
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        print(f"Making {path} with {generator}, which takes a minute or two ...", flush=True)
        subprocess.run([sys.executable, generator, path + ".part", str(LINES), str(SEED)], check=True)
        os.rename(path + ".part", path)
    return path


def count_lines(path):
    count = 0
    last = b"\n"
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def is_flat(database):
    """Whether the keys of the records are those of the flat builds of DB-IP's data, which have no language in them."""
    with open(database, "rb") as file:
        return b"country_code" in file.read()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
