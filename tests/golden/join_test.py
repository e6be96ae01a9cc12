"""The window `join` between two files of different length and speed: what comes out is what two loops find, per key in the
order of event time, however the flow is run.

FLOWRUN_TEST_SEED repeats the random settings of a failed run.
"""

import collections
import json
import os
import random
import tempfile
import unittest

import golden
from flow_case import SEED

BEFORE, AFTER, LATENESS = 2_000, 9_000, 3_000  # milliseconds
BEGIN = 1_760_000_000_000

FLOW = """[pipeline]
name = "orders"
plugins = ["std", "files", "windows"]
dead_letter = "out/rejected.ndjson"
{pipeline}
[sources.orders]
type = "file"
path = "orders.ndjson"
{source}
decoding = {{ type = "json", schema = {{ at = "int", order = "text", n = "int", site = "category" }} }}
[sources.payments]
type = "file"
path = "payments.ndjson"
decoding = {{ type = "json", schema = {{ at = "int", id = "category", amount = "float" }} }}
[transforms.ordered]
type = "event_time"
inputs = ["orders"]
field = "at"
format = "epoch_ms"
lateness = "3s"
[transforms.paid]
type = "event_time"
inputs = ["payments"]
field = "at"
format = "epoch_ms"
lateness = "3s"
[windows.joined]
type = "join"
inputs = {{ left = ["ordered"], right = ["paid"] }}
left_key = ["order"]
right_key = ["id"]
before = "2s"
after = "9s"
kind = "outer"
right_prefix = "paid_"
[windows.by_site]
type = "tumbling"
inputs = ["joined"]
key = ["site"]
size = "1m"
aggregate = {{ results = "count()", paid = "sum(paid_amount)" }}
[sinks.out]
type = "file"
inputs = ["joined"]
path = "out/joined.ndjson"
encoding = "json"
[sinks.minutes]
type = "file"
inputs = ["by_site"]
path = "out/minutes.ndjson"
encoding = "json"
[sinks.late]
type = "file"
inputs = ["joined.late"]
path = "out/late.ndjson"
encoding = "json"
"""


def make_rows(chance, n, make):
    at, rows = BEGIN, []
    for number in range(n):
        at += chance.randrange(60)
        late = 60_000 if number % 501 == 500 else chance.randrange(LATENESS)
        rows.append({"at": at - late, **make(number)})
    return rows


def in_time(rows):
    """The rows that are not behind the latest one before them by more than the lateness."""
    highest, kept, late = 0, [], []
    for row in rows:
        highest = max(highest, row["at"])
        (kept if row["at"] >= highest - LATENESS else late).append(row)
    return kept, late


def expected(orders, payments):
    """Of each key its results, as (time, order number, amount), and how many rows are late."""
    orders, late_orders = in_time(orders)
    payments, late_payments = in_time(payments)
    lefts, rights, results = collections.defaultdict(list), collections.defaultdict(list), collections.defaultdict(list)
    for order in orders:
        if order["order"] is not None:
            lefts[order["order"]].append(order)
    for payment in payments:
        rights[payment["id"]].append(payment)
    for key in set(lefts) | set(rights):
        met = set()
        for left in lefts[key]:
            partners = [i for i, right in enumerate(rights[key]) if left["at"] - BEFORE <= right["at"] <= left["at"] + AFTER]
            met.update(partners)
            for i in partners:
                right = rights[key][i]
                results[key].append((max(left["at"], right["at"]), left["n"], right["amount"]))
            if not partners:
                results[key].append((left["at"] + AFTER, left["n"], None))
        results[key] += [(right["at"] + BEFORE, None, right["amount"])
                         for i, right in enumerate(rights[key]) if i not in met]
    return results, len(late_orders) + len(late_payments)


class JoinTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        chance = random.Random(5)
        cls.orders = make_rows(chance, 6_000, lambda n: {
            "order": None if n % 211 == 3 else f"order {chance.randrange(400)}", "n": n, "site": f"s{n % 3}"})
        cls.payments = make_rows(chance, 4_000, lambda n: {"id": f"order {chance.randrange(400)}", "amount": n / 4})
        cls.results, cls.late = expected(cls.orders, cls.payments)
        cls.nulls = sum(order["order"] is None for order in cls.orders)

    def run_flow(self, pipeline, source):
        with tempfile.TemporaryDirectory() as work:
            for name, rows in (("orders", self.orders), ("payments", self.payments)):
                with open(os.path.join(work, name + ".ndjson"), "w", encoding="utf-8") as out:
                    out.writelines(json.dumps(row) + "\n" for row in rows)
            text = FLOW.format(pipeline="\n".join(pipeline), source="\n".join(source))
            log = golden.run(work, text)
            files = golden.outputs(work)
        ends = [line for line in log if "unaccounted_rows" in line]
        self.assertEqual([end["unaccounted_rows"] for end in ends], [0] * len(ends))
        return {name: files[name + ".ndjson"].decode().splitlines() for name in ("joined", "minutes", "late", "rejected")}

    def check(self, pipeline, source):
        found = self.run_flow(pipeline, source)
        by_key = collections.defaultdict(list)
        for line in found["joined"]:
            row = json.loads(line)
            at, paid_at = row.get("at"), row.get("paid_at")
            time = max(at, paid_at) if at and paid_at else at + AFTER if at else paid_at + BEFORE
            by_key[row["order"]].append((time, row.get("n"), row.get("paid_amount")))
        self.assertEqual(set(by_key), set(self.results))
        for key, rows in by_key.items():
            times = [time for time, _, _ in rows]
            self.assertEqual(times, sorted(times), key)
            self.assertCountEqual(rows, self.results[key], key)
        self.assertEqual(len(found["late"]), self.late)
        self.assertEqual(len(found["rejected"]), self.nulls)
        self.assertTrue(all('"reason":"no_key"' in line for line in found["rejected"]))
        # No result is late for a window behind the join.
        minutes = [json.loads(line) for line in found["minutes"]]
        self.assertEqual(sum(minute["results"] for minute in minutes), len(found["joined"]))
        self.assertEqual(len({(minute.get("site"), minute["window_start"]) for minute in minutes}), len(minutes))
        return {key: rows for key, rows in by_key.items()}, sorted(found["minutes"])

    def test_equals_two_loops_however_it_is_run(self):
        chance = random.Random(SEED)
        plain = self.check(["parallelism = 1"], [])
        for parallelism in (2, 4):
            pipeline, source = golden.random_settings(chance)
            pipeline = [line for line in pipeline if not line.startswith(("parallelism", "memory_limit"))]
            pipeline.append(f"parallelism = {parallelism}")
            with self.subTest(seed=SEED, pipeline=pipeline, source=source):
                self.assertEqual(self.check(pipeline, source), plain)


if __name__ == "__main__":
    unittest.main()
