"""include, [parameters] with --set, flowrun fmt and flowrun new pipeline."""

import json
import os
import stat
import subprocess
import unittest

from command import BINARY, SOURCES, CommandTest

MADE_UP = """\
    [pipeline]
    plugins = ["std"]
    on_error = "stop"

    [parameters]
    rows = { type = "int", default = 5, min = 1, max = 100, doc = "how many" }

    [sources.readings]
    type = "generate"
    dataset = "sensors"
    rows = "${parameters.rows}"
    """
TERMINAL = """\
    [sinks.terminal]
    type = "stdout"
    inputs = ["readings"]
    """


class ParametersTest(CommandTest):

    def setUp(self):
        super().setUp()
        self.write("common.toml", MADE_UP)
        self.write("p.toml", 'include = ["common.toml"]\n' + TERMINAL.replace("    ", ""))

    def rows(self, *arguments):
        return len(self.expect(0, "p.toml", "--admin", "off", *arguments).stdout.splitlines())

    def test_runs_take_the_default_or_what_set_says(self):
        self.assertEqual(self.rows(), 5)
        self.assertEqual(self.rows("--set", "rows=7"), 7)
        self.assertEqual(self.rows("--set=rows=7", "--set", "rows=8"), 8)

    def test_graph_and_validate_take_them_too(self):
        self.assertIn("rows = 9", self.expect(0, "graph", "p.toml", "--set", "rows=9").stdout)
        self.expect(0, "validate", "p.toml", "--set", "rows=9")
        self.assertIn("--set rows=0: parameters.rows: must be between 1 and 100, and is 0",
                      self.expect(78, "validate", "p.toml", "--set", "rows=0").stderr)

    def test_wrong_settings_are_told_with_the_nearest_name(self):
        self.assertIn("there is no parameter 'row' (did you mean 'rows'?)",
                      self.expect(78, "p.toml", "--set", "row=7").stderr)
        self.assertIn("NAME=VALUE", self.expect(64, "p.toml", "--set", "rows").stderr)

    def test_a_parameter_without_a_value_is_told_with_its_doc(self):
        self.write("common.toml", MADE_UP.replace("default = 5, ", ""))
        text = self.expect(78, "p.toml").stderr
        self.assertIn("common.toml:6:1: parameters: nothing gives a value to 'rows' (how many)", text)
        self.assertIn("--set rows=VALUE", text)
        self.assertEqual(self.rows("--set", "rows=3"), 3)

    def test_errors_in_an_included_file_are_told_there(self):
        self.write("common.toml", MADE_UP.replace('"sensors"', '"sensor"'))
        text = self.expect(78, "validate", "p.toml").stderr
        self.assertRegex(text, r"common\.toml:10:\d+: sources\.readings\.dataset")

    def test_a_file_that_is_missing_is_told_at_its_name(self):
        os.remove(self.path("common.toml"))
        self.assertIn("p.toml:1:12: include: 'common.toml' cannot be opened",
                      self.expect(78, "p.toml").stderr)


class FormatTest(CommandTest):
    UGLY = "[sources.a]   # c\ntype='file'\n\n\n\npath   = [\"x\" ,'y']\n"
    GOOD = "[sources.a]  # c\ntype = 'file'\n\npath = [\"x\", 'y']\n"

    def test_files_are_written_anew_and_named(self):
        self.write("p.toml", self.UGLY)
        self.write("q.toml", self.GOOD)
        os.chmod(self.path("p.toml"), 0o640)
        self.assertEqual(self.expect(0, "fmt", "p.toml", "q.toml").stdout, "p.toml\n")
        self.assertEqual(self.read("p.toml"), self.GOOD)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("p.toml")).st_mode), 0o640)
        self.assertEqual(self.expect(0, "fmt", "p.toml", "q.toml").stdout, "")
        self.assertEqual(sorted(os.listdir(self.work)), ["p.toml", "q.toml"])

    def test_check_names_what_would_change_and_writes_nothing(self):
        self.write("p.toml", self.UGLY)
        result = self.expect(1, "fmt", "--check", "p.toml")
        self.assertIn("p.toml:1: ", result.stdout)
        self.assertEqual(self.read("p.toml"), self.UGLY)
        self.write("p.toml", self.GOOD)
        self.assertEqual(self.expect(0, "fmt", "--check", "p.toml").stdout, "")

    def test_a_link_stays_a_link(self):
        self.write("p.toml", self.UGLY)
        os.symlink("p.toml", self.path("link.toml"))
        self.expect(0, "fmt", "link.toml")
        self.assertTrue(os.path.islink(self.path("link.toml")))
        self.assertEqual(self.read("p.toml"), self.GOOD)

    def test_standard_input_goes_to_standard_output(self):
        result = subprocess.run([BINARY, "fmt", "-"], input=self.UGLY, text=True, timeout=60,
                                capture_output=True, check=True)
        self.assertEqual(result.stdout, self.GOOD)

    def test_what_is_no_toml_is_left_alone_and_the_rest_formatted(self):
        self.write("bad.toml", "[sources.a\n")
        self.write("p.toml", self.UGLY)
        self.assertIn("bad.toml:1:", self.expect(78, "fmt", "bad.toml", "p.toml").stderr)
        self.assertEqual(self.read("bad.toml"), "[sources.a\n")
        self.assertEqual(self.read("p.toml"), self.GOOD)
        self.assertIn("no.toml", self.expect(69, "fmt", "no.toml").stderr)


