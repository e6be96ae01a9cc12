"""recommend against the reference implementation, list by list, on the clicks of Serenade.

Skipped where there is no reference/recsys.py and data/serenade in FLOWRUN_SHARED_DIR, or in ../shared.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["FLOWRUN_SOURCE_DIR"]
SHARED = os.environ.get("FLOWRUN_SHARED_DIR") or os.path.join(SOURCE, "..", "shared")
REFERENCE = os.path.join(SHARED, "reference")
CLICKS = os.path.join(SHARED, "data", "serenade")
BINARY = os.environ["FLOWRUN_BINARY"]
PLUGINS = os.environ["FLOWRUN_PLUGIN_DIR"]
if not os.path.exists(os.path.join(CLICKS, "train.txt")) or not os.path.exists(os.path.join(REFERENCE, "recsys.py")):
    print("skipped: no reference/recsys.py and data/serenade in " + SHARED)
    sys.exit(77)
sys.path.insert(0, REFERENCE)
sys.dont_write_bytecode = True
import recsys  # noqa: E402

PIPELINE = """
[pipeline]
name = "serenade"
plugins = ["std", "files", "shop"]
on_error = "stop"

[sources.clicks]
type = "file"
path = "{folder}/clicks.ndjson"
decoding = {{ type = "json", schema = {{ session = "int", item = "int" }} }}

[transforms.recommended]
type = "recommend"
inputs = ["clicks"]
model = "sr"

[sinks.lists]
type = "file"
inputs = ["recommended"]
path = "{folder}/lists.ndjson"
encoding = "json"
"""


class RecommendReferenceTest(unittest.TestCase):

    def test_every_list_and_rank_of_sequential_rules_is_that_of_the_reference(self):
        rows = recsys.load(os.path.join(CLICKS, "train.txt")) + recsys.load(os.path.join(CLICKS, "test.txt"))
        rows.sort(key=lambda row: row[2])
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "clicks.ndjson"), "w", encoding="utf-8") as file:
                for session, item, _ in rows:
                    file.write('{"session":%d,"item":%d}\n' % (session, item))
            pipeline = os.path.join(folder, "serenade.toml")
            with open(pipeline, "w", encoding="utf-8") as file:
                file.write(PIPELINE.format(folder=folder))
            subprocess.run([BINARY, "run", pipeline, "--admin", "off", "--quiet", "--plugin-path", PLUGINS],
                           cwd=folder, check=True)
            with open(os.path.join(folder, "lists.ndjson"), encoding="utf-8") as file:
                answers = [json.loads(line) for line in file]
        self.assertEqual(len(answers), len(rows))
        model, sessions, tested, hits = recsys.SR(), {}, 0, 0
        for number, ((session, item, time), answer) in enumerate(zip(rows, answers)):
            before = sessions.setdefault(session, [])
            tested += answer["predicted"]
            hits += "rank" in answer
            model.learn(before, item, time, session)
            before.append(item)
            expected = model.predict(before, time, session)
            got = [one["item"] for one in answer.get("recommendations", [])]
            self.assertEqual(got, expected, "after click %d" % number)
        self.assertEqual((tested, hits), (90779, 37000))


if __name__ == "__main__":
    unittest.main()
