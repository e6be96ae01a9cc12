"""The flow of pipelines/ecommerce.toml as a shop would use it: clicks are posted, a page asks and is answered, tables are
read over HTTP and with SQLite, and a kill in the middle changes nothing of them.
"""

import json
import os
import sqlite3
import time
import unittest
import urllib.error
import urllib.request

from flow_case import SOURCES, FlowCase, free_port, ledger_of

ROWS = 12_000


class EcommerceTest(FlowCase):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        with open(os.path.join(SOURCES, "pipelines", "ecommerce.toml"), encoding="utf-8") as file:
            text = file.read()
        # Clicks closer together in time, so that windows end and users come again.
        self.text = text.replace("erase_share = 0.00002", "erase_share = 0.002").replace("users = 20000", "users = 500")
        self.text = self.text.replace('idle = "2s"', 'idle = "300ms"')
        self.text = self.text.replace('every = "10m"', 'every = "1m"').replace('size = "1h"', 'size = "2m"')

    def start_shop(self, pipeline="", rate=1e9):
        self.write("flow.toml", self.text.replace("[pipeline]\n", "[pipeline]\n" + pipeline, 1))
        self.write("log", "")
        return self.start("--set", f"listen=127.0.0.1:{self.port}", "--set", f"rows={ROWS}", "--set", f"rate={rate}")

    def stop_shop(self, process):
        self.stop(process)
        ledger = ledger_of(self.entries())
        self.assertEqual(sum(line["unaccounted"] for line in ledger.values()), 0)
        return ledger

    def ask(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def rows_of(self, query):
        with sqlite3.connect(self.path("out", "ecommerce", "shop.db")) as database:
            return database.execute(query).fetchall()

    def test_a_page_is_answered_with_what_was_learned_and_the_tables_tell_the_rest(self):
        process = self.start_shop()
        notice = self.wait_for_log("Input is read.", process)["notice"]
        for word in ("curl", "sqlite3", f"http://127.0.0.1:{self.port}/recommend"):
            self.assertIn(word, notice)

        status, first = self.ask("/recommend", {"user": "me", "item": 17})
        self.assertEqual(status, 200, first)
        self.assertEqual(len(first["recommendations"]), 20)
        items = [entry["item"] for entry in first["recommendations"]]
        self.assertEqual(len(set(items)), 20)
        scores = [entry["score"] for entry in first["recommendations"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertTrue(all(entry["reason"] for entry in first["recommendations"]))
        status, second = self.ask("/recommend", {"user": "me", "item": items[1]})
        self.assertEqual((status, second["session"]), (200, first["session"]))
        self.assertEqual((second["predicted"], second["rank"]), (True, 2))
        self.wait_until("no list is served", lambda: self.ask("/tables/recommendations/" + first["session"])[1].get("item") == items[1])

        # What is no click is refused in words, by the rule that it breaks.
        status, refused = self.ask("/recommend", {"item": 3})
        self.assertEqual(status, 422, refused)
        self.assertIn("user", refused["message"])
        status, refused = self.ask("/recommend", {"user": "me", "item": "a lamp"})
        self.assertEqual(status, 422, refused)

        status, taken = self.ask("/clicks", [
            {"timestamp": "2026-01-01T12:00:00Z", "user": "them", "event": "search", "query": "'); DROP TABLE searches; --"},
            {"timestamp": "2026-01-01T12:00:01Z", "user": "them", "event": "purchase", "item": 5, "price": 2.5, "quantity": 4}])
        self.assertEqual(status, 202, taken)

        # Whoever asks to be forgotten is, however late; another click that comes late is kept apart.
        for clicks in ([{"timestamp": "2026-01-01T12:00:02Z", "user": "gone", "event": "search", "query": "a gift"},
                        {"timestamp": "2026-01-01T13:00:00Z", "user": "others", "event": "view", "item": 3}],
                       [{"timestamp": "2026-01-01T11:00:00Z", "user": "gone", "event": "view", "item": 4},
                        {"timestamp": "2026-01-01T11:00:00Z", "user": "gone", "event": "erase"}]):
            status, taken = self.ask("/clicks", clicks)
            self.assertEqual(status, 202, taken)
            time.sleep(0.5)
        self.assertEqual(self.ask("/tables/profiles/gone")[0], 404)
        ledger = self.stop_shop(process)

        self.assertEqual(self.rows_of("SELECT count(*) FROM searches WHERE user = 'gone'"), [(0,)])
        self.assertEqual(self.rows_of("SELECT count(*) FROM profiles WHERE user = 'gone'"), [(0,)])
        with open(self.path("out", "ecommerce", "late.ndjson"), encoding="utf-8") as late:
            self.assertEqual([(row["user"], row["item"]) for row in map(json.loads, late)], [("gone", 4)])
        self.assertEqual(ledger["clicks"]["created"], ROWS)
        # Each erasure is on record, for the profile and for the searches.
        erasures = self.rows_of("SELECT count(*) FROM flowrun_erasures")[0][0]
        self.assertEqual(erasures, 2 * (ledger["profiles"]["created"] - ledger["profile_cards"]["in"]))
        self.assertGreater(erasures, 20)
        self.assertEqual(self.rows_of("SELECT count(*) FROM searches WHERE event <> 'search'"), [(0,)])
        self.assertEqual(self.rows_of("SELECT spend, searches, purchases FROM profiles WHERE user = 'them'"), [(10.0, 1, 1)])
        self.assertEqual(self.rows_of("SELECT user FROM searches WHERE flowrun_row IN "
                                      "(SELECT rowid FROM searches_search WHERE searches_search MATCH 'drop')"), [("them",)])
        self.assertEqual(self.rows_of("SELECT sum(purchases) FROM conversion")[0][0], ledger["purchases"]["passed"])
        # A list led to some purchases, and by far not to all: 18 of 100 when this was written.
        purchases, led = self.rows_of("SELECT sum(purchases), sum(recommended) FROM conversion")[0]
        self.assertGreater(purchases, 100)
        self.assertGreater(led / purchases, 0.08)
        self.assertLess(led / purchases, 0.4)
        sessions = self.rows_of("SELECT count(*), count(DISTINCT session) FROM recommendations")[0]
        self.assertEqual(sessions[0], sessions[1])

    def tables(self):
        return {
            # Without the first column, flowrun_row: what number a row has depends on the transaction that it came with.
            "profiles": sorted(row[1:] for row in self.rows_of("SELECT * FROM profiles")),
            "searches": sorted(self.rows_of("SELECT timestamp, user, session, query, category FROM searches")),
            "found": sorted(self.rows_of("SELECT t.timestamp, t.user FROM searches_search s JOIN searches t "
                                         "ON t.flowrun_row = s.rowid WHERE searches_search MATCH 'lamp OR shoe'")),
            "recommendations": sorted(self.rows_of("SELECT session, item, recommendations FROM recommendations")),
            "conversion": sorted(self.rows_of("SELECT * FROM conversion")),
        }

    def last_window(self):
        try:
            return self.rows_of("SELECT max(window_end) FROM conversion")[0][0]
        except sqlite3.OperationalError:  # not made yet
            return None

    def wait_until_windows_end(self):
        # Ten clicks a second, a minute of lateness, windows of two minutes.
        whole = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1735689600 + (ROWS // 10 - 60) // 120 * 120))
        self.wait_until("windows do not end", lambda: (self.last_window() or "") >= whole)
        return self.last_window()

    def test_kills_change_no_table(self):
        # What is learned depends on the order of the clicks, which several instances of `visits` would not keep.
        checkpoint = 'parallelism = 1\ncheckpoint = { path = "state", interval = "100ms" }\n'
        process = self.start_shop(checkpoint)
        self.wait_for_log("Input is read.", process)
        # The last windows end when the servers have been silent for a while.
        last = self.wait_until_windows_end()
        time.sleep(2)  # profiles that the silence makes due
        self.stop_shop(process)
        undisturbed = self.tables()
        self.assertGreater(len(undisturbed["found"]), 5)
        for name in ("out", "state"):
            os.rename(self.path(name), self.path(name + ".before"))

        for pause in (0.4, 0.7, 1.1):
            process = self.start_shop(checkpoint, rate=8000)
            time.sleep(pause)
            self.kill(process)
        process = self.start_shop(checkpoint)
        self.wait_for_log("Input is read.", process)
        # What the silence makes due comes behind it, be it that the windows were told before a kill.
        self.wait_until("tables differ", lambda: self.last_window() == last and self.tables()["profiles"] == undisturbed["profiles"])
        self.stop_shop(process)
        again = self.tables()
        for name, rows in undisturbed.items():
            self.assertEqual(again[name], rows, name)


if __name__ == "__main__":
    unittest.main()
