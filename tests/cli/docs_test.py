"""flowrun docs: the pages that are committed are those it writes, and they do what they are for."""

import glob
import json
import os
import re
import subprocess
import tomllib
import unittest

import jsonschema

from command import BINARY, SOURCES, CommandTest

COMPLETION = os.path.join(SOURCES, "docs", "completion", "flowrun")
MAN_PAGE = os.path.join(SOURCES, "docs", "man", "flowrun.1")
SCHEMA = os.path.join(SOURCES, "docs", "pipeline.schema.json")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class GeneratedTest(CommandTest):

    def test_the_committed_pages_are_not_stale(self):
        result = self.flowrun("docs", "--check", "--directory", SOURCES)
        self.assertEqual(result.returncode, 0,
                         result.stdout + result.stderr +
                         "\nRun 'build/flowrun docs' in the repository and commit what it writes.")

    def test_check_names_what_is_stale_and_writes_nothing(self):
        self.expect(0, "docs")
        pages = sorted(glob.glob("**/*", root_dir=self.work, recursive=True))
        self.assertIn("plugins/std/REFERENCE.md", pages)
        self.expect(0, "docs", "--check")
        self.assertEqual(self.expect(0, "docs").stdout, "")
        os.remove(self.path("docs/man/flowrun.1"))
        with open(self.path("docs/reference/README.md"), "a", encoding="utf-8") as page:
            page.write("more\n")
        os.mkdir(self.path("plugins/gone"))
        self.write("plugins/gone/REFERENCE.md", "")
        result = self.expect(1, "docs", "--check")
        self.assertEqual(result.stdout.count("\n"), 3, result.stdout)
        self.assertIn("docs/reference/README.md: is stale", result.stdout)
        self.assertIn("docs/man/flowrun.1: cannot be opened", result.stdout)
        self.assertIn("plugins/gone/REFERENCE.md: there is no such plugin", result.stdout)
        self.assertIn("'flowrun docs'", result.stderr)
        self.assertFalse(os.path.exists(self.path("docs/man/flowrun.1")))

    def test_every_operator_and_option_has_its_place_in_a_reference_page(self):
        listed = json.loads(self.expect(0, "inspect", "--json").stdout)
        index = text_of(os.path.join(SOURCES, "docs", "reference", "README.md"))
        pages = ""
        for file in glob.glob(os.path.join(SOURCES, "plugins", "*", "REFERENCE.md")):
            pages += text_of(file)
        for operator in listed["operators"]:
            anchor = f"#{operator['kind']}-{operator['name']})"
            self.assertIn(anchor, index)
            self.assertIn(anchor, pages)
            self.assertIn(f"\n## {operator['kind']} `{operator['name']}`\n", pages)

    def test_every_operator_is_measured_in_bench(self):
        page = text_of(os.path.join(SOURCES, "bench", "README.md"))
        listed = json.loads(self.expect(0, "inspect", "--json").stdout)
        missing = [f"{operator['kind']} {operator['name']}" for operator in listed["operators"]
                   if f"`{operator['name']}`" not in page]
        self.assertEqual(missing, [], "say in bench/README.md which program measures them")
        cases = subprocess.run([os.path.join(SOURCES, "bench", "run"), "--list"], text=True,
                               timeout=60, capture_output=True, check=True).stdout
        named = set(re.findall(r"^\| `([a-z-]+)` \|", page.split("## The yardstick")[0], re.M))
        self.assertEqual(named, {line.split()[0] for line in cases.splitlines()})

    def test_links_of_the_index_lead_somewhere(self):
        folder = os.path.join(SOURCES, "docs", "reference")
        for name in ("README.md", "pipeline.md"):
            for target in re.findall(r"\]\(([^)#]+)", text_of(os.path.join(folder, name))):
                self.assertTrue(os.path.exists(os.path.join(folder, target)), target)


