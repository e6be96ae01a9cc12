"""The flow of pipelines/events.toml gives one output, however it is run.

Runs the command over pipelines/events/events.ndjson and compares every file below out/ byte for byte with
pipelines/events/expected/ (dead letters without what differs from run to run). Which event goes into which
file, and its total, are checked against a reference written from the pipeline file alone.

FLOWRUN_GOLDEN_WRITE=1 writes the expected files anew: look at the difference before committing.
FLOWRUN_TEST_SEED repeats the random settings of a failed run.
"""

import csv
import io
import json
import os
import random
import re
import shutil
import tempfile
import unittest

import golden
from flow_case import SEED, SOURCES

FOLDER = os.path.join(SOURCES, "pipelines", "events")
EXPECTED = os.path.join(FOLDER, "expected")
REJECTED = "events.rejected.ndjson"


def run_flow(work, pipeline=(), source=(), arguments=()):
    """Runs the flow in `work`; returns its files by their paths below out/, and what was logged."""
    log = golden.run(work, golden.flow("events", pipeline, source), arguments)
    files = golden.outputs(work)
    files[REJECTED] = golden.without_chance(files[REJECTED])
    return files, log


def no_double(text):
    raise ValueError(text)


def event_of(line):
    """The event in a line, or None where it is none: no JSON object, or a field of another type."""
    try:
        event = json.loads(line.decode("utf-8", "replace"), parse_constant=no_double)
        if not isinstance(event, dict) or not isinstance(event.get("order", {}), dict):
            return None
        order = event.get("order", {})
        for name, kind in (("price", float), ("quantity", int)):
            if order.get(name) is not None:
                order[name] = kind(order[name])
        if isinstance(event.get("status"), float):
            return None
        if "status" in event:
            event["status"] = int(event["status"])
    except (ValueError, TypeError, RecursionError):
        return None
    when = event.get("time")
    if isinstance(when, str) and not re.match(r"\d{4}-(0[13-9]|1[0-2])-\d\dT", when):
        return None
    return event


def place_of(event):
    """The file an event belongs into, without the day of an order."""
    if event.get("kind") == "order" and event.get("time") is not None:
        country = event.get("country") or ""
        country = country.upper() if re.fullmatch("[A-Za-z]{2}", country) else "other"
        return "orders/" + country
    return "failures.csv" if event.get("status", 0) >= 500 else "others.ndjson"


class EventsTest(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        print(f"events: FLOWRUN_TEST_SEED={SEED}", flush=True)
        if os.environ.get("FLOWRUN_GOLDEN_WRITE"):
            with tempfile.TemporaryDirectory() as work:
                files, _ = run_flow(work)
            shutil.rmtree(EXPECTED, ignore_errors=True)
            for name, content in files.items():
                path = os.path.join(EXPECTED, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content)
        cls.expected = golden.files_below(EXPECTED)

    def check(self, files):
        self.assertEqual(sorted(files), sorted(self.expected))
        for name, content in files.items():
            for number, (seen, wanted) in enumerate(zip(content.splitlines(), self.expected[name].splitlines()), 1):
                self.assertEqual(seen, wanted, f"{name}, line {number}")
            self.assertEqual(content, self.expected[name], name)

    def test_the_expected_files_agree_with_the_reference(self):
        waiting = {}  # file without the day of an order -> events in their order
        rejected = empty = 0
        with open(os.path.join(FOLDER, "events.ndjson"), "rb") as file:
            for line in file.read().splitlines():
                event = event_of(line) if line else None
                empty += 0 if line else 1
                rejected += 1 if line and event is None else 0
                if event is not None:
                    waiting.setdefault(place_of(event), []).append(event)
        self.assertEqual(empty, 1)
        self.assertEqual(self.expected[REJECTED].count(b"\n"), rejected)
        self.assertEqual(rejected, 18)
        for name in sorted(self.expected):
            if not name.startswith("orders/"):
                continue
            for line in self.expected[name].splitlines():
                document = json.loads(line)
                self.assertEqual(document["time"][:10] + ".ndjson", os.path.basename(name))
                events = waiting[os.path.dirname(name)]
                [event] = [event for event in events if self.is_same_order(event, document)]
                events.remove(event)
                order = event.get("order", {})
                if "price" in order and "quantity" in order:
                    total = round(order["price"] * order["quantity"], 2)
                    self.assertAlmostEqual(document["total"], total, places=6)
                    self.assertEqual(document["large"], total >= 500)
                else:
                    self.assertNotIn("total", document)
        self.assertEqual([event for name in waiting if name.startswith("orders/") for event in waiting[name]], [])
        header, *failures = csv.reader(io.StringIO(self.expected["failures.csv"].decode()))
        self.assertEqual(header, ["time", "status", "seconds", "country", "client"])
        self.assertEqual([int(row[1]) for row in failures], [event["status"] for event in waiting["failures.csv"]])
        others = self.expected["others.ndjson"].splitlines()
        self.assertEqual([json.loads(line).get("page") for line in others],
                         [event.get("page") for event in waiting["others.ndjson"]])

    @staticmethod
    def is_same_order(event, document):
        """By its number; the three events without one differ in their note or day."""
        number = event.get("order", {}).get("id")
        if number is not None:
            return number == document.get("order", {}).get("id")
        same_note = len(event.get("note") or "") == len(document.get("note") or "")
        return "id" not in document.get("order", {}) and same_note and event["time"][:10] == document["time"][:10]

    def test_no_personal_data_comes_out(self):
        with open(os.path.join(FOLDER, "events.ndjson"), "rb") as file:
            sent = file.read()
        for name, content in self.expected.items():
            if name == REJECTED:  # has the records as they came
                continue
            for pattern in (rb"@example", rb"4111", rb"203\.0\.113", rb"2001:db8", rb"0532 0130", rb"\+49 30 \d"):
                self.assertRegex(sent, pattern)
                self.assertNotRegex(content, pattern, name)

    def test_any_parallelism_gives_the_same_output(self):
        for parallelism in (1, 2, 4):
            with self.subTest(parallelism=parallelism), tempfile.TemporaryDirectory() as work:
                files, log = run_flow(work, arguments=("--parallelism", str(parallelism)))
                self.check(files)
                self.assertEqual(log[-1]["unaccounted_rows"], 0)

    def test_random_settings_give_the_same_output(self):
        chance = random.Random(SEED)
        for _ in range(6):
            pipeline, source = golden.random_settings(chance)
            with self.subTest(pipeline=pipeline, source=source), tempfile.TemporaryDirectory() as work:
                files, log = run_flow(work, pipeline=pipeline, source=source)
                self.check(files)
                self.assertEqual(log[-1]["unaccounted_rows"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
