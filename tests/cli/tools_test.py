"""flowrun tap, bench, pipe and expr."""

import json
import os
import re
import subprocess
import unittest

from command import BINARY, ENDLESS, SOURCES, WEBLOGS, CommandTest

LOG = os.path.join(SOURCES, "pipelines", "weblogs", "access.log")
WRITES = """
    [pipeline]
    plugins = ["std", "files"]
    [sources.readings]
    type = "generate"
    dataset = "sensors"
    rows = 10000
    [transforms.few]
    type = "keep"
    inputs = ["readings"]
    fields = ["sensor", "temperature"]
    [sinks.all]
    type = "file"
    path = "all.ndjson"
    inputs = ["readings"]
    [sinks.few_file]
    type = "file"
    path = "few.ndjson"
    inputs = ["few"]
    """


class TapTest(CommandTest):

    def test_shows_a_table_with_types_and_writes_nothing(self):
        self.write("p.toml", WRITES)
        result = self.expect(0, "tap", "p.toml", "few", "--limit", "3")
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["sensor", "temperature"])
        self.assertEqual(lines[1].split(), ["category", "float64"])
        self.assertEqual(len(lines), 3 + 3)
        self.assertTrue(lines[3].startswith("s-"))
        self.assertEqual(os.listdir(self.work), ["p.toml"])

    def test_keep_sinks_runs_the_whole_pipeline(self):
        self.write("p.toml", WRITES)
        self.expect(0, "tap", "p.toml", "few", "--keep-sinks", "--limit", "1000000")
        self.assertEqual(len(self.read("all.ndjson").splitlines()), 10000)
        self.assertEqual(len(self.read("few.ndjson").splitlines()), 10000)

    def test_json_is_one_object_a_line(self):
        self.write("p.toml", WRITES)
        rows = self.expect(0, "tap", "p.toml", "readings", "--json").stdout.splitlines()
        self.assertEqual(len(rows), 20)
        self.assertEqual(list(json.loads(rows[0])),
                         ["sensor", "timestamp", "temperature", "humidity"])

    def test_errors_ports_have_the_columns_of_dead_letters(self):
        result = self.expect(0, "tap", WEBLOGS, "parsed.errors", "--limit", "100")
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 3 + 21)
        columns = list(zip(lines[0].split(), lines[1].split()))
        self.assertEqual(columns, [
            ("time", "timestamp"), ("component", "text"), ("reason", "text"), ("message", "text"),
            ("attempt", "int64"), ("source", "text"), ("partition", "text"), ("position", "int64"),
            ("configuration", "text"), ("record", "text"), ("record_bytes", "binary")])
        self.write("p.toml", f"""
            [sources.log]
            type = "file"
            path = "{LOG}"
            [transforms.parsed]
            type = "parse_access_log"
            inputs = ["log"]
            [transforms.known]
            type = "keep"
            inputs = ["parsed.errors"]
            fields = {json.dumps([name for name, _ in columns] + ["reasn"])}
            [sinks.a]
            type = "discard"
            inputs = ["known", "parsed"]
            """)
        result = self.expect(78, "validate", "p.toml")
        self.assertIn("fields.11: there is no field 'reasn' (did you mean 'reason'?)",
                      result.stderr)
        schemas = self.expect(78, "validate", "--schemas", "p.toml").stdout
        self.assertIn("    known: ?\n", schemas)

    def test_the_limit_ends_a_run_that_has_no_end(self):
        self.write("p.toml", ENDLESS)
        result = self.expect(0, "tap", "p.toml", "readings", "--limit", "2")
        self.assertEqual(len(result.stdout.splitlines()), 3 + 2)

    def test_a_run_without_rows_says_so(self):
        self.write("p.toml", WRITES.replace("rows = 10000", "rows = 0"))
        result = self.expect(0, "tap", "p.toml", "few")
        self.assertEqual(result.stdout, "")
        self.assertIn("no rows", result.stderr)

    def test_misspelt_ports_are_told_with_what_there_is(self):
        result = self.expect(78, "tap", WEBLOGS, "locatd")
        self.assertIn("there is no component 'locatd' (did you mean 'located'?)", result.stderr)
        result = self.expect(78, "tap", WEBLOGS, "parsed.eror")
        self.assertIn("has no output 'eror'", result.stderr)
        result = self.expect(78, "tap", WEBLOGS, "index")
        self.assertIn("'index' is a sink", result.stderr)


