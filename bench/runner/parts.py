"""The programs that time single operators (Google Benchmark), and what their figures must reach.

Each program compares what its cases make with what they should before it measures them, and ends when that is wrong.
"""
import json
import os
import re

from . import machine, measure
from .measure import Figure, WrongAnswer

MIN_SECONDS = 0.2  # a repetition of a case


class Parts:
    def __init__(self, context):
        self.context = context

    def measured(self, program, pattern):
        """Of each case whose name the pattern finds the median by CPU time: {name: {counter: value}}; and the note that
        goes with it if others were busy."""
        self.context.settle()
        command = [
            self.context.program(os.path.join("bench", program)),
            f"--benchmark_filter={pattern}",
            f"--benchmark_repetitions={self.context.runs}",
            f"--benchmark_min_time={MIN_SECONDS}",
            "--benchmark_enable_random_interleaving=true",
            "--benchmark_format=json",
        ]
        done = measure.run(command, self.context.scratch, core=self.context.core)
        cases = {}
        # Repetitions of different cases take turns, so that what changes meanwhile changes for all; printed is in order.
        entries = json.loads(done.stdout)["benchmarks"]
        entries.sort(key=lambda entry: (entry["family_index"], entry["per_family_instance_index"]))
        for entry in entries:
            if entry["run_type"] == "iteration":
                cases.setdefault(entry["run_name"], []).append(entry)
        if not cases:
            raise WrongAnswer(f"{program} has no case {pattern}")
        busy = done.others / (done.seconds * (os.cpu_count() or 1))
        note = f"NOT QUIET: others took {busy * 100:.0f} % of the CPUs" if busy > machine.QUIET_SHARE else ""
        return {name: self.medians(runs) for name, runs in cases.items()}, note

    @staticmethod
    def medians(runs):
        counters = [name for name in ("per_row", "bytes_per_second", "state_per_key") if name in runs[0]]
        return {name: measure.median([run[name] for run in runs]) for name in counters}

    @staticmethod
    def nanoseconds(case):
        return case["per_row"] * 1e9

    def rates(self, program, pattern, bars):
        """MB/s of each case; `bars` by the names of those that must reach something."""
        cases, note = self.measured(program, pattern)
        missing = sorted(set(bars) - set(cases))
        if missing:
            raise WrongAnswer(f"{program} has no case {missing[0]}")
        return [
            Figure(
                name,
                case["bytes_per_second"] / 1e6,
                "MB/s/core",
                bar=bars.get(name),
                note=f"{self.nanoseconds(case):.3g} ns a row" + (f"; {note}" if note else ""),
            )
            for name, case in cases.items()
        ]

    def figures(self, program, pattern):
        """MB/s of each case that counts bytes, nanoseconds a row of the others."""
        cases, note = self.measured(program, pattern)
        figures = []
        for name, case in cases.items():
            name = name.removesuffix("/real_time").removesuffix("/iterations:3")
            row = f"{self.nanoseconds(case):.3g} ns a row" if "per_row" in case else ""
            if "bytes_per_second" in case:
                notes = "; ".join(part for part in (row, note) if part)
                figures.append(Figure(name, case["bytes_per_second"] / 1e6, "MB/s/core", note=notes))
            else:
                figures.append(Figure(name, self.nanoseconds(case), "ns a row", note=note))
        return figures

    # ---- the cases ---------------------------------------------------------------------------

    def expressions(self):
        cases, note = self.measured(
            "operators_expression_bench", "^(compare_columns|.*_operator.*|text_.*)$"
        )
        bars = {"compare_columns": 1, "filter_operator": 6}
        figures = []
        for name, case in cases.items():
            if not name.startswith("text_"):
                figures.append(
                    Figure(name, self.nanoseconds(case), "ns a row", bar=bars.get(name), ceiling=True, note=note)
                )
        for name, case in cases.items():
            loop = cases.get(name + "_loop")
            if loop is not None:
                mine, theirs = self.nanoseconds(case), self.nanoseconds(loop)
                figures.append(
                    Figure(
                        re.sub("^text_", "", name) + ", of a hand-written loop's time",
                        mine / theirs,
                        "times",
                        bar=2,
                        ceiling=True,
                        note=f"{mine:.3g} and {theirs:.3g} ns a row",
                    )
                )
        return figures

    def json(self):
        return self.rates(
            "operators_json_bench", "^(decode|encode|parse)/", {"decode/all_declared": 600, "encode/typed": 800}
        )

    def csv(self):
        bars = {"csv_decode_text": 500, "csv_decode_typed": 500}
        return self.rates("operators_text_formats_bench", "csv", bars)

    def regex(self):
        program = "operators_text_formats_bench"
        cases, note = self.measured(program, "^(parse_regex_access|bare_re2_access)$")
        try:
            mine, bare = (self.nanoseconds(cases[name]) for name in ("parse_regex_access", "bare_re2_access"))
        except KeyError as missing:
            raise WrongAnswer(f"{program} has no case {missing}") from None
        return [
            Figure("parse_regex", mine, "ns a row", note=note),
            Figure("RE2 by itself", bare, "ns a row"),
            Figure("parse_regex, of RE2's time", mine / bare, "times", bar=1.1, ceiling=True),
        ]

    def sources(self):
        return self.figures("operators_sources_bench", ".")

    def codecs(self):
        return [
            *self.figures("operators_std_bench", "^lines_"),
            *self.figures("operators_text_formats_bench", "^(logfmt|syslog|text|raw)_"),
            *self.figures("operators_sinks_bench", "^pretty_"),
        ]

    def rows(self):
        return [
            *self.figures("operators_rows_bench", "^(keep|drop|rename|explode|sample|deduplicate|throttle|redact)"),
            *self.figures("operators_json_bench", "^cast/"),
        ]

    def parsers(self):
        return self.figures("operators_text_formats_bench", "^parse_(logfmt|syslog)")

    def detect(self):
        """The rate of `range_quad` with 10,000 series, and what state a series takes; so of the other methods."""
        cases, note = self.measured("iot_bench", "^(detect/|detect_new_keys/all_stay)")
        figures = []
        for name, case in cases.items():
            name = name.removeprefix("detect/").removesuffix("/iterations:1").replace("detect_new_keys/all_stay", "range_quad_a_million_new_keys")
            few = name.startswith("range_quad_10k")
            figures.append(Figure(name, 1 / case["per_row"] / 1e6, "M readings/s/core", bar=4 if few else None, note=note))
            bar = 3 if name.startswith("range_quad") else None
            figures.append(Figure(name + ", state a series", case["state_per_key"] / 1024, "KiB", bar=bar, ceiling=True))
        return figures

    def sinks(self):
        return self.figures("operators_sinks_bench", "^(file|stdout|discard)_sink")
