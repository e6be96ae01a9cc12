"""The web-log flow gives one output, however it is run.

Runs the command over pipelines/weblogs/access.log and compares every byte of the documents with
pipelines/weblogs/expected.ndjson and the rejected lines with expected.rejected.ndjson (without what
differs from run to run). The expected documents themselves are checked against a reference written
from the documentation alone: the log format, page names, the database's records, the document.
What the reference does not know (os, browser, device_type) is taken from the expected document.

FLOWRUN_GOLDEN_WRITE=1 writes the two expected files anew: look at the difference before committing.
FLOWRUN_TEST_SEED repeats the random settings of a failed run.
"""

import datetime
import ipaddress
import json
import os
import random
import re
import struct
import tempfile
import unittest

import golden
from flow_case import SEED, SOURCES
from golden import without_chance

FOLDER = os.path.join(SOURCES, "pipelines", "weblogs")
SHARED = os.environ.get("FLOWRUN_SHARED_DIR", os.path.join(SOURCES, "..", "shared"))

FIRST_DOCUMENT = (
    '{"host":"203.0.113.42","datetime":"28/Oct/2025:10:15:30 +0000","request":"GET /product.php HTTP/1.1",'
    '"response":"200","bytes":"1234","referer":"http://example.com/search.php","agent":"Mozilla/5.0 (Windows NT 10.0; '
    'Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","city":"Paris","country":"France",'
    '"location":{"lat":48.8566,"lon":2.3522},"os":"Windows","browser":"Chrome","device_type":"desktop","webpage":"product",'
    '"refering_page":"search"}'
)


def run_flow(work, log=None, pipeline=(), source=(), arguments=()):
    """Runs the flow in `work`; returns the documents, the rejected lines, and what was logged."""
    text = golden.flow("weblogs", pipeline, source)
    if log is not None:
        text = text.replace(os.path.join(FOLDER, "access.log"), log)
    log_lines = golden.run(work, text, arguments)
    files = golden.outputs(work)
    return files.get("weblogs.ndjson", b""), files.get("weblogs.rejected.ndjson", b""), log_lines


# ---- the reference ----

