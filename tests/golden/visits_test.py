"""The flow of pipelines/visits.toml: visits are those that were made, profiles say what their users did, and who asked
to be forgotten is, however it is run.

Runs the command over fewer clicks, which keep the session that the source gave them beside the visit that was found, and
writes all of them out. What is known of each user is worked out again from these and compared.

FLOWRUN_TEST_SEED repeats the random settings of a failed run.
"""

import collections
import json
import os
import random
import re
import tempfile
import unittest

import golden
from flow_case import SEED

ROWS = 60_000
KEPT = """
[sinks.kept]
type = "file"
inputs = ["visits"]
path = "out/visits/visits.ndjson"
encoding = "json"
"""


def small(pipeline=(), batch_rows=4096):
    """The pipeline over fewer clicks, with the sessions of the source."""
    text = golden.flow("visits", pipeline)
    text = re.sub(r"(?m)^rows = .*$", f"rows = {ROWS}\nbatch_rows = {batch_rows}", text)
    text = text.replace("sessions = false", "sessions = true").replace('gap = "30m"', 'gap = "30m"\ncolumn = "visit"')
    text = text.replace("erase_share = 0.0001", "erase_share = 0.002").replace('every = "1h"', 'every = "5m"')
    return text + KEPT


def run_flow(work, pipeline=(), batch_rows=4096):
    """The lines of each file by its name."""
    golden.run(work, small(pipeline, batch_rows))
    folder = os.path.join(work, "out", "visits")
    return {name: content.decode().splitlines() for name, content in golden.files_below(folder).items()}


def rows(lines):
    return [json.loads(line) for line in lines]


def by_user(lines):
    users = collections.defaultdict(list)
    for line in lines:
        users[json.loads(line)["user"]].append(line)
    return users


def profile_of(clicks):
    """What the last profile of a user says, from the clicks behind the last erasure, in their order."""
    items = {}
    for click in clicks:
        if "item" in click:
            items[click["item"]] = max(click["timestamp"], items.get(click["item"], ""))
    spend = 0.0
    for click in clicks:
        if click["event"] == "purchase":
            spend += click["price"] * click["quantity"]
    count = collections.Counter(click["event"] for click in clicks)
    return {
        "first_seen": min(click["timestamp"] for click in clicks),
        "last_seen": max(click["timestamp"] for click in clicks),
        "events": len(clicks),
        "sessions": len({click["session"] for click in clicks}),
        "views": count["view"], "searches": count["search"], "carts": count["cart"], "purchases": count["purchase"],
        "spend": spend,
        "last_items": sorted(items, key=items.get, reverse=True)[:20],
    }


class VisitsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as work:
            cls.plain = run_flow(work)
        cls.clicks = collections.defaultdict(list)
        for click in rows(cls.plain["visits.ndjson"]):
            cls.clicks[click["user"]].append(click)

    def test_every_click_is_in_the_visit_of_its_session(self):
        # An erasure ends the visit: what the user does behind it in the same session is another one.
        pairs, parts = set(), set()
        for clicks in self.clicks.values():
            erasures = 0
            for click in clicks:
                pairs.add((click["session"], click["visit"]))
                parts.add((click["session"], erasures))
                erasures += click["event"] == "erase"
        self.assertEqual(sum(len(clicks) for clicks in self.clicks.values()), ROWS)
        self.assertGreater(len(parts), len({session for session, _ in parts}))
        self.assertEqual(len(pairs), len(parts))
        self.assertEqual(len(pairs), len({visit for _, visit in pairs}))

    def test_last_profile_of_each_user_is_what_the_user_did(self):
        profiles = {user: rows(lines) for user, lines in by_user(self.plain["profiles.ndjson"]).items()}
        self.assertEqual(set(profiles), set(self.clicks))
        erased = 0
        for user, clicks in self.clicks.items():
            last = profiles[user][-1]
            erasures = [place for place, click in enumerate(clicks) if click["event"] == "erase"]
            if erasures:
                clicks = clicks[erasures[-1] + 1:]
            if not clicks:
                erased += 1
                self.assertEqual(set(last), {"user", "time", "erase"})
                self.assertTrue(last["erase"])
                continue
            expected = profile_of(clicks)
            self.assertFalse(last["erase"])
            self.assertAlmostEqual(last.pop("spend"), expected.pop("spend"), 6)
            self.assertEqual({name: last[name] for name in expected}, expected, user)
        self.assertGreater(erased, 10)

    def test_each_erasure_is_on_record(self):
        asked = sorted((click["user"], click["timestamp"])
                       for clicks in self.clicks.values() for click in clicks if click["event"] == "erase")
        record = sorted((row["user"], row["time"]) for row in rows(self.plain["erased.ndjson"]))
        self.assertEqual(record, asked)
        told = sorted((row["user"], row["time"]) for row in rows(self.plain["profiles.ndjson"]) if row["erase"])
        self.assertEqual(told, asked)

    def test_searches_are_all_there(self):
        expected = sum(click["event"] == "search" for clicks in self.clicks.values() for click in clicks)
        searches = rows(self.plain["searches.ndjson"])
        self.assertEqual(len(searches), expected)
        self.assertTrue(all(search["query"] for search in searches))

    def test_result_does_not_depend_on_the_run(self):
        chance = random.Random(SEED)
        checkpoint = 'checkpoint = { path = "state", interval = "50ms" }'
        for parallelism in (1, 2, 4):
            pipeline = [f"parallelism = {parallelism}"] + chance.choice([[], [checkpoint]])
            batch_rows = chance.choice([100, 1000, 8192])
            with self.subTest(seed=SEED, pipeline=pipeline, batch_rows=batch_rows):
                with tempfile.TemporaryDirectory() as work:
                    other = run_flow(work, pipeline, batch_rows)
                # Of each user in order.
                self.assertEqual(by_user(other["profiles.ndjson"]), by_user(self.plain["profiles.ndjson"]))
                for name in ("visits.ndjson", "erased.ndjson", "searches.ndjson", "per_hour.ndjson"):
                    self.assertEqual(sorted(other[name]), sorted(self.plain[name]), name)


if __name__ == "__main__":
    unittest.main()
