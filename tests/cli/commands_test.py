"""flowrun validate, graph, inspect and new."""

import json
import os
import unittest

from command import SHORT, SOURCES, TEST_PLUGINS, WEBLOGS, CommandTest

TICK, CROSS = "\u2713", "\u2717"


class ValidateTest(CommandTest):

    def test_a_good_file_has_five_ticks_and_leaves_no_trace(self):
        text = self.expect(0, "validate", WEBLOGS).stdout
        for tier in ("syntax", "options", "plugins", "schemas", "environment"):
            self.assertRegex(text, rf"{TICK} {tier} ")
        self.assertIn("the result does not depend on the run", text)
        self.assertEqual(os.listdir(self.work), [])

    def test_a_syntax_error_stands_alone(self):
        self.write("p.toml", "[sources.a\n")
        result = self.expect(78, "validate", "p.toml")
        self.assertIn(f"{CROSS} syntax", result.stdout)
        self.assertNotIn("options", result.stdout)
        self.assertIn("p.toml:1:", result.stderr)

    def test_errors_of_options_and_plugins_come_together(self):
        self.write("p.toml", SHORT.replace('["std"]', '["std", "nosuch"]')
                   .replace("rows = 1000", "rows = -1"))
        result = self.expect(78, "validate", "p.toml")
        self.assertIn(f"{CROSS} options", result.stdout)
        self.assertIn(f"{CROSS} plugins", result.stdout)
        self.assertIn("- environment", result.stdout)
        self.assertIn("sources.readings.rows", result.stderr)
        self.assertIn("nosuch", result.stderr)

    def test_mistakes_in_columns_are_told_with_their_place_inside_the_value(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "weblog"]
            on_error = "stop"
            [sources.log]
            type = "generate"
            [transforms.parsed]
            type = "parse_access_log"
            inputs = ["log"]
            typed = true
            [transforms.slow]
            type = "filter"
            inputs = ["parsed"]
            where = "  respons >= 500"
            [transforms.few]
            type = "keep"
            inputs = ["parsed"]
            fields = ["host", "agnt"]
            [transforms.lost]
            type = "rename"
            inputs = ["few"]
            fields = { anything = "goes" }
            [transforms.named]
            type = "page_name"
            inputs = ["parsed"]
            request = "timestamp"
            [transforms.broken]
            type = "filter"
            inputs = ["parsed"]
            where = "host ="
            [sinks.z]
            type = "discard"
            inputs = ["slow", "lost", "named", "broken"]
            """)
        for options in ([], ["--no-environment"]):
            result = self.expect(78, "validate", *options, "p.toml")
            self.assertIn(f"{CROSS} schemas      4 errors", result.stdout)
            lines = result.stderr.splitlines()
            self.assertEqual(lines[:3], [
                "p.toml:13:12: transforms.slow.where: there is no field 'respons' in the input "
                "(did you mean 'response'?)",
                "p.toml:17:20: transforms.few.fields.1: there is no field 'agnt' "
                "(did you mean 'agent'?)",
                "p.toml:25:12: transforms.named.request: the column 'timestamp' is timestamp, "
                "but text is needed"])
            self.assertRegex(lines[3], r"^p.toml:29:\d+: transforms.broken.where: column \d: ")

    EXPRESSIONS = """\
        [pipeline]
        plugins = ["std", "weblog"]
        on_error = "stop"
        [sources.log]
        type = "generate"
        [transforms.parsed]
        type = "parse_access_log"
        inputs = ["log"]
        typed = true
        [transforms.sized]
        type = "compute"
        inputs = ["parsed"]
        fields = { kb = "byte / 1024", age = "now() - timestamp" }
        [transforms.divided]
        type = "route"
        inputs = ["sized"]
        routes = { bad = "  respons >= 500" }
        [transforms.few]
        type = "filter"
        inputs = ["divided.bad", "divided.rest"]
        where = "kb > 1 or hots == 'a'"
        [sinks.z]
        type = "discard"
        inputs = ["few"]
        """
    WARNINGS = [
        "p.toml:13:18: warning: transforms.sized.fields.kb: there is no field 'byte' in the input; "
        "it counts as null (did you mean 'bytes'?)",
        "p.toml:17:21: warning: transforms.divided.routes.bad: there is no field 'respons' in the "
        "input; it counts as null (did you mean 'response'?)",
        "p.toml:21:20: warning: transforms.few.where: there is no field 'hots' in the input; it "
        "counts as null (did you mean 'host'?)"]

    def test_fields_of_expressions_that_are_not_there_are_warnings(self):
        self.write("p.toml", self.EXPRESSIONS)
        result = self.expect(0, "validate", "p.toml")
        self.assertRegex(result.stdout, rf"{TICK} schemas .*, 3 warnings\n")
        self.assertEqual(result.stderr.splitlines(), self.WARNINGS)

    def test_strict_makes_errors_of_warnings(self):
        self.write("p.toml", self.EXPRESSIONS)
        result = self.expect(78, "validate", "--strict", "p.toml")
        self.assertIn(f"{CROSS} schemas      3 errors\n", result.stdout)
        self.assertIn(f"{TICK} environment", result.stdout)
        self.assertEqual(result.stderr.splitlines(),
                         [line.replace("warning: ", "") for line in self.WARNINGS] + ["3 errors"])
        self.expect(0, "validate", "--strict", WEBLOGS)

    def test_strict_goes_on_behind_a_warning_of_the_file(self):
        self.write("p.toml", SHORT + '\n    [parameters]\n    unused = "1"\n')
        self.assertRegex(self.expect(0, "validate", "p.toml").stdout,
                         rf"{TICK} options .*, 1 warning\n")
        result = self.expect(78, "validate", "--strict", "p.toml")
        self.assertIn(f"{CROSS} options      1 error\n", result.stdout)
        self.assertIn(f"{TICK} schemas", result.stdout)

    def test_expressions_that_read_the_clock_are_named(self):
        self.write("p.toml", self.EXPRESSIONS)
        text = self.expect(0, "validate", "p.toml").stdout
        self.assertIn("    results depend on the clock: p.toml:13:39: transforms.sized.fields.age: "
                      "calls now()\n", text)
        self.assertNotIn("does not depend on the run", text)

    def test_options_that_make_results_depend_on_the_order_are_named(self):
        flow = """\
            [pipeline]
            plugins = ["std", "files", "iot", "windows"]
            [sources.readings]
            type = "generate"
            dataset = "fleet"
            [transforms.detected]
            type = "detect_anomaly"
            inputs = ["readings"]
            key = ["device", "quantity"]
            value = "value"
            time = "time"
            %s
            [windows.hundreds]
            type = "count_window"
            inputs = ["detected"]
            key = ["device"]
            count = 100
            aggregate = { rows = "count()" }
            [sinks.nowhere]
            type = "discard"
            inputs = ["hundreds"]
            """
        self.write("p.toml", flow % 'when_full = "evict"')
        text = self.expect(0, "validate", "p.toml").stdout
        self.assertIn("results depend on the order of arrival: p.toml:12:13: transforms.detected.when_full: past max_keys the "
                      "order of arrival decides which series are forgotten\n", text)
        self.assertIn("windows.hundreds.count: rows of a key from several partitions come in any order\n", text)
        self.write("p.toml", flow % 'when_full = "fail"')
        self.assertNotIn("when_full", self.expect(0, "validate", "p.toml").stdout)

    def test_joins_of_keys_of_two_types_are_refused(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "files", "windows"]
            [sources.one]
            type = "generate"
            dataset = "fleet"
            [sources.other]
            type = "generate"
            dataset = "fleet"
            [windows.joined]
            type = "join"
            inputs = { left = ["one"], right = ["other"] }
            left_key = ["device", "quantity"]
            right_key = ["device", "value"]
            within = "1m"
            [sinks.nowhere]
            type = "discard"
            inputs = ["joined"]
            """)
        text = self.expect(78, "validate", "p.toml").stderr
        self.assertIn("windows.joined.right_key", text)
        self.assertIn("'value' is float64, but 'quantity' on the left is text: they are never equal", text)

    def test_schemas_prints_what_is_known(self):
        text = self.expect(0, "validate", "--schemas", WEBLOGS).stdout
        self.assertIn("    access_log: message text\n", text)
        self.assertIn("location struct<lat float64, lon float64>, os category", text)

    def test_an_operator_of_a_plugin_that_is_not_named_says_which(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "files"]
            [sources.a]
            type = "generate"
            dataset = "sensors"
            [transforms.v]
            type = "validate"
            inputs = ["a"]
            [sinks.z]
            type = "discard"
            inputs = ["v"]
            """)
        self.assertIn("p.toml:7:8: transforms.v.type: no loaded plugin offers the transform 'validate' "
                      "(the plugin 'iot' does: add it to pipeline.plugins)", self.expect(78, "validate", "p.toml").stderr)

    def test_missing_databases_and_inputs_are_the_environments(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "files", "weblog"]
            [sources.a]
            type = "file"
            path = "no.log"
            [transforms.g]
            type = "geoip"
            inputs = ["a"]
            field = "message"
            database = "no.mmdb"
            [sinks.z]
            type = "file"
            path = "z.ndjson"
            inputs = ["g"]
            """)
        result = self.expect(78, "validate", "p.toml")
        self.assertIn(f"{TICK} options", result.stdout)
        self.assertIn(f"{CROSS} environment  2 errors", result.stdout)
        self.assertIn("p.toml:5:8: sources.a.path: 'no.log' does not exist", result.stderr)
        self.assertIn("no.mmdb", result.stderr)
        self.assertEqual(os.listdir(self.work), ["p.toml"])
        self.expect(0, "validate", "p.toml", "--no-environment")

    def test_operators_whose_result_depends_on_the_run_are_named(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "awkward"]
            [sources.readings]
            type = "generate"
            dataset = "sensors"
            [transforms.moody]
            type = "whimsical"
            inputs = ["readings"]
            [sinks.nowhere]
            type = "discard"
            inputs = ["moody"]
            """)
        text = self.expect(0, "validate", "p.toml", "--plugin-path", TEST_PLUGINS).stdout
        self.assertIn("transforms.moody (whimsical) is clock_dependent and order_dependent", text)
        # Other plugins of that folder are made to be refused: 78.
        page = self.expect(78, "inspect", "whimsical", "--plugin-path", TEST_PLUGINS).stdout
        self.assertIn("order_dependent: its result depends on the order", page)

    def test_one_bad_file_of_several_is_enough(self):
        self.write("good.toml", SHORT)
        self.write("bad.toml", "[")
        result = self.expect(78, "validate", "bad.toml", "good.toml")
        self.assertIn("good.toml", result.stdout)
        self.assertIn(f"{TICK} environment", result.stdout)


class GraphTest(CommandTest):

    def test_mermaid_is_the_default(self):
        text = self.expect(0, "graph", WEBLOGS).stdout
        self.assertTrue(text.startswith("flowchart LR\n"), text)
        self.assertIn("parse_access_log", text)
        self.assertIn('-.->|"errors"|', text)

    def test_physical_dot_shows_fusion(self):
        text = self.expect(0, "graph", WEBLOGS, "--physical", "--format", "dot").stdout
        self.assertTrue(text.startswith('digraph "weblogs" {\n'), text)
        self.assertIn("fused chain", text)
        self.assertEqual(text.count("{"), text.count("}"))

    def test_drawing_touches_nothing(self):
        self.expect(0, "graph", WEBLOGS, "--physical")
        self.assertEqual(os.listdir(self.work), [])

    def test_unknown_formats_are_refused(self):
        self.assertIn("mermaid and dot",
                      self.expect(64, "graph", WEBLOGS, "--format", "svg").stderr)


class InspectTest(CommandTest):

    def test_all_operators_are_listed_by_kind(self):
        text = self.expect(0, "inspect").stdout
        places = [text.index(f"{kind}s\n") for kind in ("source", "transform", "sink", "codec")]
        self.assertEqual(places, sorted(places))
        for name in ("generate", "geoip", "discard", "json"):
            self.assertRegex(text, rf"(?m)^  {name} +\w")

    def test_a_page_tells_everything(self):
        text = self.expect(0, "inspect", "geoip").stdout
        for words in ("transform 'geoip'", "Example", "database", "default", "geolite2_city",
                      "inputs", "on_error", "stateless", "weblog.so", "licence Apache-2.0"):
            self.assertIn(words, text)

    def test_a_name_offered_twice_shows_both_unless_a_kind_is_given(self):
        both = self.expect(0, "inspect", "file").stdout
        self.assertIn("source 'file'", both)
        self.assertIn("sink 'file'", both)
        self.assertIn("encoding", both)
        sink = self.expect(0, "inspect", "file", "--kind", "sink").stdout
        self.assertNotIn("source 'file'", sink)

    def test_json_has_the_same_facts(self):
        listed = json.loads(self.expect(0, "inspect", "--json").stdout)
        for operator in listed["operators"]:
            kind, name = operator["kind"], operator["name"]
            [page] = json.loads(self.expect(0, "inspect", name, "--kind", kind, "--json").stdout)
            self.assertEqual(page["summary"], operator["summary"])
            self.assertTrue(page["doc"])
            self.assertTrue(page["plugin"]["file"].endswith(".so"))
            for option in page["options"]:
                self.assertTrue(option["doc"], option)
                self.assertTrue(option["type"], option)

    def test_the_settings_of_a_pipeline_have_a_page(self):
        self.assertIn("memory_limit", self.expect(0, "inspect", "pipeline").stdout)
        json.loads(self.expect(0, "inspect", "pipeline", "--json").stdout)

    def test_an_unknown_name_gets_the_nearest_one(self):
        self.assertIn("did you mean 'geoip'?", self.expect(64, "inspect", "geopi").stderr)
        self.assertIn("it is offered as codec",
                      self.expect(64, "inspect", "lines", "--kind", "sink").stderr)

    def test_a_file_that_is_no_plugin_is_named_and_the_rest_is_shown(self):
        os.mkdir(self.path("folder"))
        self.write("folder/broken.so", "no library")
        result = self.expect(78, "inspect", "--plugin-path", "folder")
        self.assertIn("broken.so", result.stderr)
        self.assertIn("geoip", result.stdout)
        from_environment = self.expect(78, "inspect",
                                       environment={"FLOWRUN_PLUGIN_PATH": "folder"})
        self.assertIn("broken.so", from_environment.stderr)


class NewPluginTest(CommandTest):

    def test_a_project_is_written_with_its_names_filled_in(self):
        self.expect(0, "new", "plugin", "rain_gauge", "--directory", "work")
        files = sorted(os.path.relpath(os.path.join(folder, file), self.path("work/rain_gauge"))
                       for folder, _, files in os.walk(self.path("work")) for file in files)
        self.assertEqual(files, [".gitignore", "CMakeLists.txt", "README.md", "pipeline.toml",
                                 "src/rain_gauge.cpp", "tests/rain_gauge_test.cpp"])
        for file in files:
            self.assertNotIn("@", self.read(f"work/rain_gauge/{file}"))
        self.assertIn("class RainGauge final", self.read("work/rain_gauge/src/rain_gauge.cpp"))

    def test_what_is_there_is_left_as_it_is(self):
        os.mkdir(self.path("sample"))
        self.assertIn("exists already", self.expect(64, "new", "plugin", "sample").stderr)
        self.assertEqual(os.listdir(self.path("sample")), [])

    def test_bad_names_are_refused_with_what_makes_a_good_one(self):
        for name in ("Rain", "rain-gauge", "9", "../rain", "", "x" * 65):
            with self.subTest(name):
                self.assertIn("small letters", self.expect(64, "new", "plugin", name).stderr)
        self.assertIn("CMake", self.expect(64, "new", "plugin", "test").stderr)
        self.assertEqual(os.listdir(self.work), [])

    def test_a_folder_that_cannot_be_written_exits_69(self):
        self.write("file", "")
        self.assertIn("file", self.expect(69, "new", "plugin", "sample", "--directory",
                                          "file").stderr)


class DocumentTest(unittest.TestCase):

    def test_the_page_of_commands_names_every_exit_code(self):
        with open(os.path.join(SOURCES, "docs", "commands.md"), encoding="utf-8") as page:
            text = page.read()
        for code in (0, 1, 64, 69, 70, 75, 78):
            self.assertIn(f"| {code} |", text)


if __name__ == "__main__":
    unittest.main()