class Database:
    """Reads a MaxMind database, by its published format."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        mark = b"\xab\xcd\xefMaxMind.com"
        self.base = self.bytes.rindex(mark) + len(mark)
        self.metadata = self.value(self.base)[0]
        self.width = self.metadata["record_size"]
        self.nodes = self.metadata["node_count"]
        self.base = self.nodes * self.width // 4 + 16

    def value(self, at):
        control = self.bytes[at]
        at += 1
        kind = control >> 5
        if kind == 1:
            size = (control >> 3) & 3
            low = int.from_bytes(self.bytes[at : at + size + 1], "big")
            pointer = low + [(control & 7) << 8, ((control & 7) << 16) + 2048, ((control & 7) << 24) + 526336, 0][size]
            return self.value(self.base + pointer)[0], at + size + 1
        if kind == 0:
            kind = 7 + self.bytes[at]
            at += 1
        size = control & 31
        if size >= 29:
            extra = size - 28
            size = [29, 285, 65821][extra - 1] + int.from_bytes(self.bytes[at : at + extra], "big")
            at += extra
        if kind == 7:
            result = {}
            for _ in range(size):
                key, at = self.value(at)
                result[key], at = self.value(at)
            return result, at
        if kind == 11:
            items = []
            for _ in range(size):
                item, at = self.value(at)
                items.append(item)
            return items, at
        if kind == 14:
            return size != 0, at
        raw = self.bytes[at : at + size]
        at += size
        if kind == 2:
            return raw.decode(), at
        if kind == 3:
            return struct.unpack(">d", raw)[0], at
        if kind == 15:
            return struct.unpack(">f", raw)[0], at
        if kind in (5, 6, 9, 10):
            return int.from_bytes(raw, "big"), at
        if kind == 8:
            return int.from_bytes(raw, "big", signed=True), at
        return raw, at

    def record(self, node, bit):
        if self.width == 24:
            at = node * 6 + 3 * bit
            return int.from_bytes(self.bytes[at : at + 3], "big")
        if self.width == 28:
            at = node * 7
            middle = self.bytes[at + 3]
            if bit == 0:
                return ((middle >> 4) << 24) | int.from_bytes(self.bytes[at : at + 3], "big")
            return ((middle & 15) << 24) | int.from_bytes(self.bytes[at + 4 : at + 7], "big")
        at = node * 8 + 4 * bit
        return int.from_bytes(self.bytes[at : at + 4], "big")

    def find(self, text):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return {}
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        number, width = int(address), 32 if address.version == 4 else 128
        node = 0
        if address.version == 4 and self.metadata["ip_version"] == 6:
            for _ in range(96):
                node = self.record(node, 0) if node < self.nodes else node
        for shift in range(width - 1, -1, -1):
            if node >= self.nodes:
                break
            node = self.record(node, (number >> shift) & 1)
        return {} if node <= self.nodes else self.value(self.base - 16 + node - self.nodes)[0]


QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(r'(\S+) (\S+) (.+?) \[([^\]]*)\] ' + QUOTED + r" (\S+) (\S+) " + QUOTED + " " + QUOTED, re.S)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def is_time(text):
    parts = re.fullmatch(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) [+-]\d{4}", text)
    if not parts or parts[2] not in MONTHS:
        return False
    try:
        datetime.datetime(int(parts[3]), MONTHS.index(parts[2]) + 1, *(int(parts[i]) for i in (1, 4, 5, 6)))
    except ValueError:
        return False
    return True


def parse(line):
    """The seven fields, None where '-'; or None for a line that is none."""
    found = LINE.fullmatch(line)
    if not found:
        return None
    host, _, _, when, request, response, size, referer, agent = found.groups()
    if not is_time(when) or not re.fullmatch(r"\d{3}|-", response) or not re.fullmatch(r"\d+|-", size):
        return None
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
    values = (host, when, request, response, size, referer, agent)
    return [None if value == "-" else value for value in values]


def page_of_path(path):
    path = re.split(r"[?#]", path)[0]
    segments = [segment for segment in path.split("/") if segment]
    if not segments:
        return "home"
    last = segments[-1]
    dot = last.rfind(".")
    return last if path.endswith("/") or dot <= 0 else last[:dot]


def page_of_url(text):
    found = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", text, re.S)
    return page_of_path(found[2]) if found and found[1] else None


def page_of_request(text):
    found = re.fullmatch(r"(\S+) (.*) HTTP/\S+", text or "", re.S)
    if not found:
        return None
    return page_of_path(found[2]) if found[2].startswith("/") else page_of_url(found[2])


def page_of_referer(text):
    if not text:
        return None
    return page_of_path(text) if text.startswith("/") else page_of_url(text)


def document(line, database, agent_facts):
    fields = parse(line)
    if fields is None:
        return None
    result = dict(zip(("host", "datetime", "request", "response", "bytes", "referer", "agent"), fields))
    place = database.find(result["host"])
    result["city"] = place.get("city", {}).get("names", {}).get("en")
    result["country"] = place.get("country", {}).get("names", {}).get("en")
    spot = place.get("location")
    result["location"] = {"lat": spot["latitude"], "lon": spot["longitude"]} if spot else None
    for name in ("os", "browser", "device_type"):
        result[name] = agent_facts.get(name)
    result["webpage"] = page_of_request(result["request"])
    result["refering_page"] = page_of_referer(result["referer"])
    return {name: value for name, value in result.items() if value is not None}


def expected(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


class WeblogsTest(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        print(f"weblogs: FLOWRUN_TEST_SEED={SEED}", flush=True)
        if os.environ.get("FLOWRUN_GOLDEN_WRITE"):
            with tempfile.TemporaryDirectory() as work:
                documents, rejected, _ = run_flow(work)
            for name, content in (("expected.ndjson", documents), ("expected.rejected.ndjson", without_chance(rejected))):
                with open(os.path.join(FOLDER, name), "wb") as file:
                    file.write(content)

    def check(self, documents, rejected):
        self.assertEqual(documents.count(b"\n"), expected("expected.ndjson").count(b"\n"))
        for number, (seen, wanted) in enumerate(zip(documents.splitlines(), expected("expected.ndjson").splitlines()), 1):
            self.assertEqual(seen, wanted, f"document {number}")
        self.assertEqual(documents, expected("expected.ndjson"))
        self.assertEqual(without_chance(rejected), expected("expected.rejected.ndjson"))

    def test_first_line_gives_exactly_its_document(self):
        first = expected("expected.ndjson").split(b"\n")[0]
        self.assertEqual(first.decode(), FIRST_DOCUMENT)

    def test_expected_documents_agree_with_the_reference(self):
        database = Database(os.path.join(FOLDER, "city.mmdb"))
        documents = expected("expected.ndjson").decode().splitlines()
        letters = [json.loads(line) for line in expected("expected.rejected.ndjson").decode().splitlines()]
        at, rejected, offset = 0, 0, 0
        with open(os.path.join(FOLDER, "access.log"), "rb") as log:
            for number, raw in enumerate(log, 1):
                bytes_of_line = raw.rstrip(b"\n")
                bytes_of_line = bytes_of_line[:-1] if bytes_of_line.endswith(b"\r") else bytes_of_line
                line = bytes_of_line.decode("utf-8", "replace")
                if parse(line) is None:
                    self.assertLess(rejected, len(letters), f"line {number} should be rejected: {line}")
                    letter = letters[rejected]
                    rejected += 1
                    self.assertEqual(letter["position"], offset, f"line {number}")
                    self.assertTrue(letter["reason"] and letter["message"])
                    if "record" in letter:
                        self.assertEqual(letter["record"].encode(), bytes_of_line)
                    else:
                        import base64
                        self.assertEqual(base64.b64decode(letter["record_bytes"]), bytes_of_line)
                else:
                    self.assertLess(at, len(documents), f"line {number} should be a document: {line}")
                    seen = json.loads(documents[at])
                    at += 1
                    wanted = document(line, database, seen)
                    self.assertEqual(list(seen.items()), list(wanted.items()), f"line {number}")
                offset += len(raw)
        self.assertEqual((at, rejected), (len(documents), len(letters)))
        self.assertEqual((at, rejected), (4979, 21))

    def test_any_parallelism_gives_the_same_output(self):
        for parallelism in (1, 2, 4):
            with self.subTest(parallelism=parallelism), tempfile.TemporaryDirectory() as work:
                documents, rejected, _ = run_flow(work, arguments=("--parallelism", str(parallelism)))
                self.check(documents, rejected)

    def test_random_settings_give_the_same_output(self):
        chance = random.Random(SEED)
        for _ in range(6):
            pipeline, source = golden.random_settings(chance)
            with self.subTest(pipeline=pipeline, source=source), tempfile.TemporaryDirectory() as work:
                documents, rejected, log = run_flow(work, pipeline=pipeline, source=source)
                self.check(documents, rejected)
                self.assertEqual(log[-1]["unaccounted_rows"], 0)

    def test_input_cut_anywhere_between_reads_gives_the_same_output(self):
        chance = random.Random(SEED + 1)
        with open(os.path.join(FOLDER, "access.log"), "rb") as file:
            content = file.read()
        for longest in (200, 3000, 100000):
            with self.subTest(longest=longest), tempfile.TemporaryDirectory() as work:
                pipe = os.path.join(work, "access.pipe")
                os.mkfifo(pipe)
                child = os.fork()
                if child == 0:
                    with open(pipe, "wb", buffering=0) as out:
                        at = 0
                        while at < len(content):
                            end = at + chance.randrange(1, longest)
                            out.write(content[at:end])
                            at = end
                    os._exit(0)
                try:
                    documents, rejected, _ = run_flow(work, log=pipe, arguments=("--parallelism", "3"))
                finally:
                    os.waitpid(child, 0)
                self.check(documents, rejected)

    def test_a_real_log_is_delivered_or_rejected_with_a_reason(self):
        log = os.path.join(SHARED, "data", "weblogs", "apache_logs")
        if not os.path.exists(log):
            self.skipTest(f"there is no {log}")
        with tempfile.TemporaryDirectory() as work:
            documents, rejected, _ = run_flow(work, log=log)
            letters = [json.loads(line) for line in rejected.splitlines()]
            self.assertEqual(documents.count(b"\n") + len(letters), 10000)
            for letter in letters:
                self.assertTrue(letter["reason"] and letter["message"], letter)
            with open(log, "rb") as file:
                lines = file.read().decode("utf-8", "replace").split("\n")
            wanted = sum(1 for line in lines if line and parse(line) is not None)
            self.assertEqual(documents.count(b"\n"), wanted, "the reference accepts another number of lines")
            print(f"apache_logs: {documents.count(bytes([10]))} delivered, {len(letters)} rejected:",
                  sorted({letter["reason"] for letter in letters}), flush=True)

    def test_running_again_says_what_it_found(self):
        with tempfile.TemporaryDirectory() as work:
            run_flow(work)
            documents, rejected, log = run_flow(work)
            self.assertEqual(documents, expected("expected.ndjson"))
            self.assertEqual(rejected.count(b"\n"), 42, "rejected lines are appended")
            said = " ".join(entry["message"] for entry in log)
            self.assertIn("out/weblogs.ndjson", said)
            self.assertRegex(said, "replace")


if __name__ == "__main__":
    unittest.main(verbosity=2)
