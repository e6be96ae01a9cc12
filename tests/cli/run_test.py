"""flowrun run: exit codes, signals, announcements and the ledger."""

import json
import os
import re
import signal
import socket
import time
import unittest
import urllib.request

from command import ENDLESS, SHORT, STUCK, TEST_PLUGINS, WEBLOGS, CommandTest

QUIET = ("--admin", "off", "--quiet")

# Everything goes through an operator of a test plugin.
THROUGH = """
    [pipeline]
    plugins = ["std", "PLUGIN"]
    [sources.readings]
    type = "generate"
    dataset = "sensors"
    rows = 100000
    [transforms.broken]
    type = "OPERATOR"
    inputs = ["readings"]
    [sinks.nowhere]
    type = "discard"
    inputs = ["broken"]
    """


def through(plugin, operator):
    return THROUGH.replace("PLUGIN", plugin).replace("OPERATOR", operator)


class RunTest(CommandTest):

    def test_rows_go_to_stdout_and_everything_else_to_stderr(self):
        self.write("p.toml", SHORT)
        result = self.expect(0, "p.toml", *QUIET, "--log-format", "text")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(rows), 1000)
        self.assertIn("unaccounted rows: 0", result.stderr)
        self.assertRegex(result.stderr, r"Pipeline finished\. rows=1000 seconds=")

    def test_run_may_be_left_out_with_options_before_the_file(self):
        self.write("p.toml", SHORT)
        self.assertEqual(self.expect(0, *QUIET, "p.toml").stdout,
                         self.expect(0, "run", "p.toml", *QUIET).stdout)

    def test_a_json_log_is_json_to_the_last_line(self):
        self.write("p.toml", SHORT)
        result = self.expect(0, "p.toml", *QUIET, "--log-format", "json")
        lines = [json.loads(line) for line in result.stderr.splitlines()]
        ledger = {line["component"]: line for line in lines
                  if line["message"] == "Ledger of a component."}
        self.assertEqual(ledger["readings"]["created"], 1000)
        self.assertEqual(ledger["terminal"]["passed"], 1000)
        self.assertEqual(lines[-1]["message"], "Pipeline finished.")
        self.assertEqual(lines[-1]["unaccounted_rows"], 0)

    def test_the_start_is_announced(self):
        result = self.expect(0, WEBLOGS, "--admin", "off", "--parallelism", "1",
                             "--memory-limit", "128MiB", "--log-format", "json")
        lines = [json.loads(line) for line in result.stderr.splitlines()]
        start = next(line for line in lines if line["message"] == "Pipeline starts.")
        self.assertEqual(start["pipeline"], "weblogs")
        self.assertRegex(start["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(start["dead_letter"], "out/weblogs.rejected.ndjson")
        self.assertEqual(start["parallelism"], 1)
        self.assertEqual(start["memory_limit"], 128 << 20)
        self.assertEqual(start["admin"], "off")
        self.assertRegex(start["plugins"], r"weblog \d")

    def test_a_wrong_file_exits_78_with_every_error_in_it(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std"]
            memory_limt = "1GiB"
            [sources.a]
            type = "generat"
            [sinks.z]
            type = "discard"
            inputs = ["aa"]
            """)
        errors = self.expect(78, "p.toml", *QUIET).stderr
        self.assertIn("p.toml:3:1: pipeline.memory_limt:", errors)
        self.assertIn("did you mean 'memory_limit'?", errors)
        self.assertIn("p.toml:5:8: sources.a.type:", errors)
        self.assertIn("did you mean 'generate'?", errors)
        self.assertIn("p.toml:8:11: sinks.z.inputs:", errors)
        self.assertIn("3 errors", errors)

    def test_a_mistake_that_the_columns_show_exits_78_and_touches_no_output(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "files"]
            [sources.readings]
            type = "generate"
            dataset = "sensors"
            rows = 10
            [transforms.hot]
            type = "filter"
            inputs = ["readings"]
            where = '''
            humidity > 3
              and temprature > 30'''
            [transforms.few]
            type = "keep"
            inputs = ["readings"]
            fields = ["sensr"]
            [sinks.out]
            type = "file"
            path = "out/all.ndjson"
            inputs = ["hot", "few"]
            """)
        errors = self.expect(78, "p.toml", *QUIET).stderr
        self.assertIn("p.toml:12:7: transforms.hot.where: there is no field 'temprature'", errors)
        self.assertIn("did you mean 'temperature'?", errors)
        self.assertIn("p.toml:16:", errors)
        self.assertIn("did you mean 'sensor'?", errors)
        self.assertEqual(os.listdir(self.work), ["p.toml"])

    def test_a_field_that_resembles_none_is_told_with_those_that_there_are(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std"]
            on_error = "stop"
            [sources.readings]
            type = "generate"
            dataset = "sensors"
            rows = 10
            [transforms.some]
            type = "filter"
            inputs = ["readings"]
            where = "status >= 500"
            [sinks.terminal]
            type = "stdout"
            inputs = ["some"]
            """)
        errors = self.expect(78, "p.toml", *QUIET).stderr
        self.assertIn("there is no field 'status' in the input "
                      "(it has sensor, timestamp, temperature, humidity)", errors)

    def test_a_refused_start_leaves_no_empty_file(self):
        self.write("p.toml", """\
            [pipeline]
            plugins = ["std", "files"]
            [sources.log]
            type = "file"
            path = "no.log"
            [sinks.out]
            type = "file"
            path = "out.ndjson"
            inputs = ["log"]
            """)
        self.expect(69, "p.toml", *QUIET)
        self.assertEqual(os.listdir(self.work), ["p.toml"])
        self.write("out.ndjson", "")
        self.write("p.rejected.ndjson", "kept\n")
        self.expect(69, "p.toml", *QUIET)
        self.assertEqual(sorted(os.listdir(self.work)),
                         ["out.ndjson", "p.rejected.ndjson", "p.toml"])
        self.assertEqual(self.read("p.rejected.ndjson"), "kept\n")

    def test_a_file_that_is_not_there_exits_78(self):
        self.assertIn("p.toml", self.expect(78, "p.toml").stderr)

    def test_a_missing_input_exits_69_and_names_the_option(self):
        self.write("p.toml", SHORT.replace('["std"]', '["std", "files"]')
                   .replace('"generate"', '"file"').replace('dataset = "sensors"', 'path = "no.log"')
                   .replace("rows = 1000", ""))
        errors = self.expect(69, "p.toml", *QUIET).stderr
        self.assertRegex(errors, r"p\.toml:\d+:\d+: sources\.readings\.path: 'no\.log' does not exist; correct it")

    def test_an_operator_that_does_not_open_exits_69_with_its_words(self):
        self.write("p.toml", through("failing", "bad_open"))
        errors = self.expect(69, "p.toml", *QUIET, "--plugin-path", TEST_PLUGINS).stderr
        self.assertIn("bad_open never opens: use another operator", errors)
        self.assertIn("broken", errors)

    def test_an_operator_that_fails_in_mid_stream_exits_1_with_its_words(self):
        self.write("p.toml", through("failing", "bad_midstream"))
        errors = self.expect(1, "p.toml", *QUIET, "--plugin-path", TEST_PLUGINS,
                             "--log-format", "json").stderr
        last = json.loads(errors.splitlines()[-1])
        self.assertEqual(last["message"], "Pipeline failed.")
        self.assertIn("broken", last["reason"])
        self.assertIn("gives up after three batches", last["reason"])

    def test_a_taken_address_exits_69_says_what_to_do_and_touches_no_output(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            errors = self.expect(69, WEBLOGS, "--admin", f"127.0.0.1:{port}").stderr
        self.assertIn(str(port), errors)
        self.assertIn("--admin", errors)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_metrics_and_health_are_served(self):
        self.write("p.toml", ENDLESS)
        process = self.start_command("p.toml", "--admin", "127.0.0.1:0", "--quiet")
        address = self.find_log("Pipeline starts.")["admin"]
        def page(path):
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.read().decode()
        self.assertIn("flowrun_unaccounted_rows", page("/metrics"))
        self.assertIn('"status":"ok"', page("/healthz"))
        self.assertEqual(self.code_after(process), 0)

    def test_a_signal_drains_and_exits_0(self):
        self.write("p.toml", ENDLESS)
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_command("p.toml", *QUIET)
            time.sleep(0.1)
            self.assertEqual(self.code_after(process, number), 0)
            self.assertEqual(self.find_log("Stopping:")["signal"], signal.Signals(number).name)
            last = self.entries()[-1]
            self.assertEqual(last["message"], "Pipeline drained and stopped.")
            self.assertEqual(last["unaccounted_rows"], 0)
            ledger = {line["component"]: line for line in self.entries()
                      if line["message"] == "Ledger of a component."}
            self.assertEqual(ledger["readings"]["created"], ledger["nowhere"]["passed"])

    def test_signals_that_come_within_a_moment_are_one(self):
        """As from timeout(1), which sends its signal to the process and to its group."""
        self.write("p.toml", ENDLESS)
        process = self.start_command("p.toml", *QUIET)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.code_after(process, signal.SIGINT), 0)
        self.assertEqual(self.entries()[-1]["message"], "Pipeline drained and stopped.")
        self.assertNotIn("Stopping at once", self.log())

    def test_the_notice_is_told_once_when_the_input_is_read(self):
        self.write("p.toml", SHORT.replace("[pipeline]", '[pipeline]\n    notice = "Look."'))
        result = self.expect(0, "p.toml", *QUIET, "--log-format", "text")
        self.assertEqual(result.stderr.splitlines().count("Look."), 1)
        # Not before the rows are through, and not only when the other source ends.
        self.write("p.toml", ENDLESS.replace("2000", "20").replace('"std"', '"std", "files"').replace(
            "[pipeline]", '[pipeline]\n    notice = "Look."') + """
    [sources.few]
    type = "generate"
    dataset = "sensors"
    rows = 1000
    [sinks.few_rows]
    type = "file"
    inputs = ["few"]
    path = "few.ndjson"
    """)
        process = self.start_command("p.toml", *QUIET)
        told = self.wait_for_log("Input is read.")
        self.assertEqual(told["notice"], "Look.")
        self.assertIsNone(process.poll())
        self.assertEqual(self.code_after(process), 0)
        self.assertEqual([line["message"] for line in self.entries()].count("Input is read."), 1)

    def test_a_second_signal_stops_at_once_and_says_what_is_left_behind(self):
        os.mkfifo(self.path("fifo"))
        self.write("p.toml", STUCK)
        process = self.start_command("p.toml", *QUIET)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.wait_for_log("Stopping: sources stop")
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        self.assertEqual(self.code_after(process), 75)
        last = self.entries()[-1]
        self.assertEqual(last["message"], "Pipeline stopped before everything was delivered.")
        self.assertGreater(last["rows_left_behind"], 0)
        self.assertIsNotNone(self.find_log("Rows were left on an edge."))

    def test_a_third_signal_ends_a_run_whose_component_does_not_come_back(self):
        self.write("p.toml", through("awkward", "deaf"))
        process = self.start_command("p.toml", *QUIET, "--plugin-path", TEST_PLUGINS)
        for said in ("Stopping: sources stop", "Stopping at once"):
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            self.wait_for_log(said)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        self.assertEqual(self.code_after(process), 75)
        self.assertIn("third signal", self.log())

    def test_a_drain_that_takes_too_long_exits_75(self):
        os.mkfifo(self.path("fifo"))
        self.write("p.toml", STUCK)
        process = self.start_command("p.toml", *QUIET, "--drain-timeout", "100ms")
        time.sleep(0.2)
        begun = time.monotonic()
        self.assertEqual(self.code_after(process), 75)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("drain", self.entries()[-1]["reason"])

    def test_the_drain_timeout_of_the_file_counts_too(self):
        os.mkfifo(self.path("fifo"))
        self.write("p.toml", STUCK.replace("on_error", 'drain_timeout = "100ms"\n    on_error'))
        process = self.start_command("p.toml", *QUIET)
        time.sleep(0.2)
        self.assertEqual(self.code_after(process), 75)

    def test_no_progress_is_shown_where_there_is_no_terminal(self):
        self.write("p.toml", SHORT)
        errors = self.expect(0, "p.toml", "--admin", "off", "--log-format", "text").stderr
        self.assertNotIn("\r", errors)
        self.assertNotIn("\x1b", errors)


class UsageTest(CommandTest):

    def test_without_arguments_there_is_a_short_help(self):
        errors = self.expect(64).stderr
        self.assertIn("flowrun pipelines/weblogs.toml", errors)
        self.assertLess(len(errors.splitlines()), 15)

    def test_an_unknown_command_gets_the_nearest_one(self):
        self.assertIn("did you mean 'validate'?", self.expect(64, "valdate", "p.toml").stderr)

    def test_bad_values_exit_64_and_say_what_is_good(self):
        for arguments, words in ((("--parallelism", "0"), "1 to 1024"),
                                 (("--drain-timeout", "5parsec"), "units are"),
                                 (("--memory-limit", "1KiB"), "too small"),
                                 (("--log-level", "loud"), "debug, info, warning and error"),
                                 (("--admin", "nowhere"), "neither HOST:PORT nor off"),
                                 (("--bogus",), "--bogus")):
            with self.subTest(arguments):
                self.assertIn(words, self.expect(64, "run", "p.toml", *arguments).stderr)

    def test_help_names_every_exit_code_and_an_example(self):
        for arguments in (("--help",), ("run", "--help"), ("help", "run")):
            text = self.expect(0, *arguments).stdout
            for code in (0, 1, 64, 69, 70, 75, 78):
                self.assertRegex(text, rf"(?m)^ +{code}  ")
            self.assertIn("flowrun pipelines/weblogs.toml", text)

    def test_version_names_the_build_and_the_abi(self):
        text = self.expect(0, "--version").stdout
        self.assertTrue(re.match(r"flowrun \d+\.\d+\.\d+ \(.*plugin ABI 1\.\d+\)\n$", text), text)


if __name__ == "__main__":
    unittest.main()
