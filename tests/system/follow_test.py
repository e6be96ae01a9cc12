"""A running pipeline follows files: lines come within milliseconds, whatever becomes of the files' names.

The command runs as a user runs it, with `follow = true` and its output on a pipe.
"""

import os
import random
import statistics
import subprocess
import threading
import time
import unittest

from flow_case import FlowCase

FLOW = """[pipeline]
name = "follow"
plugins = ["std", "files"]
on_error = "stop"
[sources.lines]
{source}
decoding = "lines"
[sinks.out]
type = "stdout"
inputs = ["lines"]
encoding = "lines"
"""


class FollowTest(FlowCase):
    def setUp(self):
        super().setUp()
        self.arrived = []  # (line, time)
        self.lines_seen = threading.Condition()

    def follow(self, source, stdin=subprocess.DEVNULL):
        self.write("flow.toml", FLOW.format(source=source))
        process = self.start(stdin=stdin, stdout=subprocess.PIPE)
        reader = threading.Thread(target=self.read_lines, args=(process.stdout,))
        reader.start()
        self.addCleanup(process.stdout.close)
        self.addCleanup(reader.join)
        self.addCleanup(self.kill, process)
        return process

    def read_lines(self, stream):
        for line in stream:
            with self.lines_seen:
                self.arrived.append((line.decode().rstrip("\n"), time.monotonic()))
                self.lines_seen.notify_all()

    def wait_for(self, count):
        with self.lines_seen:
            done = self.lines_seen.wait_for(lambda: len(self.arrived) >= count, timeout=30)
        self.assertTrue(done, f"only {len(self.arrived)} of {count} lines came\n" + self.log())

    def append(self, name, text):
        with open(self.path(name), "a", encoding="ascii") as out:
            out.write(text)

    def test_appended_line_comes_within_milliseconds(self):
        self.append("app.log", "begin\n")
        process = self.follow('type = "file"\npath = "app.log"\nfollow = true')
        self.wait_for(1)
        delays = []
        for number in range(100):
            time.sleep(random.uniform(0.005, 0.02))
            before = time.monotonic()
            self.append("app.log", f"line {number}\n")
            self.wait_for(number + 2)
            delays.append((self.arrived[-1][1] - before) * 1000)
        delays.sort()
        print(f"from append to output: median {statistics.median(delays):.1f} ms, p90 {delays[89]:.1f} ms, "
              f"longest {delays[-1]:.1f} ms", flush=True)
        self.assertLess(statistics.median(delays), 20)
        self.stop(process)

    def test_rotation_renaming_truncating_and_half_lines(self):
        self.append("a.log", "1\n")
        process = self.follow('type = "file"\npath = "*.log"\nfollow = true\nrotate_wait = "100ms"')
        self.wait_for(1)
        with open(self.path("a.log"), "a", encoding="ascii") as old:
            os.rename(self.path("a.log"), self.path("a.log.1"))
            self.append("a.log", "2\n")
            self.wait_for(2)
            old.write("half of the last")
        self.wait_for(3)
        self.append("b.log", "4\nhal")
        self.wait_for(4)
        self.append("b.log", "f\n")
        self.wait_for(5)
        os.truncate(self.path("b.log"), 0)
        self.append("b.log", "6\n")
        self.wait_for(6)
        self.stop(process)
        self.assertEqual([line for line, _ in self.arrived], ["1", "2", "half of the last", "4", "half", "6"])

    def test_a_thousand_rotations_under_load(self):
        self.append("app.log", "line 0\n")
        process = self.follow('type = "file"\npath = "app.log"\nfollow = true\nrotate_wait = "200ms"')
        self.wait_for(1)
        written = 1
        for rotation in range(1000):
            count = random.randrange(20)
            self.append("app.log", "".join(f"line {written + i}\n" for i in range(count)))
            written += count
            if os.path.exists(self.path("app.log")):
                os.rename(self.path("app.log"), self.path(f"app.log.{rotation}"))
        self.wait_for(written)
        time.sleep(0.3)
        self.stop(process)
        self.assertEqual(sorted(int(line.split(" ")[1]) for line, _ in self.arrived), list(range(written)))

    def test_stdin_is_read_to_its_end(self):
        process = self.follow('type = "stdin"', stdin=subprocess.PIPE)
        process.stdin.write(b"one\ntwo\nhalf")
        process.stdin.flush()
        self.wait_for(2)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=30), 0, self.log())
        self.wait_for(3)
        self.assertEqual([line for line, _ in self.arrived], ["one", "two", "half"])

    def test_exec_ends_with_the_run(self):
        process = self.follow('type = "exec"\nshell = "echo $$$$; while true; do echo tick; sleep 0.01; done"')
        self.wait_for(10)
        child = int(self.arrived[0][0])
        self.stop(process)
        self.assertFalse(os.path.exists(f"/proc/{child}"), "the command outlives its pipeline")


if __name__ == "__main__":
    unittest.main(verbosity=2)
