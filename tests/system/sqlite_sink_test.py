"""The sink `sqlite` end to end: several sinks of one database, a full disk, a writer in the way, a run that is stopped.

What is checked is what another connection reads.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["FLOWRUN_BINARY"]
PLUGINS = os.environ["FLOWRUN_PLUGIN_DIR"]

FLOW = """[pipeline]
name = "tables"
plugins = ["std", "files", "tables"]
{settings}
[sources.rows]
type = "file"
path = "rows.ndjson"
decoding = {{ type = "json", schema = {{ n = "int", key = "text", noise = "text" }} }}
[sinks.all]
type = "sqlite"
inputs = ["rows"]
database = "{folder}/rows.db"
table = "all"
commit_rows = 1000
[sinks.newest]
type = "sqlite"
inputs = ["rows"]
database = "{folder}/rows.db"
table = "newest"
mode = "upsert"
key = ["key"]
full_text = ["noise"]
commit_rows = 1000
"""
ROWS = 8_000
KEYS = 100


class SqliteSinkTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = folder.name
        with open(self.path("rows.ndjson"), "w", encoding="utf-8") as out:
            for n in range(ROWS):
                out.write(json.dumps({"n": n, "key": f"k{n % KEYS}", "noise": f"word{n} '); DROP TABLE \"all\"; -- {'x' * (n % 60)}"}) + "\n")

    def path(self, *names):
        return os.path.join(self.work, *names)

    def write_flow(self, folder="out", settings=""):
        with open(self.path("flow.toml"), "w", encoding="utf-8") as out:
            out.write(FLOW.format(folder=folder, settings=settings))

    def start(self):
        log = open(self.path("log"), "ab")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        process = subprocess.Popen([BINARY, "run", "flow.toml", "--plugin-path", PLUGINS, "--admin", "off"],  # pylint: disable=consider-using-with
                                   cwd=self.work, stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process

    def log(self):
        with open(self.path("log"), encoding="utf-8") as text:
            return text.read()

    def wait_for_log(self, words, process):
        limit = time.monotonic() + 60
        while words not in self.log():
            self.assertLess(time.monotonic(), limit, self.log()[-3000:])
            self.assertIsNone(process.poll(), self.log()[-3000:])
            time.sleep(0.02)

    def check(self, folder="out"):
        with contextlib.closing(sqlite3.connect(self.path(folder, "rows.db"))) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(database.execute('SELECT count(*), count(DISTINCT n), sum(n) FROM "all"').fetchone(),
                             (ROWS, ROWS, ROWS * (ROWS - 1) // 2))
            self.assertEqual(database.execute("SELECT count(*), min(n), max(n) FROM newest").fetchone(),
                             (KEYS, ROWS - KEYS, ROWS - 1))
            found = database.execute("SELECT t.key FROM newest_search s JOIN newest t ON t.flowrun_row = s.rowid "
                                     f"WHERE newest_search MATCH 'word{ROWS - 1}'").fetchall()
            self.assertEqual(found, [(f"k{KEYS - 1}",)])
            database.execute("INSERT INTO newest_search (newest_search, rank) VALUES ('integrity-check', 1)")

    def test_two_sinks_write_to_one_database(self):
        for settings in ("", 'checkpoint = { path = "state", interval = "20ms" }'):
            self.write_flow("plain" if settings == "" else "kept", settings)
            self.assertEqual(self.start().wait(120), 0, self.log()[-3000:])
            self.check("plain" if settings == "" else "kept")

    def test_another_writer_is_waited_for(self):
        self.write_flow()
        os.mkdir(self.path("out"))
        with contextlib.closing(sqlite3.connect(self.path("out", "rows.db"), isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE other (a)")
            # The sinks' own tables are made when they are opened, before the lock.
            self.write_flow()
            process = self.start()
            self.wait_for_log("newest' is made", process)
            database.execute("PRAGMA busy_timeout = 10000")
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO other VALUES (1)")
            time.sleep(1.5)
            database.execute("COMMIT")
            self.assertEqual(process.wait(120), 0, self.log()[-3000:])
        self.check()

    def test_a_full_disk_is_waited_for(self):
        disk = self.path("disk")
        os.mkdir(disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a small file system needs root: " + mounted.stderr.decode().strip())
        try:
            with open(os.path.join(disk, "ballast"), "wb", buffering=0) as file:
                file.write(bytes(16_300_000))
            self.write_flow("disk", 'checkpoint = { path = "state", interval = "20ms" }')
            process = self.start()
            self.wait_for_log("full", process)
            os.truncate(os.path.join(disk, "ballast"), 0)
            self.assertEqual(process.wait(120), 0, self.log()[-3000:])
            self.check("disk")
        finally:
            subprocess.run(["umount", disk], check=False)


if __name__ == "__main__":
    unittest.main()