class NewPipelineTest(CommandTest):
    """Every template is made, laid out, valid, and does what it says."""

    ACCESS_LOG = os.path.join(SOURCES, "pipelines", "weblogs", "access.log")

    def make(self, template):
        self.assertIn("p.toml", self.expect(0, "new", "pipeline", "p", "--template", template).stdout)
        self.assertNotIn("@", self.read("p.toml"))
        self.expect(0, "fmt", "--check", "p.toml")
        self.expect(0, "validate", "p.toml", "--no-environment")

    def run_to_file(self, template, *settings):
        """The documents that it writes with these settings."""
        self.make(template)
        words = [word for setting in settings for word in ("--set", setting)]
        self.expect(0, "p.toml", "--admin", "off", "--set", "output=out.ndjson", *words)
        return [json.loads(line) for line in self.read("out.ndjson").splitlines()]

    def test_every_template_is_listed_and_tested(self):
        listed = [line.split()[0]
                  for line in self.expect(0, "new", "pipeline", "--list").stdout.splitlines()]
        tested = [name.removeprefix("test_template_").replace("_", "-")
                  for name in dir(self) if name.startswith("test_template_")]
        self.assertEqual(sorted(listed), sorted(tested))

    def test_template_made_up(self):
        self.make("made-up")
        lines = self.expect(0, "p.toml", "--admin", "off", "--set", "rows=1000").stdout.splitlines()
        self.assertTrue(0 < len(lines) < 1000)
        self.assertTrue(all(json.loads(line)["temperature"] >= 25 for line in lines))

    def test_template_files_to_json(self):
        self.write("a.log", "one\ntwo\n")
        self.assertEqual(self.run_to_file("files-to-json", "input=a.log"),
                         [{"message": "one"}, {"message": "two"}])

    def test_template_json_filter(self):
        self.write("a.ndjson", '{"level":"error","message":"x","more":1}\n'
                               '{"level":"info","message":"y"}\n{bad\n')
        self.assertEqual(self.run_to_file("json-filter", "input=a.ndjson"),
                         [{"level": "error", "message": "x"}])
        self.assertIn("bad_json", self.read("out/p.rejected.ndjson"))

    def test_template_csv_to_json(self):
        self.write("a.csv", 'id;name\n1;"a ; b"\n2;c\n')
        self.assertEqual(self.run_to_file("csv-to-json", "input=a.csv", "delimiter=;"),
                         [{"id": "1", "name": "a ; b"}, {"id": "2", "name": "c"}])

    def test_template_weblogs(self):
        documents = self.run_to_file("weblogs", "input=" + self.ACCESS_LOG)
        self.assertGreater(len(documents), 1000)
        self.assertIn("browser", documents[0])
        self.assertIn("webpage", documents[0])

    def test_template_tail_filter(self):
        line = '203.0.113.7 - - [28/Oct/2025:10:15:30 +0000] "GET /a HTTP/1.1" %d 12 "-" "x"\n'
        self.make("tail-filter")
        self.write("a.log", line % 200 + line % 404)
        process = subprocess.Popen(
            [BINARY, "p.toml", "--admin", "off", "--quiet", "--set", "input=a.log"],
            cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn('"response":404', process.stdout.readline())
        with open(self.path("a.log"), "a", encoding="utf-8") as log:
            log.write(line % 200 + line % 503)
        self.assertIn('"response":503', process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 0)

    def test_the_first_template_is_taken_where_none_is_named(self):
        self.expect(0, "new", "pipeline", "first.toml", "--directory", "made")
        self.assertIn('name = "first"', self.read("made/first.toml"))
        self.assertIn('dataset = "sensors"', self.read("made/first.toml"))

    def test_bad_names_and_templates_are_refused(self):
        for name in ("a b", "../p", "", "x" * 65):
            with self.subTest(name):
                self.assertIn("letters", self.expect(64, "new", "pipeline", name).stderr)
        self.assertIn("did you mean 'weblogs'?",
                      self.expect(64, "new", "pipeline", "p", "--template", "weblog").stderr)
        self.assertIn("NAME", self.expect(64, "new", "pipeline").stderr)
        self.assertEqual(os.listdir(self.work), [])

    def test_what_is_there_is_left_as_it_is(self):
        self.write("p.toml", "# mine\n")
        self.assertIn("exists already", self.expect(64, "new", "pipeline", "p").stderr)
        self.assertEqual(self.read("p.toml"), "# mine\n")


if __name__ == "__main__":
    unittest.main()
