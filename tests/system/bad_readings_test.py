"""Bad readings end to end: each has one outcome that is counted under a reason, and the good ones beside them pass.

Clocks that jump, times from 1970 and 2100, values that are no numbers, null keys, duplicates, readings out of order, and a
million new keys at once.
"""

import collections
import datetime
import unittest

from flow_case import FlowCase

BEGIN = datetime.datetime(2025, 3, 1, tzinfo=datetime.timezone.utc)

FLOW = """[pipeline]
name = "readings"
plugins = ["std", "files", "iot", "windows"]
dead_letter = "rejected.ndjson"
parallelism = 2
[sources.lines]
type = "file"
path = "readings.ndjson"
decoding = { type = "json", schema = { device = "text", time = "timestamp", value = "float", scale = "float" } }
[transforms.numbers]
type = "compute"
inputs = ["lines"]
fields = { value = "value / scale" }
[transforms.checked]
type = "validate"
inputs = ["numbers"]
schema = { value = { type = "float", required = true } }
[transforms.timed]
type = "event_time"
inputs = ["checked"]
field = "time"
lateness = "5s"
[transforms.first]
type = "deduplicate"
inputs = ["timed"]
key = ["device", "time"]
time = "time"
[transforms.judged]
type = "detect_anomaly"
inputs = ["first"]
key = ["device"]
method = "rate_of_change"
max_change = 1000.0
[windows.minutes]
type = "tumbling"
inputs = ["judged"]
key = ["device"]
size = "1m"
aggregate = { readings = "count()", total = "sum(value)" }
[sinks.out]
type = "file"
inputs = ["judged"]
path = "judged.ndjson"
encoding = "json"
[sinks.counted]
type = "file"
inputs = ["minutes"]
path = "minutes.ndjson"
encoding = "json"
[sinks.late]
type = "file"
inputs = ["minutes.late"]
path = "late.ndjson"
encoding = "json"
"""

KEYS = """[pipeline]
name = "keys"
plugins = ["std", "files", "iot", "windows"]
dead_letter = "rejected.ndjson"
parallelism = 2
state_limit = "1GiB"
[sources.rows]
type = "generate"
dataset = "sensors"
rows = 1000000
[transforms.keyed]
type = "compute"
inputs = ["rows"]
fields = { key = "timestamp", reading = "1.0" }
[transforms.judged]
type = "detect_anomaly"
inputs = ["keyed"]
key = ["key"]
value = "reading"
method = "threshold"
max = 2.0
max_keys = 100000
[sinks.out]
type = "discard"
inputs = ["judged"]
"""


def at(seconds):
    return (BEGIN + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class BadReadingsTest(FlowCase):
    def test_each_bad_reading_has_its_reason(self):
        good = [{"device": f"d{n % 3}", "time": at(n), "value": n % 7, "scale": 1} for n in range(600)]
        bad = [
            ({"device": "d0", "time": "1970-01-01T00:00:07Z", "value": 1, "scale": 1}, "past"),
            ({"device": "d0", "time": "2100-01-01T00:00:00Z", "value": 1, "scale": 1}, "future"),
            ({"device": "d0", "time": "soon", "value": 1, "scale": 1}, "bad_type"),
            ({"device": "d0", "value": 1, "scale": 1}, "no_time"),
            ({"device": "d0", "time": at(300), "value": "NaN", "scale": 1}, "bad_type"),
            # What a division by zero makes is null, as NaN and infinities are in JSON.
            ({"device": "d0", "time": at(300), "value": 0, "scale": 0}, "required"),
            ({"device": "d1", "time": at(300), "value": 1, "scale": 0}, "required"),
            ({"device": "d1", "time": at(300), "value": -1, "scale": 0}, "required"),
            ({"device": None, "time": at(300), "value": 1, "scale": 1}, "no_key"),
        ]
        duplicates = good[290:294]
        swapped = [dict(row) for row in good]
        swapped[100], swapped[102] = swapped[102], swapped[100]  # within the lateness
        late = [{"device": "d2", "time": at(30), "value": 3.5, "scale": 1}]  # a clock that jumps back, or a reading held up
        readings = swapped[:301] + [row for row, _ in bad] + duplicates + late + swapped[301:]
        self.write_rows("readings.ndjson", readings)
        self.write("flow.toml", FLOW)
        ledger, _ = self.run_accounted()
        reasons = collections.Counter(letter["reason"] for letter in self.rows("rejected.ndjson"))
        self.assertEqual(reasons, collections.Counter(reason for _, reason in bad))
        self.assertTrue(all(letter["message"] for letter in self.rows("rejected.ndjson")))
        self.assertEqual(ledger["first"]["dropped"], len(duplicates))
        self.assertEqual(len(self.rows("judged.ndjson")), len(good) + len(late))
        self.assertEqual([row["value"] for row in self.rows("late.ndjson")], [3.5])
        minutes = self.rows("minutes.ndjson")
        self.assertEqual(sum(row["readings"] for row in minutes), len(good))
        self.assertEqual(len(minutes), 3 * 10)
        self.assertTrue(all(row["readings"] == 20 for row in minutes))

    def test_a_million_new_keys_are_bounded_and_the_oldest_go(self):
        self.write("flow.toml", KEYS)
        ledger, text = self.run_accounted()
        self.assertEqual(ledger["judged"]["in"], 1_000_000)
        self.assertEqual(ledger["judged"]["passed"], 1_000_000)
        self.assertIn("max_keys", text)  # that series are forgotten is said

    def test_a_million_new_keys_can_fail_instead(self):
        self.write("flow.toml", KEYS.replace("max_keys = 100000", 'max_keys = 100000\nwhen_full = "fail"')
                   .replace('dead_letter = "rejected.ndjson"', 'on_error = "drop"'))
        ledger, _ = self.run_accounted()
        self.assertEqual(ledger["judged"]["in"], 1_000_000)
        # A group has a share of max_keys, and every group has come to its end.
        self.assertLessEqual(ledger["judged"]["passed"], 128 * (100_000 // 128 + 1))
        self.assertEqual(ledger["judged"]["passed"] + ledger["judged"]["failed"], 1_000_000)


if __name__ == "__main__":
    unittest.main()
