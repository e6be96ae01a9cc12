"""A reader that stops reading stops the whole pipeline within its memory, and loses nothing.

The command runs with its output on a pipe that nobody reads for a while, with a filter that keeps
few rows of every piece. The test watches the process from outside: its resident memory in
/proc/PID/status, and what it says of itself at /metrics.
"""

import re
import subprocess
import time
import unittest
import urllib.request

from flow_case import SANITIZER, FlowCase

MIB = 1 << 20
LIMIT = 64 * MIB

FLOW = """[pipeline]
name = "stopped"
plugins = ["weblog", "std", "files"]
memory_limit = "64MiB"
{settings}
on_error = "drop"
checkpoint = {{ path = "state", interval = "50ms" }}
[sources.lines]
type = "file"
path = "lines.log"
[transforms.parsed]
type = "parse_access_log"
inputs = ["lines"]
[transforms.few]
type = "filter"
inputs = ["parsed"]
where = "{condition}"
[sinks.out]
type = "stdout"
inputs = ["few"]
encoding = "json"
"""


def line(number):
    size = number % 1000
    return (f'203.0.113.{number % 250} - - [28/Oct/2025:10:15:30 +0000] "GET /item/{number} HTTP/1.1" 200 {size} '
            f'"http://example.com/{number * 2654435761 % 4294967296:x}" "Mozilla/5.0 {"x" * (number % 200)}"\n')


class StoppedSinkTest(FlowCase):
    def resident(self, process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024

    def metrics(self, address):
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page:
            return page.read().decode()

    @staticmethod
    def value(text, name, part=""):
        return sum(float(row.split(" ")[-1]) for row in text.splitlines()
                   if re.match(name + r"[ {]", row) and part in row)

    def check(self, rows, condition, expected, settings=""):
        self.write("lines.log", "".join(map(line, range(rows))))
        self.write("flow.toml", FLOW.format(condition=condition, settings=settings))
        process = self.start("--parallelism", "2", admin="127.0.0.1:0", stdout=subprocess.PIPE)
        try:
            address = self.wait_for_log("Pipeline starts.", process)["admin"]
            seen, resident = [], []
            for _ in range(16):
                time.sleep(0.25)
                text = self.metrics(address)
                seen.append(self.value(text, "flowrun_component_rows_out_total", '"lines"'))
                resident.append(self.resident(process))
            self.assertEqual(seen[-1], seen[-4], "rows still come in although nobody reads")
            self.assertLess(seen[-1], rows, "the input was too short to fill the pipeline")
            used = self.value(text, "flowrun_memory_bytes")
            print(f"{condition}: read {seen[-1]:.0f} rows, memory_bytes {used / MIB:.1f} MiB, "
                  f"resident {max(resident) / MIB:.1f} MiB", flush=True)
            self.assertLess(used, LIMIT)
            if not SANITIZER:
                self.assertLess(max(resident), LIMIT + 100 * MIB)
                self.assertLess(resident[-1] - resident[7], 4 * MIB, f"grows: {resident}")
            self.assertEqual(self.value(text, "flowrun_unaccounted_rows"), 0)
            blocked = {row.split('edge="')[1].split('"')[0]: float(row.split(" ")[-1]) for row in text.splitlines()
                       if row.startswith("flowrun_edge_blocked_seconds_total{")}
            self.assertEqual(max(blocked, key=blocked.get), "few -> out", blocked)
            self.assertGreater(blocked["few -> out"], 1)
            documents = process.stdout.read()
            self.assertEqual(process.wait(timeout=60), 0)
            numbers = [int(n) for n in re.findall(rb'"GET /item/(\d+) ', documents)]
            self.assertEqual(numbers, expected(rows), "lost, twice or out of order")
        finally:
            self.kill(process)
            process.stdout.close()

    def test_everything_is_kept(self):
        self.check(400_000, "response == '200'", lambda rows: list(range(rows)))

    def test_one_row_of_ten(self):
        self.check(2_000_000, "bytes < 100",
                   lambda rows: [n for n in range(rows) if n % 1000 < 100], 'in_flight = "48MiB"')

    def test_one_row_of_a_thousand(self):
        self.check(2_000_000, "bytes == '7'", lambda rows: list(range(7, rows, 1000)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
