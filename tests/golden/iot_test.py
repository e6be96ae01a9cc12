"""The flow of pipelines/iot.toml: every reading is kept once, every incident told once, however it is run.

Runs the command over a smaller fleet. What comes out is checked against what is known of the readings: the archive
has each of them once, the statistics count each once, an incident is opened once and resolved once, and most of the
faults that are labelled are found.

FLOWRUN_TEST_SEED repeats the random settings of a failed run.
"""

import collections
import gzip
import json
import os
import random
import re
import tempfile
import unittest

import golden
from flow_case import SEED

ROWS = 120_000
DEVICES = 50


def small(pipeline=(), batch_rows=4096):
    """The pipeline over fewer devices; the archive in a format that Python reads."""
    text = golden.flow("iot", pipeline)
    text = re.sub(r"(?m)^rows = .*$", f"rows = {ROWS}\nbatch_rows = {batch_rows}", text)
    text = re.sub(r"(?m)^devices = .*$", f"devices = {DEVICES}", text)
    text = re.sub(r"(?m)^fault_share = .*$", "fault_share = 0.01", text)
    return text.replace("readings.ndjson.zst", "readings.ndjson.gz")


def run_flow(work, pipeline=(), batch_rows=4096):
    """The rows of the archive, of the statistics and of the alerts; the report; what was logged."""
    log = golden.run(work, small(pipeline, batch_rows))
    files = golden.outputs(os.path.join(work))
    archive, folders = [], set()
    for name, content in files.items():
        if not name.startswith("iot/archive/"):
            continue
        assert name.endswith(".gz"), name
        folder = os.path.dirname(name)[len("iot/archive/"):]
        folders.add(folder)
        for line in gzip.decompress(content).decode().splitlines():
            archive.append((folder, line))
    return {
        "archive": archive,
        "statistics": files["iot/per_minute.ndjson"].decode().splitlines(),
        "alerts": files["iot/alerts.ndjson"].decode().splitlines(),
        "found": json.loads(files["iot/found.json"]),
        "log": log,
    }


class IotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as work:
            cls.plain = run_flow(work)

    def test_archive_has_every_reading_once_in_the_folder_of_its_hour(self):
        archive = self.plain["archive"]
        self.assertEqual(len(archive), ROWS)
        seen = set()
        for folder, line in archive:
            reading = json.loads(line)
            day, hour = reading["time"][:10], reading["time"][11:13]
            self.assertEqual(folder, f"date={day}/hour={hour}")
            self.assertEqual(reading["quality"], "good")
            seen.add((reading["device"], reading["quantity"], reading["time"]))
        self.assertEqual(len(seen), ROWS)

    def test_statistics_count_every_reading_once(self):
        expected = collections.defaultdict(list)
        for _, line in self.plain["archive"]:
            reading = json.loads(line)
            expected[reading["class"], reading["quantity"], reading["time"][:16]].append(reading["value"])
        windows = {}
        for line in self.plain["statistics"]:
            window = json.loads(line)
            windows[window["class"], window["quantity"], window["window_start"][:16]] = window
        self.assertEqual(len(windows), len(self.plain["statistics"]))
        self.assertEqual(set(windows), set(expected))
        for key, values in expected.items():
            self.assertEqual(windows[key]["readings"], len(values))
            self.assertAlmostEqual(windows[key]["mean"], sum(values) / len(values), 6)
            self.assertEqual(windows[key]["lowest"], min(values))
            self.assertEqual(windows[key]["highest"], max(values))

    def test_incident_is_opened_once_and_resolved_once_behind_it(self):
        steps = collections.defaultdict(list)
        open_series = {}
        for line in self.plain["alerts"]:
            alert = json.loads(line)
            series = alert["device"], alert["quantity"]
            steps[alert["incident"]].append(alert["state"])
            if alert["state"] == "opened":
                self.assertNotIn(series, open_series)
                open_series[series] = alert["incident"]
            self.assertEqual(open_series[series], alert["incident"])
            if alert["state"] == "resolved":
                del open_series[series]
        self.assertGreater(len(steps), 10)
        for incident, states in steps.items():
            self.assertEqual(states[0], "opened", incident)
            self.assertEqual(states[-1], "resolved", incident)
            self.assertEqual(set(states[1:-1]) - {"updated"}, set(), incident)

    def test_most_faults_are_found(self):
        # Of labelled incidents and not of rows.
        self.assertGreater(self.plain["found"]["recall"], 0.6, self.plain["found"])

    def test_alerts_are_far_fewer_than_anomalous_readings(self):
        opened = [line for line in self.plain["alerts"] if '"state":"opened"' in line]
        readings = sum(json.loads(line)["count"] for line in self.plain["alerts"] if '"state":"resolved"' in line)
        self.assertGreater(readings, len(opened))

    def test_result_does_not_depend_on_the_run(self):
        chance = random.Random(SEED)
        for _ in range(2):
            pipeline = [f"parallelism = {chance.randrange(1, 5)}", f"memory_limit = \"{chance.choice([32, 256])}MiB\""]
            batch_rows = chance.choice([100, 1000, 4096, 8192])
            with self.subTest(seed=SEED, pipeline=pipeline, batch_rows=batch_rows):
                with tempfile.TemporaryDirectory() as work:
                    other = run_flow(work, pipeline, batch_rows)
                for name in ("archive", "statistics", "alerts"):
                    self.assertEqual(sorted(other[name]), sorted(self.plain[name]), name)


if __name__ == "__main__":
    unittest.main()