class BenchTest(CommandTest):

    def test_reports_rates_and_shares_and_writes_nothing(self):
        self.write("p.toml", WRITES)
        text = self.expect(0, "bench", "p.toml").stdout
        self.assertRegex(text, r"(?m)^10,000 rows in [\d.]+ s on \d+ workers?$")
        self.assertRegex(text, r"(?m)^[\d,]+ rows/s$")
        self.assertRegex(text, r"(?m)^[\d.]+ MB/s$")
        self.assertRegex(text, r"(?m)^ *[\d.]+% +[\d.]+  few_file +file$")
        self.assertEqual(os.listdir(self.work), ["p.toml"])

    def test_json_has_the_same_figures(self):
        report = json.loads(self.expect(0, "bench", WEBLOGS, "--json", "--parallelism", "1").stdout)
        self.assertEqual((report["rows"], report["failed"], report["parallelism"]), (5000, 21, 1))
        self.assertEqual(report["bytes"], os.path.getsize(LOG))
        ids = [figure["id"] for figure in report["operators"]]
        self.assertEqual(ids, ["access_log", "parsed", "located", "identified", "named", "index"])
        self.assertAlmostEqual(sum(f["share_percent"] for f in report["operators"]), 100, places=6)
        self.assertGreater(report["operators"][-1]["busy_seconds"], 0)

    def test_the_encoder_can_be_left_out(self):
        with_it, without = (
            json.loads(self.expect(0, "bench", WEBLOGS, "--json", *options).stdout)["operators"][-1]
            for options in ([], ["--without-encoding"]))
        self.assertEqual(with_it["rows"], without["rows"])
        self.assertLess(without["nanoseconds_per_row"], with_it["nanoseconds_per_row"])

    def test_the_duration_ends_a_run_that_has_no_end(self):
        self.write("p.toml", ENDLESS)
        report = json.loads(
            self.expect(0, "bench", "p.toml", "--duration", "300ms", "--json").stdout)
        self.assertGreaterEqual(report["seconds"], 0.3)
        self.assertGreater(report["rows"], 0)


class PipeTest(CommandTest):

    def pipe(self, code, line, *options):
        return self.expect(code, "pipe", line, *options)

    def caret(self, line):
        """What a mistake in the line is said to be, and what stands at the caret."""
        lines = self.pipe(78, line).stderr.splitlines()
        self.assertEqual(lines[1], "  " + line)
        return lines[0], line[len(lines[2]) - 3:]

    def test_runs_and_prints_to_stdout_when_no_sink_is_named(self):
        for end in ("", " ! stdout"):
            result = self.pipe(0, f'file path={LOG} ! parse_access_log typed=true '
                                  f'! filter where="response >= 500" ! keep fields=["response"]{end}')
            rows = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertGreater(len(rows), 10)
            self.assertTrue(all(row["response"] >= 500 for row in rows))

    def test_print_writes_a_file_that_is_valid_and_does_the_same(self):
        line = 'generate dataset=sensors rows=10 ! keep fields=["sensor"] ! stdout'
        self.write("p.toml", self.pipe(0, line, "--print").stdout)
        self.expect(0, "validate", "p.toml")
        self.assertEqual(self.expect(0, "run", "p.toml", "--admin", "off").stdout,
                         self.pipe(0, line).stdout)

    def test_files_get_the_codec_of_their_name(self):
        self.write("in.ndjson", '{"a": 1, "b": "x"}\n')
        result = self.pipe(0, 'file path=in.ndjson ! keep fields=["b"]')
        self.assertEqual(result.stdout, '{"b":"x"}\n')
        result = self.pipe(0, 'file path=in.ndjson decoding=lines')
        self.assertEqual(json.loads(result.stdout), {"message": '{"a": 1, "b": "x"}'})

    def test_csv_files_begin_with_their_header(self):
        self.write("in.ndjson", '{"a": 1, "b": "x, y"}\n{"a": 2, "b": "z"}\n')
        line = 'file path=in.ndjson ! keep fields=["a", "b"] ! file path=x.csv'
        self.pipe(0, line)
        self.assertEqual(self.read("x.csv"), 'a,b\n1,"x, y"\n2,z\n')
        self.pipe(0, line)
        self.assertEqual(self.read("x.csv"), 'a,b\n1,"x, y"\n2,z\n1,"x, y"\n2,z\n')
        self.assertEqual(self.pipe(0, "file path=x.csv ! keep fields=['b'] ! stdout encoding=csv")
                         .stdout, 'b\n"x, y"\nz\n"x, y"\nz\n')

    def test_failed_rows_are_kept_when_asked_for(self):
        self.write("in.log", "no access log\n")
        self.pipe(0, "file path=in.log ! parse_access_log")
        self.assertEqual(os.listdir(self.work), ["in.log"])
        self.pipe(0, "file path=in.log ! parse_access_log", "--dead-letter", "bad.ndjson")
        self.assertEqual(json.loads(self.read("bad.ndjson"))["record"], "no access log")

    def test_mistakes_are_shown_with_a_caret(self):
        message, at = self.caret("generate rows=3 ! parse_acces_log ! stdout")
        self.assertIn("did you mean 'parse_access_log'?", message)
        self.assertTrue(at.startswith("parse_acces_log"))
        message, at = self.caret("generate rows=x ! stdout")
        self.assertIn("sources.generate.rows: must be a whole number", message)
        self.assertTrue(at.startswith("x"))
        message, at = self.caret("generate rws=3 ! stdout")
        self.assertIn("did you mean 'rows'?", message)
        self.assertTrue(at.startswith("rws"))
        message, at = self.caret("generate ! keep fields=[\"message\", \"x\"] ! discard")
        self.assertIn("there is no field 'x'", message)
        self.assertTrue(at.startswith('x"]'))
        message, at = self.caret("stdout ! discard")
        self.assertIn("'stdout' is a sink (a pipeline begins with a source)", message)
        message, at = self.caret("generate ! page_name request='mesage' ! discard")
        self.assertIn("did you mean 'message'?", message)
        self.assertTrue(at.startswith("mesage"))


