"""Recovery end to end: a few of the kills of `make crash`, and what can be wrong with checkpoints themselves."""

import contextlib
import glob
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import crash
from flow_case import BINARY, PLUGINS, SANITIZER, SEED, FlowCase

SLOW = """[pipeline]
name = "slow"
plugins = ["std", "files"]
checkpoint = {{ path = "state", interval = "20ms" }}
parallelism = 2
[sources.rows]
type = "generate"
dataset = "sensors"
rows = {rows}
rate = {rate}
[transforms.first]
type = "deduplicate"
inputs = ["rows"]
key = ["timestamp"]
time = "timestamp"
[sinks.out]
type = "file"
inputs = ["first"]
encoding = "json"
path = "out.ndjson"
"""

LINES = """[pipeline]
name = "lines"
plugins = ["std", "files"]
checkpoint = {{ path = "state", interval = "20ms" }}
parallelism = 2
[sources.rows]
{source}
decoding = "lines"
[sinks.out]
type = "file"
inputs = ["rows"]
encoding = {{ type = "lines", field = "message" }}
path = "out.txt"
"""


# Stands between a program and its C library: kills it in the middle of the nth write to a file whose name ends so, or before
# or after the nth rename to such a name.
KILL_AT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_meant(const char* verb, const char* name) {
  const char* suffix = getenv("KILL_AT_SUFFIX");
  const size_t length = strlen(name);
  const size_t end = strlen(suffix);
  return strcmp(getenv("KILL_AT"), verb) == 0 && length >= end && strcmp(name + length - end, suffix) == 0;
}
static int is_due(void) {
  static int calls;
  return __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(getenv("KILL_AT_CALL"));
}
static int is_due_write(int fd) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return 0;
  name[length] = 0;
  return is_meant("write", name) && is_due();
}
ssize_t write(int fd, const void* bytes, size_t n) {
  ssize_t (*real)(int, const void*, size_t) = (ssize_t (*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (!is_due_write(fd)) return real(fd, bytes, n);
  real(fd, bytes, n / 2);
  kill(getpid(), SIGKILL);
  pause();
  return -1;
}
ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) {
  ssize_t (*real)(int, const void*, size_t, off_t) =
      (ssize_t (*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  if (!is_due_write(fd)) return real(fd, bytes, n, at);
  real(fd, bytes, n / 2, at);
  kill(getpid(), SIGKILL);
  pause();
  return -1;
}
int rename(const char* from, const char* to) {
  int (*real)(const char*, const char*) = (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
  if (is_meant("rename", to) && is_due()) kill(getpid(), SIGKILL);
  const int result = real(from, to);
  if (is_meant("renamed", to) && is_due()) kill(getpid(), SIGKILL);
  return result;
}
"""


class RecoveryTest(FlowCase):
    @classmethod
    def setUpClass(cls):
        print(f"crash: FLOWRUN_TEST_SEED={SEED}", flush=True)

    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)

    def call(self, *arguments):
        return subprocess.run([BINARY, *arguments, "--plugin-path", PLUGINS], cwd=self.work,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False, text=True)

    def checkpoints(self):
        """The files of the newest checkpoints, oldest first."""
        return sorted(glob.glob(self.path("state/*.manifest")))

    def test_kills_change_no_output(self):
        begin = time.monotonic()
        names = ["weblogs", "windows", "join", "iot", "visits", "sqlite", "events", "sqlite_search", "sqlite_erase", "rolled_compressed",
                 "deduplicated", "templated", "weblogs_append"]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                if time.monotonic() - begin > 30:
                    break
                crash.Round(folder, name, self.chance.choice([1, 2]), SEED).run(self.chance, 3)

    def test_a_finished_run_goes_on_with_what_is_new(self):
        self.write("flow.toml", LINES.format(source='type = "file"\npath = "in.txt"'))
        self.write("in.txt", "one\ntwo\n")
        self.run_flow()
        self.assertEqual(self.read("out.txt"), "one\ntwo\n")
        log = self.run_flow()
        self.assertIn("Going on where a checkpoint was taken", log)
        self.assertEqual(self.read("out.txt"), "one\ntwo\n")
        with open(self.path("in.txt"), "a", encoding="utf-8") as out:
            out.write("three\n")
        self.run_flow()
        self.assertEqual(self.read("out.txt"), "one\ntwo\nthree\n")
        self.run_flow("--fresh")
        self.assertEqual(self.read("out.txt"), "one\ntwo\nthree\n" * 2)

    def test_a_stopped_run_goes_on(self):
        self.write("flow.toml", SLOW.format(rows=40_000, rate=40_000))
        process = self.start()
        self.wait_until("no output", lambda: os.path.exists(self.path("out.ndjson"))
                        and os.path.getsize(self.path("out.ndjson")) > 100_000)
        self.stop(process)
        before = self.read("out.ndjson")
        self.assertLess(before.count("\n"), 40_000)
        self.run_flow()
        after = self.read("out.ndjson")
        self.assertTrue(after.startswith(before))
        times = [json.loads(line)["timestamp"] for line in after.splitlines()]
        self.assertEqual(len(set(times)), 40_000)
        self.assertEqual(len(times), 40_000)

    def test_damaged_checkpoints_are_named_and_the_one_before_is_used(self):
        self.write("flow.toml", SLOW.format(rows=30_000, rate=30_000))
        for damage, files in itertools.product(("cut", "flip"), ("checkpoint-*.manifest", "pages-*.data")):
            for name in ("out.ndjson", "log"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self.path(name))
            shutil.rmtree(self.path("state"), ignore_errors=True)
            process = self.start()
            self.wait_until("no output", lambda: os.path.exists(self.path("out.ndjson"))
                            and os.path.getsize(self.path("out.ndjson")) > 500_000 and len(self.checkpoints()) > 2)
            self.kill(process)
            newest = self.checkpoints()[-1]
            # Pages of the newest checkpoint may stand in files of earlier ones too: in its own at least.
            harmed = newest if files.startswith("checkpoint") else newest.replace("checkpoint-", "pages-").replace(".manifest", ".data")
            size = os.path.getsize(harmed)
            if damage == "cut":
                os.truncate(harmed, self.chance.randrange(size))
            else:
                with open(harmed, "r+b") as file:
                    at = self.chance.randrange(size)
                    file.seek(at)
                    byte = file.read(1)[0]
                    file.seek(at)
                    file.write(bytes([byte ^ (1 << self.chance.randrange(8))]))
            log = self.run_flow()
            self.assertIn("A damaged checkpoint is skipped.", log)
            self.assertIn(os.path.basename(harmed), log)
            times = [json.loads(line)["timestamp"] for line in self.read("out.ndjson").splitlines()]
            self.assertEqual((len(times), len(set(times))), (30_000, 30_000))

    @staticmethod
    def has_manifest(names):
        return any(name.endswith(".manifest") for name in names)

    def test_a_kill_in_the_middle_of_a_checkpoint_changes_no_output(self):
        self.write("kill_at.c", KILL_AT)
        built = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.path("kill_at.so"), self.path("kill_at.c"), "-ldl"],
                               capture_output=True, check=False)
        self.assertEqual(built.returncode, 0, built.stderr.decode())
        preloaded = self.path("kill_at.so")
        if "address" in SANITIZER:  # its library must come first
            runtime = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
            preloaded = runtime.stdout.strip() + ":" + preloaded
        self.write("flow.toml", SLOW.format(rows=20_000, rate=10_000))
        for moment in ("write .data", "write .part", "rename .manifest", "renamed .manifest"):
            with self.subTest(moment=moment):
                for name in ("out.ndjson", "log"):
                    with contextlib.suppress(FileNotFoundError):
                        os.remove(self.path(name))
                shutil.rmtree(self.path("state"), ignore_errors=True)
                verb, suffix = moment.split()
                process = self.start(environment={"LD_PRELOAD": preloaded, "KILL_AT": verb,
                                                  "KILL_AT_SUFFIX": suffix, "KILL_AT_CALL": "2"})
                self.assertEqual(process.wait(60), -signal.SIGKILL, self.log()[-3000:])
                left = sorted(os.listdir(self.path("state")))
                self.assertEqual(any(name.endswith(".part") for name in left), moment in ("write .part", "rename .manifest"), left)
                log = self.run_flow()
                if self.has_manifest(left):
                    self.assertIn("Going on where a checkpoint was taken", log)
                self.assertFalse([name for name in os.listdir(self.path("state")) if name.endswith(".part")])
                times = [json.loads(line)["timestamp"] for line in self.read("out.ndjson").splitlines()]
                self.assertEqual((len(times), len(set(times))), (20_000, 20_000))

    def test_a_full_disk_stops_checkpoints_and_not_the_flow(self):
        os.mkdir(self.path("state"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.path("state")],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a small file system needs root: " + mounted.stderr.decode().strip())
        try:
            self.write("flow.toml", SLOW.format(rows=60_000, rate=20_000))
            process = self.start()
            self.wait_until("no checkpoint", lambda: len(self.checkpoints()) > 0)
            with open(self.path("state/ballast"), "wb", buffering=0) as file:
                with contextlib.suppress(OSError):
                    while file.write(bytes(4096)) > 0:
                        pass
            self.wait_for_log("A checkpoint could not be written")
            before = os.path.getsize(self.path("out.ndjson"))
            self.wait_until("the flow stands still", lambda: os.path.getsize(self.path("out.ndjson")) > before)
            self.assertIsNone(process.poll())
            os.remove(self.path("state/ballast"))
            self.assertEqual(process.wait(60), 0, self.log()[-3000:])
            times = [json.loads(line)["timestamp"] for line in self.read("out.ndjson").splitlines()]
            self.assertEqual((len(times), len(set(times))), (60_000, 60_000))
        finally:
            subprocess.run(["umount", self.path("state")], check=False)

    def test_a_change_that_loses_state_is_refused(self):
        flow = SLOW.format(rows=2_000, rate=1_000_000)
        self.write("flow.toml", flow)
        self.assertIn("no checkpoint yet", self.call("plan", "flow.toml").stdout)
        self.run_flow()
        plan = self.call("plan", "flow.toml")
        self.assertEqual(plan.returncode, 0, plan.stdout + plan.stderr)
        self.assertRegex(plan.stdout, r"kept +rows: the position of 1 partition")
        self.assertRegex(plan.stdout, r"kept +first: keyed state")
        for change, told in ((flow.replace("transforms.first", "transforms.other").replace('"first"', '"other"'),
                              "first: keyed state"),
                             (flow.replace('key = ["timestamp"]', 'key = ["sensor"]'), "its key was 'timestamp'"),
                             (flow.replace("sources.rows", "sources.others").replace('"rows"', '"others"'),
                              "rows: the position of 1 partition")):
            self.write("flow.toml", change)
            log = self.run_flow(code=78)
            self.assertIn(told, log)
            self.assertIn("--allow-state-loss", log)
            plan = self.call("plan", "flow.toml")
            self.assertEqual(plan.returncode, 78)
            self.assertRegex(plan.stdout, r"lost +" + told.split(":", maxsplit=1)[0] if ":" in told else "lost")
        self.run_flow("--allow-state-loss")
        # What the kept state knows comes again, and is dropped.
        self.assertEqual(self.read("out.ndjson").count("\n"), 2_000)

    def test_state_show_tells_where_sources_go_on(self):
        self.write("flow.toml", SLOW.format(rows=2_000, rate=1_000_000).replace("[sinks.out]", """[sources.lines]
type = "file"
path = "in.txt"
[sinks.all]
type = "discard"
inputs = ["lines"]
[sinks.out]"""))
        self.write("in.txt", "one\ntwo\n")
        self.run_flow()
        shown = subprocess.run([BINARY, "state", "show", "state"], cwd=self.work, capture_output=True, check=True,
                               text=True).stdout
        self.assertIn("  source/rows: 1 partition\n    'generated': 2000 (8 bytes), ended\n", shown)
        # The file source's own: a number of bytes with a flag for its end, and a fingerprint.
        self.assertRegex(shown, r"source/lines: 1 partition\n    'in.txt': 0x0800000000000080[0-9a-f]{16} \(16 B\), ended\n")
        self.assertRegex(shown, r"table 'seen' \(version 1\): 2000 keys, ")

    def test_a_renamed_component_keeps_its_state(self):
        flow = SLOW.format(rows=2_000, rate=1_000_000)
        self.write("flow.toml", flow)
        self.run_flow()
        renamed = (flow.replace("[transforms.first]\n", "[transforms.unique]\nrenamed_from = \"first\"\n")
                   .replace('inputs = ["first"]', 'inputs = ["unique"]')
                   .replace("[sources.rows]\n", "[sources.readings]\nrenamed_from = \"rows\"\n")
                   .replace('inputs = ["rows"]', 'inputs = ["readings"]'))
        self.write("flow.toml", renamed)
        plan = self.call("plan", "flow.toml")
        self.assertEqual(plan.returncode, 0, plan.stdout + plan.stderr)
        self.assertRegex(plan.stdout, r"kept +readings: the position of 1 partition, so far of 'rows'")
        self.assertRegex(plan.stdout, r"kept +unique: keyed state of \d+ KiB, so far of 'first'")
        self.assertIn("goes on with the state of its old name", self.run_flow())
        self.assertEqual(self.read("out.ndjson").count("\n"), 2_000)
        # The new names have it now, with or without the setting.
        for text in (renamed, renamed.replace('renamed_from = "first"\n', "").replace('renamed_from = "rows"\n', "")):
            self.write("flow.toml", text)
            plan = self.call("plan", "flow.toml")
            self.assertEqual(plan.returncode, 0, plan.stdout + plan.stderr)
            self.assertNotIn("so far of", plan.stdout)
            self.run_flow()
            self.assertEqual(self.read("out.ndjson").count("\n"), 2_000)
        for wrong, told in ((renamed.replace('renamed_from = "first"', 'renamed_from = "readings"'), "there is still a component"),
                            (renamed.replace('renamed_from = "first"', 'renamed_from = "rows"'), "goes to sources.readings")):
            self.write("flow.toml", wrong)
            done = self.call("validate", "flow.toml")
            self.assertEqual(done.returncode, 78)
            self.assertIn(told, done.stderr)

    def test_what_came_by_standard_input_is_read_from_the_journal(self):
        self.write("flow.toml", LINES.format(source='type = "stdin"'))
        ends = os.pipe()
        self.addCleanup(os.close, ends[0])
        wanted = []
        for turn in range(3):
            if turn == 1:  # the journal goes along with a new name
                self.write("flow.toml", LINES.format(source='type = "stdin"\nrenamed_from = "rows"').replace("[sources.rows]", "[sources.input]")
                           .replace('inputs = ["rows"]', 'inputs = ["input"]'))
            process = self.start(stdin=ends[0])
            for number in range(2_000):
                wanted.append(f"{turn} {number}")
                os.write(ends[1], (wanted[-1] + "\n").encode())
            self.wait_until("not all lines came", lambda: os.path.exists(self.path("out.txt")) and
                          self.read("out.txt").count("\n") >= len(wanted))
            self.kill(process)
        os.close(ends[1])
        process = self.start(stdin=ends[0])
        self.assertEqual(process.wait(60), 0, self.log()[-3000:])
        self.assertEqual(self.read("out.txt").splitlines(), wanted)


if __name__ == "__main__":
    unittest.main()
