"""What users begin with is right: the example on every operator's reference page, put into a pipeline file, and the
pipelines that are shipped."""

import glob
import json
import os
import tomllib
import unittest

from command import SOURCES, CommandTest


class ExamplesTest(CommandTest):

    def operators(self):
        for operator in json.loads(self.expect(0, "inspect", "--json").stdout)["operators"]:
            [page] = json.loads(self.expect(0, "inspect", operator["name"], "--kind",
                                            operator["kind"], "--json").stdout)
            yield page

    def pipeline(self, page):
        """A file with the example in it, a source for each component that it reads, and a sink."""
        plugins = sorted({"std", "files", os.path.basename(page["plugin"]["file"])[:-3]})
        text = f'[pipeline]\nplugins = {json.dumps(plugins)}\non_error = "stop"\n'
        kind, example = page["kind"], page["example_toml"]
        read, tables = [], tomllib.loads(example)
        if kind == "codec":
            text += '[sources.read]\ntype = "stdin"\n'
            if "decodes" in page["traits"]:
                text += "[sources.read.decoding]\n" + example
            text += '[sinks.written]\ntype = "stdout"\ninputs = ["read"]\n'
            if "encodes" in page["traits"]:
                text += "[sinks.written.encoding]\n" + example
            return text
        inputs = tables.get("inputs", [])
        names = inputs if isinstance(inputs, list) else sum(inputs.values(), [])  # or by port
        for name in sorted({name.split(".")[0] for name in names}):
            # Objects of any fields: it is not known before a run which ones there are.
            text += f'[sources.{name}]\ntype = "file"\npath = "in.ndjson"\ndecoding = "json"\n'
        text += f"[{kind}s.shown]\n" + example
        for port in page["outputs"]:
            names = tables[port["key_option"]] if "key_option" in port else [port["name"]]
            read += [f"shown.{name}" for name in names if name != "errors"]
        if kind != "sink":
            text += f'[sinks.written]\ntype = "discard"\ninputs = {json.dumps(read)}\n'
        return text

    def test_every_example_makes_a_valid_pipeline(self):
        seen = set()
        for page in self.operators():
            with self.subTest(operator=f"{page['kind']} {page['name']}"):
                text = self.pipeline(page)
                with open(self.path("p.toml"), "w", encoding="utf-8") as file:
                    file.write(text)
                result = self.flowrun("validate", "p.toml", "--no-environment")
                self.assertEqual(result.returncode, 0, result.stderr + text)
            seen.add(page["kind"])
        self.assertLessEqual({"source", "transform", "sink", "codec"}, seen)

    def test_a_spoiled_example_does_not(self):
        for page in self.operators():
            text = self.pipeline(page).replace(page["example_toml"],
                                               "no_such_option = 1\n" + page["example_toml"])
            with open(self.path("p.toml"), "w", encoding="utf-8") as file:
                file.write(text)
            result = self.flowrun("validate", "p.toml", "--no-environment")
            self.assertEqual(result.returncode, 78, text)
            self.assertIn("no_such_option", result.stderr)

    def test_every_shipped_pipeline_is_valid(self):
        files = sorted(glob.glob(os.path.join(SOURCES, "pipelines", "*.toml")))
        self.assertGreater(len(files), 5)
        for file in files:
            with self.subTest(file=file):
                self.expect(0, "validate", "--strict", "--no-environment", file)


if __name__ == "__main__":
    unittest.main(verbosity=2)