def offered(*operators):
    return all(subprocess.run([BINARY, "inspect", name], capture_output=True, check=False)
               .returncode == 0 for name in operators)


@unittest.skipUnless(offered("compute"), "no plugin offers the transform compute")
class ExprTest(CommandTest):

    def test_prints_value_and_type(self):
        self.write("in.ndjson", '{"bytes": 2048, "name": "x"}\n{"bytes": 1024}\n')
        result = self.expect(0, "expr", "bytes / 1024", "in.ndjson", "--json")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([float(row["value"]) for row in rows], [2.0, 1.0])
        self.assertEqual(self.expect(0, "expr", "upper(name)", "in.ndjson").stdout,
                         '"X"  (text)\nnull  (text)\n')

    def test_mistakes_are_shown_with_a_caret(self):
        self.write("in.ndjson", "{}\n")
        lines = self.expect(78, "expr", "1 + uper(name)", "in.ndjson").stderr.splitlines()
        self.assertIn("upper", lines[0])
        self.assertEqual(lines[1:], ["  1 + uper(name)", "      ^"])

    @unittest.skipUnless(offered("stdin"), "no plugin offers the source stdin")
    def test_reads_stdin_without_a_file(self):
        result = subprocess.run([BINARY, "expr", "a"], input='{"a": 7}\n', text=True, timeout=60,
                                capture_output=True, check=True)
        self.assertTrue(result.stdout.startswith("7"), result.stdout)


class HelpTest(CommandTest):

    def commands(self, *above):
        """The commands that a page lists, and those below them."""
        listed = self.expect(0, *above, "--help").stdout.partition("Subcommands:\n")[2].partition("\n\n")[0]
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
        return [found for name in names for found in [(*above, name), *self.commands(*above, name)]]

    def test_each_command_has_a_page_with_examples_of_its_own(self):
        commands = self.commands()
        self.assertIn(("expr",), commands)
        self.assertIn(("state", "ls"), commands)
        for command in commands:
            with self.subTest(command=command):
                text = self.expect(0, *command, "--help").stdout
                examples = re.search(r"(?m)^Examples?:\n((?:  .*\n)+)", text)
                self.assertIsNotNone(examples, text)
                name = "flowrun " + " ".join(command) + " "
                for line in examples[1].splitlines():
                    # `flowrun FILE` is short for `flowrun run FILE`.
                    self.assertRegex(line + " ", name + r"|flowrun \S+\.toml" if command == ("run",) else name)


if __name__ == "__main__":
    unittest.main()
