"""Bad input end to end: never a crash, every line counted, every refusal with a reason.

Each test writes a file, runs the web-log flow's parser over it (or a flow of its own), and adds up:
lines in the file = documents + rejected lines + empty lines.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import unittest

from flow_case import SEED, FlowCase, command, ledger_of, log_entries

GOOD = (b'203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] "GET /product.php HTTP/1.1" 200 1234 '
        b'"http://example.com/search.php" "Mozilla/5.0"')

FLOW = """[pipeline]
name = "bad"
plugins = ["weblog", "std", "files"]
memory_limit = "{memory}"
dead_letter = "rejected.ndjson"
checkpoint = {{ path = "state", interval = "50ms" }}
[sources.log]
type = "file"
path = {path}
{decoding}
[transforms.parsed]
type = "parse_access_log"
inputs = ["log"]
format = "combined"
[sinks.index]
type = "file"
inputs = ["parsed"]
path = "good.ndjson"
mode = "replace"
encoding = "json"
"""


class Result:
    def __init__(self, work, done):
        self.code = done.returncode
        self.stderr = done.stderr.decode("utf-8", "replace")
        log = log_entries(self.stderr)
        self.ledger = ledger_of(log)
        self.last = log[-1] if log else {}
        self.good = self.lines(os.path.join(work, "good.ndjson"))
        self.rejected = self.lines(os.path.join(work, "rejected.ndjson"))

    @staticmethod
    def lines(path):
        if not os.path.exists(path):
            return []
        with open(path, "rb") as file:
            return [json.loads(line) for line in file.read().decode().splitlines()]

    def reasons(self):
        counts = {}
        for letter in self.rejected:
            counts[letter["reason"]] = counts.get(letter["reason"], 0) + 1
        return counts


class BadInputTest(FlowCase):
    @classmethod
    def setUpClass(cls):
        print(f"bad input: FLOWRUN_TEST_SEED={SEED}", flush=True)

    def run_text(self, text):
        shutil.rmtree(self.path("state"), ignore_errors=True)  # each input is a run of its own
        self.write("flow.toml", text)
        done = subprocess.run(command("flow.toml"), cwd=self.work, capture_output=True, timeout=100, check=False)
        self.assertGreaterEqual(done.returncode, 0, f"killed by signal {-done.returncode}: {done.stderr.decode()[-2000:]}")
        return Result(self.work, done)

    def run_bytes(self, content, name="input.log", memory="64MiB", decoding=""):
        path = self.path(name)
        with open(path, "wb") as out:
            out.write(content)
        return self.run_text(FLOW.format(path=json.dumps(path), memory=memory, decoding=decoding))

    def expect_accounted(self, result, good, rejected, empty=0):
        self.assertEqual(result.code, 0, result.stderr[-3000:])
        self.assertEqual(result.last["unaccounted_rows"], 0)
        self.assertEqual(len(result.good), good)
        self.assertEqual(len(result.rejected), rejected, result.reasons())
        self.assertEqual(result.ledger["log"]["dropped"], empty)
        for letter in result.rejected:
            self.assertTrue(letter["reason"] and letter["message"] and letter["component"], letter)

    def test_binary_noise(self):
        noise = random.Random(SEED).randbytes(1 << 20)
        content = GOOD + b"\n" + noise + b"\n" + GOOD + b"\n"
        lines = content.split(b"\n")[:-1]
        empty = sum(1 for line in lines if line in (b"", b"\r"))
        result = self.run_bytes(content)
        self.expect_accounted(result, 2, len(lines) - 2 - empty, empty)

    def test_a_line_of_64_mib_is_one_rejected_row_between_good_ones(self):
        for shape in ("x", "with quotes"):
            with self.subTest(shape=shape):
                long = b"x" * (64 << 20) if shape == "x" else GOOD[:-1] + b"y" * (64 << 20) + b'"'
                result = self.run_bytes(GOOD + b"\n" + long + b"\r\n" + GOOD + b"\n", memory="256MiB")
                self.expect_accounted(result, 2, 1)
                self.assertEqual(result.reasons(), {"line_too_long": 1})
                os.remove(self.path("rejected.ndjson"))

    def test_a_line_of_64_mib_that_is_allowed_is_read_whole(self):
        long = GOOD[:-1] + b"y" * (64 << 20) + b'"'
        result = self.run_bytes(GOOD + b"\n" + long + b"\n" + GOOD, memory="1GiB",
                                decoding='decoding = { type = "lines", max_line = "128MiB" }')
        self.expect_accounted(result, 3, 0)
        self.assertEqual(max(len(document["agent"]) for document in result.good), (64 << 20) + len("Mozilla/5.0"))

    def test_a_line_longer_than_the_memory_limit_stops_nothing(self):
        result = self.run_bytes(GOOD + b"\n" + b"z" * (16 << 20) + b"\n" + GOOD, memory="1MiB")
        self.expect_accounted(result, 2, 1)

    def test_invalid_utf8_is_repaired_and_counted(self):
        bad = GOOD.replace(b"Mozilla", b"Moz\xff\xc0\xafilla")
        result = self.run_bytes(b"\n".join([GOOD, bad, GOOD]) + b"\n")
        self.expect_accounted(result, 3, 0)
        self.assertIn("\ufffd", result.good[1]["agent"])

    def test_an_empty_file(self):
        self.expect_accounted(self.run_bytes(b""), 0, 0)

    def test_only_line_ends(self):
        self.expect_accounted(self.run_bytes(b"\n\r\n\n\n"), 0, 0, 4)

    def test_no_file_at_all_where_that_is_allowed(self):
        text = FLOW.format(path='"nothing-*.log"\nallow_missing = true', memory="64MiB", decoding="")
        self.expect_accounted(self.run_text(text), 0, 0)

    def test_nul_bytes(self):
        result = self.run_bytes(b"\x00" * 5000 + b"\n" + GOOD.replace(b"Mozilla", b"Mo\x00zilla") + b"\n\x00\n")
        self.expect_accounted(result, 1, 2)
        self.assertEqual(result.good[0]["agent"], "Mo\x00zilla/5.0")

    def test_line_ends_of_windows_and_none_at_the_end(self):
        result = self.run_bytes(b"\r\n".join([GOOD] * 50))
        self.expect_accounted(result, 50, 0)
        self.assertEqual({document["agent"] for document in result.good}, {"Mozilla/5.0"})

    def test_a_carriage_return_alone_ends_no_line(self):
        self.expect_accounted(self.run_bytes(b"\r".join([GOOD] * 3)), 0, 1)

    def test_impossible_dates_addresses_and_quotes(self):
        chance = random.Random(SEED + 1)
        lines, good = [], 0
        for _ in range(3000):
            line = bytearray(GOOD)
            if chance.random() < 0.5:
                good += 1
            else:
                kind = chance.randrange(5)
                line = bytearray([GOOD.replace(b"28/Oct", b"31/Feb"), GOOD.replace(b"203.0.113.42", b"999.1.1.1"),
                                  GOOD[:-1], GOOD.replace(b" 200 ", b" abc "), GOOD[:40]][kind])
            lines.append(bytes(line))
        result = self.run_bytes(b"\n".join(lines))
        self.expect_accounted(result, good, 3000 - good)
        self.assertEqual(set(result.reasons()), {"bad_datetime", "bad_address", "unbalanced_quotes", "bad_response",
                                                 *(result.reasons().keys() & {"too_few_fields"})})

    def test_random_damage_loses_no_line(self):
        chance = random.Random(SEED + 2)
        lines = []
        for _ in range(5000):
            line = bytearray(GOOD)
            for _ in range(chance.randrange(4)):
                line[chance.randrange(len(line))] = chance.randrange(256)
            lines.append(bytes(line))
        content = b"\n".join(lines)
        parts = content.split(b"\n")
        parts = parts[:-1] if parts[-1] == b"" else parts
        empty = sum(1 for part in parts if part in (b"", b"\r"))
        result = self.run_bytes(content)
        self.assertEqual(result.code, 0, result.stderr[-2000:])
        self.assertEqual(result.last["unaccounted_rows"], 0)
        self.assertEqual(len(result.good) + len(result.rejected) + empty, len(parts))

    def test_a_damaged_gzip_file_delivers_what_could_be_read(self):
        whole = gzip.compress(b"\n".join([GOOD] * 20000))
        result = self.run_bytes(whole[: len(whole) // 2], name="input.log.gz")
        self.assertEqual(result.code, 0, result.stderr[-2000:])
        self.assertGreater(len(result.good), 100)
        self.assertLessEqual(len(result.rejected), 1)
        self.assertEqual(result.last["unaccounted_rows"], 0)
        self.assertIn("input.log.gz", result.stderr)

    def test_paths_that_cannot_be_read_are_refused_before_anything_is_written(self):
        for path in ("missing.log", self.work):
            with self.subTest(path=path):
                result = self.run_text(FLOW.format(path=json.dumps(path), memory="64MiB", decoding=""))
                self.assertEqual(result.code, 69, result.stderr)
                self.assertIn(os.path.basename(path), result.stderr)
                self.assertFalse(os.path.exists(self.path("good.ndjson")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
