"""detect_anomaly and evaluate against the reference implementations, on the Numenta Anomaly Benchmark.

Skipped where there is no folder FLOWRUN_SHARED_DIR with reference/detectors.py and data/nab.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SHARED = os.environ.get("FLOWRUN_SHARED_DIR", "")
REFERENCE = os.path.join(SHARED, "reference")
WINDOWS = os.path.join(SHARED, "data", "nab", "windows.json")
BINARY = os.environ["FLOWRUN_BINARY"]
PLUGINS = os.environ["FLOWRUN_PLUGIN_DIR"]
if not SHARED or not os.path.exists(WINDOWS) or not os.path.exists(REFERENCE):
    print("skipped: FLOWRUN_SHARED_DIR names no folder with reference/ and data/nab/")
    sys.exit(77)
sys.path.insert(0, REFERENCE)
sys.dont_write_bytecode = True
import detectors  # noqa: E402

# Settings of detect_anomaly, the reference's name, and its NAB scores (standard, low FP, low FN).
METHODS = {
    "range_quad": ("", "range-quad", (64.58, 59.48, 69.02)),
    "range": ("", "range", (51.00, 48.05, 54.00)),
    "range relaxed": ("relax = 0.0001", "range-relax", (51.94, 45.99, 55.23)),
    "ewma": ("", "ewma-z", (30.18, 19.60, 35.35)),
    "gaussian": ("", "wingauss", (24.29, 15.64, 31.54)),
}
PIPELINE = """
[pipeline]
name = "nab"
plugins = ["std", "files", "iot"]
on_error = "stop"

[sources.readings]
type = "file"
path = "{folder}/nab.ndjson"
decoding = {{ type = "json", schema = {{ series = "text", time = "timestamp", value = "float" }} }}

[transforms.detected]
type = "detect_anomaly"
inputs = ["readings"]
key = ["series"]
time = "time"
method = "{method}"
{more}

[sinks.scores]
type = "file"
inputs = ["detected"]
path = "{folder}/scores.ndjson"
encoding = "json"
"""


class NabReferenceTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        with open(WINDOWS, encoding="utf-8") as file:
            names = list(json.load(file))
        cls.series = {name: detectors.read(os.path.join(SHARED, "data", "nab", "data", name))
                      for name in names}
        with open(os.path.join(cls.folder, "nab.ndjson"), "w", encoding="utf-8") as file:
            for name, (texts, _, values) in cls.series.items():
                for text, value in zip(texts, values):
                    time = text[:10] + "T" + text[11:19] + "Z"
                    file.write('{"series":"%s","time":"%s","value":%r}\n' % (name, time, value))

    def run_flowrun(self, *words):
        return subprocess.run([BINARY, *words, "--plugin-path", PLUGINS], cwd=self.folder,
                              check=True, capture_output=True, text=True).stdout

    def write_pipeline(self, name):
        more, _, _ = METHODS[name]
        path = os.path.join(self.folder, "nab.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(PIPELINE.format(folder=self.folder, method=name.split()[0], more=more))
        return path

    def test_scores_are_those_of_the_reference(self):
        for name, (_, reference, _) in METHODS.items():
            with self.subTest(name):
                scores = os.path.join(self.folder, "scores.ndjson")
                if os.path.exists(scores):
                    os.remove(scores)
                self.run_flowrun("run", self.write_pipeline(name), "--admin", "off", "--quiet")
                got = {series: [] for series in self.series}
                with open(scores, encoding="utf-8") as file:
                    for line in file:
                        row = json.loads(line)
                        got[row["series"]].append(row["score"])
                for series, (_, times, values) in self.series.items():
                    update = detectors.DETECTORS[reference]().update
                    self.assertEqual(len(got[series]), len(values))
                    for number, (time, value) in enumerate(zip(times, values)):
                        self.assertAlmostEqual(got[series][number], update(time, value), delta=1e-9,
                                               msg="%s, reading %d" % (series, number))

    def test_nab_scores_are_those_of_the_reference(self):
        for name, (_, _, expected) in METHODS.items():
            with self.subTest(name):
                told = json.loads(self.run_flowrun("eval", self.write_pipeline(name), "--labels",
                                                   WINDOWS, "--json"))[0]
                self.assertEqual(told["incidents"], 55)
                self.assertEqual(told["unlabelled_series"], 0)
                for figure, value in zip(("nab_standard", "nab_low_fp", "nab_low_fn"), expected):
                    self.assertAlmostEqual(told[figure], value, delta=0.01, msg=figure)


if __name__ == "__main__":
    # The reference leaves its files open.
    unittest.main(warnings="ignore")
