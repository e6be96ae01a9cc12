"""The sink `file` end to end: paths made of rows, a full disk, and a run that is killed.

What is checked is what is on disk: every row once, finished files whole, everything else `.part`.
"""

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import time
import unittest

from flow_case import SEED, FlowCase

FLOW = """[pipeline]
name = "files"
plugins = ["std", "files"]
{settings}
[sources.rows]
type = "file"
path = "rows.ndjson"
decoding = {{ type = "json", schema = {{ n = "int", at = "timestamp" }} }}
[sinks.out]
type = "file"
inputs = ["rows"]
encoding = {encoding}
{options}
"""
COUNTRIES = ["FR", "DE", "../SE", "a/b", None, "", "x" * 300]


def unpacked(name, data):
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".zst"):
        return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
    return data


class FileSinkTest(FlowCase):
    @classmethod
    def setUpClass(cls):
        print(f"file sink: FLOWRUN_TEST_SEED={SEED}", flush=True)

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def write_random_rows(self, count):
        self.write_rows("rows.ndjson", (
            {"n": n, "country": self.random.choice(COUNTRIES), "at": f"2025-10-{n % 3 + 1:02d}T10:00:00Z",
             "noise": self.random.randbytes(self.random.randrange(60)).hex()} for n in range(count)))

    def write_flow(self, options, settings="", encoding='"json"'):
        self.write("flow.toml", FLOW.format(options=options, settings=settings, encoding=encoding))

    def names(self):
        """The files below out/; what is in them may be renamed while it is looked at."""
        return [name for _, _, names in os.walk(self.path("out")) for name in names]

    def files(self, folder="out"):
        found = {}
        for root, _, names in os.walk(self.path(folder)):
            for name in names:
                whole = os.path.join(root, name)
                with open(whole, "rb") as file:
                    found[os.path.relpath(whole, self.work)] = file.read()
        return found

    @staticmethod
    def numbers(data):
        return [json.loads(line)["n"] for line in data.splitlines()]

    def test_rows_go_where_their_fields_say(self):
        self.write_random_rows(20_000)
        self.write_flow('path = "out/{country}/{at:%Y-%m-%d}.ndjson"')
        self.run_flow()
        seen = []
        for name, data in self.files().items():
            for line in data.splitlines():
                row = json.loads(line)
                country = row["country"].replace("/", "%2F")
                self.assertEqual(name, f"out/{country}/{row['at'][:10]}.ndjson")
                seen.append(row["n"])
        for letter in self.rows("files.rejected.ndjson"):
            seen.append(json.loads(letter["record"])["n"])
            self.assertIn(letter["reason"], ("no_path", "path_too_long"))
        self.assertEqual(sorted(seen), list(range(20_000)))
        self.assertEqual({os.path.dirname(name) for name in self.files()},
                         {"out/FR", "out/DE", "out/..%2FSE", "out/a%2Fb"})

    def test_rows_that_the_codec_refuses_do_not_shift_the_others(self):
        self.write_rows("rows.ndjson", (
            {"n": n, "country": str(n % 7), **({"text": str(n)} if n % 3 else {})} for n in range(5000)))
        self.write_flow('path = "out/{country}"', encoding='{ type = "lines", field = "text" }')
        self.run_flow()
        seen = []
        for name, data in self.files().items():
            for line in data.splitlines():
                n = int(json.loads(line)) if line.startswith(b'"') else int(line)
                self.assertEqual(name, f"out/{n % 7}")
                seen.append(n)
        self.assertEqual(sorted(seen), [n for n in range(5000) if n % 3])

    def test_a_killed_run_leaves_parts_and_no_damaged_file(self):
        self.write_random_rows(400_000)
        for options, settings in (
                ('path = "out/{at:%d}.ndjson.gz"\nroll = { size = "300kB" }', ""),
                ('path = "out/x.ndjson"\nroll = { size = "300kB" }', ""),
                ('path = "out/{at:%d}.ndjson.zst"\nmode = "replace"',
                 'checkpoint = { path = "state", interval = "20ms" }'),
                ('path = "out/x.ndjson.gz"\nroll = { size = "2MB", checkpoint = true }',
                 'checkpoint = { path = "state", interval = "20ms" }')):
            for _ in range(3):
                for folder in ("out", "state"):
                    shutil.rmtree(self.path(folder), ignore_errors=True)
                self.write_flow(options, settings)
                process = self.start()
                self.wait_until("no file", self.names, process)
                time.sleep(self.random.uniform(0.0, 0.3))
                self.kill(process)
                seen = []
                for name, data in self.files().items():
                    if name.endswith(".part"):
                        continue
                    data = unpacked(name, data)
                    self.assertTrue(data.endswith(b"\n"), name)
                    seen += self.numbers(data)
                self.assertEqual(len(seen), len(set(seen)))

    def test_a_full_disk_is_waited_for(self):
        disk = self.path("disk")
        os.mkdir(disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a small file system needs root: " + mounted.stderr.decode().strip())
        try:
            with open(os.path.join(disk, "ballast"), "wb") as file:
                file.write(bytes(700_000))
            self.write_random_rows(20_000)
            for options in ('path = "disk/out/{at:%d}.gz"\nroll = { size = "100kB" }', 'path = "disk/out/x.zst"',
                            'path = "disk/out/{at:%d}.txt.zst"\nlevel = 9'):
                shutil.rmtree(os.path.join(disk, "out"), ignore_errors=True)
                with open(os.path.join(disk, "ballast"), "ab", buffering=0) as file:
                    with contextlib.suppress(OSError):
                        while file.write(bytes(4096)) > 0:
                            pass
                self.write_flow(options)
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self.path("log"))
                process = self.start()
                self.wait_for_log("No space left on device", process)
                os.truncate(os.path.join(disk, "ballast"), 0)
                self.assertEqual(process.wait(60), 0, self.log()[-3000:])
                seen = []
                for name, data in self.files("disk/out").items():
                    self.assertNotRegex(name, re.compile(r"\.part$"))
                    seen += self.numbers(unpacked(name, data))
                self.assertEqual(sorted(seen), list(range(20_000)), options)
        finally:
            subprocess.run(["umount", disk], check=False)


if __name__ == "__main__":
    unittest.main()
