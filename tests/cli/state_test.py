"""flowrun state export and import: a model that was learned in one pipeline goes on in another."""

import json
import os
import unittest

from command import SOURCES, CommandTest

CLICKS = os.path.join(SOURCES, "tests", "operators", "recommend_clicks", "clicks.tsv")
TRAINED = 1000
PIPELINE = """
    [pipeline]
    plugins = ["std", "files", "shop"]
    on_error = "stop"
    checkpoint = {{ path = "state/{name}", interval = "1h" }}
    [sources.clicks]
    type = "file"
    path = "{name}.ndjson"
    decoding = {{ type = "json", schema = {{ session = "int", item = "int" }} }}
    [transforms.recommended]
    type = "recommend"
    inputs = ["clicks"]
    [transforms.few]
    type = "keep"
    inputs = ["recommended"]
    fields = ["session", "item", "rank", "recommendations", "recommended_before"]
    [sinks.out]
    type = "file"
    inputs = ["few"]
    path = "{name}.out.ndjson"
    encoding = "json"
    """


class StateMovesTest(CommandTest):

    def setUp(self):
        super().setUp()
        with open(CLICKS, encoding="utf-8") as file:
            clicks = [line.split() for line in file]
        rows = [json.dumps({"session": int(session), "item": int(item)}) + "\n"
                for session, item, _ in clicks]
        for name, part in (("all", rows), ("first", rows[:TRAINED]), ("rest", rows[TRAINED:])):
            self.write(name + ".toml", PIPELINE.format(name=name))
            self.write(name + ".ndjson", "".join(part))

    def run_pipeline(self, name):
        self.expect(0, "run", name + ".toml", "--admin", "off", "--quiet")
        return self.read(name + ".out.ndjson").splitlines()

    def test_an_imported_model_goes_on_as_if_it_had_learned_there(self):
        everything = self.run_pipeline("all")
        self.assertEqual(self.run_pipeline("first"), everything[:TRAINED])
        told = self.expect(0, "state", "export", "state/first", "recommended", "model").stdout
        self.assertIn("exported the state of 'recommended' (recommend, ", told)
        shown = self.expect(0, "state", "show", "model").stdout
        self.assertIn("recommended", shown)
        self.assertNotIn("clicks:", shown)
        self.expect(0, "state", "import", "state/rest", "recommended", "model")
        self.assertEqual(self.run_pipeline("rest"), everything[TRAINED:])

    def test_import_leaves_everything_else_as_it_was(self):
        self.run_pipeline("first")
        self.run_pipeline("rest")
        before = self.expect(0, "state", "show", "state/rest").stdout
        self.expect(0, "state", "import", "state/rest", "recommended", "state/first")
        after = self.expect(0, "state", "show", "state/rest").stdout
        positions = [line for line in before.splitlines() if "source/clicks" in line]
        self.assertTrue(positions)
        self.assertEqual(positions, [line for line in after.splitlines() if "source/clicks" in line])
        # Nothing is read again: the file has been read.
        self.assertEqual(len(self.run_pipeline("rest")), 406)

    def test_what_cannot_be_moved_is_refused_in_words(self):
        self.run_pipeline("first")
        for code, arguments, words in (
                (64, ("export", "state/first", "clicks", "model"), "is a source"),
                (64, ("export", "state/first", "out", "model"), "is a sink"),
                (64, ("export", "state/first", "nobody", "model"), "has no component 'nobody'"),
                (64, ("export", "state/first", "recommended", "state"), "not empty"),
                (69, ("export", "state/first", "few", "model"), "has no state"),
                (69, ("export", "state/nowhere", "recommended", "model"), "does not exist"),
                (69, ("import", "state/first", "recommended", "nowhere"), "does not exist")):
            with self.subTest(words):
                result = self.expect(code, "state", *arguments)
                self.assertIn(words, result.stderr)
                self.assertFalse(os.path.exists(os.path.join(self.work, "model")))
        self.expect(0, "state", "export", "state/first", "recommended", "model")
        result = self.expect(64, "state", "import", "state/first", "few", "model")
        self.assertIn("is of the type keep", result.stderr)


if __name__ == "__main__":
    unittest.main()
