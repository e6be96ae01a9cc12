"""flowrun eval: detections against labels, for one or several settings."""

import json
import os
import unittest

from command import CommandTest

PIPELINE = """
    [pipeline]
    plugins = ["std", "files", "iot"]
    [parameters]
    limit = 30.0
    [sources.readings]
    type = "file"
    path = "readings.ndjson"
    decoding = { type = "json", schema = { series = "text", time = "timestamp", value = "float" } }
    [transforms.detected]
    type = "detect_anomaly"
    inputs = ["readings"]
    key = ["series"]
    time = "time"
    method = "threshold"
    max = "${parameters.limit}"
    [sinks.all]
    type = "file"
    path = "all.ndjson"
    inputs = ["detected"]
    """
LABELS = "series,start,end,kind\na,2025-01-01T00:02:00Z,2025-01-01T00:02:09Z,spike\n"


class EvalTest(CommandTest):

    def setUp(self):
        super().setUp()
        self.write("p.toml", PIPELINE)
        self.write("labels.csv", LABELS)
        with open(os.path.join(self.work, "readings.ndjson"), "w", encoding="utf-8") as file:
            for second in range(240):
                value = 50 if 124 <= second < 130 else 25 if second == 200 else 10
                file.write(json.dumps({"series": "a", "value": value, "time":
                                       "2025-01-01T00:%02d:%02dZ" % divmod(second, 60)}) + "\n")

    def figures(self, *words):
        return json.loads(self.expect(0, "eval", "p.toml", "--labels", "labels.csv", "--grace", "1s",
                                      "--json", *words).stdout)

    def test_one_setting_gives_one_line_and_nothing_is_written(self):
        before = sorted(os.listdir(self.work))
        result = self.expect(0, "eval", "p.toml", "--labels", "labels.csv")
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[0].split()[:4], ["setting", "incidents", "found", "recall"])
        self.assertTrue(lines[1].startswith("as in the file"))
        self.assertIn("100.0 %", lines[1])
        self.assertEqual(sorted(os.listdir(self.work)), before)

    def test_each_value_gives_a_line(self):
        runs = self.figures("--set", "limit=20,30,60")
        self.assertEqual([run["settings"]["limit"] for run in runs], ["20", "30", "60"])
        self.assertEqual([run["incidents_found"] for run in runs], [1, 1, 0])
        self.assertEqual([run["false_alarms"] for run in runs], [1, 0, 0])
        self.assertEqual(runs[1]["delay_median_seconds"], 4)
        self.assertEqual(runs[1]["precision"], 1)
        self.assertNotIn("precision", runs[2])
        self.assertGreater(runs[1]["nab_standard"], 50)

    def test_rows_that_fail_are_told(self):
        self.write("q.toml", PIPELINE.replace('inputs = ["readings"]', 'inputs = ["checked"]').replace("[sinks.all]", """\
    [transforms.checked]
    type = "validate"
    inputs = ["readings"]
    schema = { value = { min = 20.0 } }
    [sinks.all]"""))
        result = self.expect(0, "eval", "q.toml", "--labels", "labels.csv")
        self.assertIn("233 rows failed in 'checked' as min", result.stderr)
        self.assertEqual(self.expect(0, "eval", "p.toml", "--labels", "labels.csv").stderr, "")

    def test_mistakes_are_told(self):
        result = self.expect(78, "eval", "p.toml", "--component", "detectd")
        self.assertIn("did you mean 'detected'?", result.stderr)
        self.write("none.toml", PIPELINE.replace("detect_anomaly", "keep"))
        result = self.expect(78, "eval", "none.toml")
        self.assertIn("no component has a type that can be judged: detect_anomaly or recommend", result.stderr)
        result = self.expect(69, "eval", "p.toml", "--labels", "nowhere.csv")
        self.assertIn("nowhere.csv", result.stderr)
        self.expect(64, "eval", "p.toml", "--set", "limit")


if __name__ == "__main__":
    unittest.main()