class SchemaTest(CommandTest):

    def setUp(self):
        super().setUp()
        self.schema = json.loads(text_of(SCHEMA))
        self.validator = jsonschema.Draft7Validator(self.schema)

    def errors(self, text):
        return [error.message for error in self.validator.iter_errors(tomllib.loads(text))]

    def test_the_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_shipped_pipelines_and_templates_are_valid(self):
        files = glob.glob(os.path.join(SOURCES, "pipelines", "*.toml"))
        self.assertTrue(files)
        texts = [text_of(file) for file in files]
        for line in self.expect(0, "new", "pipeline", "--list").stdout.splitlines():
            name = line.split()[0]
            self.expect(0, "new", "pipeline", name, "--template", name)
            texts.append(self.read(name + ".toml"))
        for text in texts:
            self.assertEqual(self.errors(text), [], text)

    def test_the_example_of_every_operator_is_valid(self):
        listed = json.loads(self.expect(0, "inspect", "--json").stdout)
        for operator in listed["operators"]:
            kind, name = operator["kind"], operator["name"]
            [page] = json.loads(self.expect(0, "inspect", name, "--kind", kind, "--json").stdout)
            example = tomllib.loads(page["example_toml"])
            checked = {"definitions": self.schema["definitions"],
                       "$ref": f"#/definitions/{kind}.{name}"}
            found = [error.message
                     for error in jsonschema.Draft7Validator(checked).iter_errors(example)]
            self.assertEqual(found, [], f"{kind} {name}")

    def test_mistakes_are_found(self):
        good = ('[pipeline]\nparallelism = 2\n[sources.a]\ntype = "generate"\nrows = 5\n'
                '[sinks.z]\ntype = "stdout"\ninputs = ["a"]\nencoding = { type = "json" }\n')
        self.assertEqual(self.errors(good), [])
        for before, after in (("parallelism = 2", "parallelism = -1"), ("rows = 5", "rows = 'x'"),
                              ("rows = 5", "row = 5"), ('"generate"', '"generat"'),
                              ('inputs = ["a"]\n', ""), ('["a"]', '["a b"]'),
                              ('{ type = "json" }', '{ type = "json", null = 1 }'),
                              ("[sinks.z]", "[sink.z]"), ("[sinks.z]", "[sinks.\"1 z\"]")):
            with self.subTest(after):
                self.assertNotEqual(self.errors(good.replace(before, after)), [])

    def test_parameters_may_stand_for_any_value(self):
        self.assertEqual(self.errors(
            'include = ["common.toml"]\n[parameters]\nrows = { type = "int", default = 5 }\nx = 1\n'
            '[pipeline]\nparallelism = "${parameters.x}"\n[sources.a]\ntype = "generate"\n'
            'rows = "${parameters.rows}"\ndataset = "${DATASET:-sensors}"\n'), [])
        self.assertNotEqual(self.errors("[parameters]\nrows = { typ = 'int' }\n"), [])


class CompletionTest(CommandTest):

    def complete(self, *words):
        """What is offered for the last word."""
        script = (f'source "{COMPLETION}"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  'compopt() { :; }; _flowrun; printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(["bash", "-c", script, "bash", "--", BINARY, *words],
                                cwd=self.work, text=True, timeout=60, capture_output=True,
                                check=True)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_commands_come_first(self):
        self.assertIn("validate", self.complete("v"))
        self.assertEqual(self.complete("ins"), ["inspect"])
        self.assertEqual(sorted(self.complete("new", "")), ["--help", "pipeline", "plugin"])

    def test_options_and_their_words(self):
        self.assertIn("--physical", self.complete("graph", "--"))
        self.assertEqual(self.complete("graph", "--format", "d"), ["dot"])
        self.assertEqual(self.complete("new", "pipeline", "--template", "web"), ["weblogs"])
        self.assertEqual(self.complete("new", "pipeline", "x", "--li"), ["--list"])

    def test_pipeline_files_and_folders(self):
        self.write("zone.toml", "")
        self.write("zone.txt", "")
        os.mkdir(self.path("zones"))
        self.assertEqual(sorted(self.complete("run", "zo")), ["zone.toml", "zones"])
        self.assertEqual(sorted(self.complete("zo")), ["zone.toml", "zones"])
        self.assertEqual(self.complete("run", "--plugin-path", "zo"), ["zones"])
        self.assertIn("--set", self.complete("zone.toml", "--s"))

    def test_operators_behind_inspect(self):
        self.assertEqual(self.complete("inspect", "geo"), ["geoip"])
        self.assertIn("pipeline", self.complete("inspect", ""))


class ManPageTest(CommandTest):

    def test_it_has_every_command_and_option(self):
        text = text_of(MAN_PAGE).replace("\\-", "-")
        for command in ("run", "validate", "graph", "inspect", "tap", "bench", "new pipeline",
                        "new plugin", "fmt", "docs"):
            self.assertIn(f".SS flowrun {command}", text)
            for option in re.findall(r"(?m)^  (?:-\w,)?(--[\w-]+)",
                                     self.expect(0, *command.split(), "--help").stdout):
                self.assertIn(option, text)

    def test_it_is_sound(self):
        result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", MAN_PAGE], text=True,
                                capture_output=True, check=True, timeout=60)
        self.assertEqual(result.stderr, "")


if __name__ == "__main__":
    unittest.main()
