"""The plugin http from outside: what a client is told, and what is in the output afterwards.

Starts pipelines on free ports, talks to them as clients do, kills them, and compares the files that they wrote with the
answers that they gave.
"""

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from flow_case import SANITIZER

BINARY = os.environ["FLOWRUN_BINARY"]
PLUGINS = os.environ["FLOWRUN_PLUGIN_DIR"]

DURABLE = """[pipeline]
name = "durable"
plugins = ["http", "std", "files"]
checkpoint = {{ path = "state", interval = "200ms" }}
dead_letter = "dead.ndjson"
[sources.events]
type = "http"
listen = "127.0.0.1:{port}"
acknowledge = "durable"
decoding = {{ type = "json", schema = {{ n = "int" }} }}
[sinks.out]
type = "file"
inputs = ["events"]
encoding = "json"
path = "out.ndjson"
"""

STOPPED = """[pipeline]
name = "stopped"
plugins = ["http", "std", "files"]
memory_limit = "16MiB"
in_flight = "1MiB"
on_error = "drop"
[sources.events]
type = "http"
listen = "127.0.0.1:{port}"
buffer = "1MiB"
max_body = "1MiB"
accept_timeout = "300ms"
decoding = "json"
[sinks.out]
type = "stdout"
inputs = ["events"]
encoding = "json"
"""

ASKED = """[pipeline]
name = "asked"
plugins = ["http", "std", "files"]
checkpoint = {{ path = "state", interval = "100ms" }}
dead_letter = "dead.ndjson"
[sources.clicks]
type = "http"
listen = "127.0.0.1:{port}"
path = "/clicks"
{options}
decoding = "json"
[sources.asked]
type = "http"
listen = "127.0.0.1:{port}"
path = "/recommend"
acknowledge = "response"
timeout = "1s"
{options}
decoding = {{ type = "json", schema = {{ n = "int" }} }}
[transforms.few]
type = "filter"
inputs = ["asked"]
where = "n < 1000"
[transforms.twice]
type = "compute"
inputs = ["few"]
fields = {{ m = "n * 2" }}
[sinks.answers]
type = "respond"
inputs = ["twice", "asked.errors"]
[sinks.table]
type = "serve"
inputs = ["clicks"]
listen = "127.0.0.1:{port}"
table = "clicks"
key = "id"
{options}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HttpTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = folder.name
        self.port = free_port()
        self.tls = None

    def path(self, name):
        return os.path.join(self.work, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, text, **values):
        with open(self.path("flow.toml"), "w", encoding="utf-8") as out:
            out.write(text.format(port=self.port, **values))

    def start(self, stdout=subprocess.DEVNULL):
        with open(self.path("log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [BINARY, "run", "flow.toml", "--plugin-path", PLUGINS, "--admin", "off", "--quiet", "--log-format", "json"],
                cwd=self.work, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        deadline = time.monotonic() + 30
        while True:
            try:
                self.call("GET", "/nothing")
                return process
            except OSError:
                self.assertIsNone(process.poll(), self.read("log")[-3000:])
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)

    def connect(self, timeout=20):
        if self.tls is not None:
            return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method, path, body=None, headers=None, connection=None):
        """Status, headers, and the text of the answer."""
        used = connection or self.connect()
        try:
            used.request(method, path, body, headers or {})
            answer = used.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            if connection is None:
                used.close()

    def call_until_taken(self, method, path, body=None, headers=None):
        """While the pipeline starts it says 503."""
        for _ in range(500):
            status, _, text = self.call(method, path, body, headers)
            if status != 503:
                return status, text
            time.sleep(0.02)
        self.fail("still starting")

    def post_until_taken(self, path, body):
        return self.call_until_taken("POST", path, body)

    def test_what_was_answered_as_durable_is_there_once_after_kills(self):
        self.write(DURABLE)
        answered, sent = set(), 0
        lock = threading.Lock()
        for turn in range(4):
            process = self.start()
            is_over = threading.Event()

            def send():
                nonlocal sent
                while not is_over.is_set():
                    try:
                        connection = self.connect()
                        while not is_over.is_set():
                            with lock:
                                numbers = list(range(sent, sent + 3))
                                sent += 3
                            status, _, _ = self.call("POST", "/events", "\n".join(
                                json.dumps({"n": n}) for n in numbers), connection=connection)
                            if status == 200:
                                with lock:
                                    answered.update(numbers)
                    except (OSError, http.client.HTTPException):
                        pass

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for _ in range(8):
                    pool.submit(send)
                begin, before = time.monotonic(), len(answered)
                while time.monotonic() - begin < 30 and len(answered) < before + 200:
                    time.sleep(0.05)
                time.sleep(0.1 * turn)
                process.kill()
                process.wait()
                is_over.set()
            self.assertGreater(len(answered), before)
        process = self.start()
        self.post_until_taken("/events", '{"n":-1}')
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.read("log")[-3000:])
        there = [json.loads(line)["n"] for line in self.read("out.ndjson").splitlines()]
        print(f"durable: {sent} records sent, {len(answered)} answered, {len(there)} there", flush=True)
        self.assertEqual(len(there), len(set(there)), "a record is there twice")
        self.assertEqual(answered - set(there), set(), "answered and lost")

    def test_a_stopped_sink_makes_429_and_what_was_accepted_comes_out(self):
        self.write(STOPPED)
        process = self.start(stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        accepted, refused = [], 0
        filler = "x" * 20_000
        deadline = time.monotonic() + 60
        number = 0
        while refused < 20 and time.monotonic() < deadline:
            number += 1
            status, headers, text = self.call("POST", "/events", json.dumps({"n": number, "x": filler}))
            if status == 202:
                accepted.append(number)
            elif status == 429:
                refused += 1
                self.assertEqual(headers["Retry-After"], "1")
            else:
                self.assertEqual(status, 503, text)
        self.assertEqual(refused, 20)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        if not SANITIZER:
            self.assertLess(resident, 16 * 1024 + 100 * 1024)
        process.send_signal(signal.SIGTERM)
        documents = process.stdout.read()
        self.assertEqual(process.wait(60), 0, self.read("log")[-3000:])
        self.assertEqual([json.loads(line)["n"] for line in documents.splitlines()], accepted)
        print(f"stopped sink: {len(accepted)} accepted, all came out; resident {resident / 1024:.0f} MiB", flush=True)

    def test_one_port_carries_clicks_questions_and_tables(self):
        self.write(ASKED, options="")
        process = self.start()
        self.assertEqual(self.post_until_taken("/clicks", '[{"id":"a","v":1},{"id":7},{"id":null},{"v":2}]')[0], 202)
        status, text = self.post_until_taken("/recommend", '{"n":21}')
        self.assertEqual((status, json.loads(text)["m"]), (200, 42), text)
        status, _, text = self.call("POST", "/recommend", '[{"n":1},{"n":2}]')
        self.assertEqual((status, [row["m"] for row in json.loads(text)]), (200, [2, 4]), text)
        status, _, text = self.call("POST", "/recommend", '{"n":"many"}')
        self.assertEqual((status, json.loads(text)["error"]), (422, "bad_type"), text)
        self.assertEqual(self.call("POST", "/recommend", '{"n":')[0], 400)
        self.assertEqual(self.call("POST", "/recommend", '{"n":2000}')[0], 504)
        self.assertEqual(json.loads(self.call("GET", "/tables/clicks/a")[2])["v"], 1)
        self.assertEqual(self.call("GET", "/tables/clicks/7")[0], 200)
        self.assertEqual(len(json.loads(self.call("GET", "/tables/clicks")[2])), 2)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda n: self.call("POST", "/recommend", json.dumps({"n": n})), range(500)))
        self.assertEqual([(status, json.loads(text)["m"]) for status, _, text in answers],
                         [(200, 2 * n) for n in range(500)])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.read("log")[-3000:])
        reasons = [json.loads(line)["reason"] for line in self.read("dead.ndjson").splitlines()]
        self.assertEqual(sorted(reasons), ["no_key", "no_key"])
        self.assertIn('"unaccounted_rows":0', self.read("log"))

    def test_rows_of_another_source_answer_no_request(self):
        self.write(ASKED.replace('["twice", "asked.errors"]', '["twice", "asked.errors", "clicks"]'), options="")
        self.start()
        self.assertEqual(self.post_until_taken("/recommend", '{"n":1}')[0], 200)
        status, headers, _ = self.call("POST", "/recommend", '{"n":2}')
        secret, number = headers["X-Request-Id"].split("-")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self.call, "POST", "/recommend", '{"n":2000}')  # which nothing answers
            time.sleep(0.2)
            forged = [{"request_id": f"{secret}-{int(number, 16) + n:x}"} for n in range(100)]
            forged += [{"partition": f"127.0.0.1:{self.port}/recommend", "position": n, "reason": "forged",
                        "message": "forged"} for n in range(40)]
            self.assertEqual(self.call("POST", "/clicks", "\n".join(map(json.dumps, forged)))[0], 202)
            status, _, text = asked.result()
        self.assertEqual(status, 504, text)

    def test_a_table_is_there_after_a_kill(self):
        self.write(ASKED, options="")
        process = self.start()
        rows = [{"id": f"user {n % 700}", "v": n} for n in range(2000)]
        self.assertEqual(self.post_until_taken("/clicks", json.dumps(rows[:1000]))[0], 202)
        time.sleep(0.5)
        self.assertEqual(self.call("POST", "/clicks", json.dumps(rows[1000:]))[0], 202)
        time.sleep(0.2)
        process.kill()
        process.wait()
        process = self.start()
        deadline = time.monotonic() + 20
        listed = []
        while time.monotonic() < deadline:
            status, _, text = self.call("GET", "/tables/clicks?limit=1000")
            listed = json.loads(text) if status == 200 else []
            if [row["v"] for row in listed] == list(range(1999, 1299, -1)):
                break
            time.sleep(0.05)
        self.assertEqual([row["v"] for row in listed], list(range(1999, 1299, -1)))
        self.assertEqual(json.loads(self.call("GET", "/tables/clicks/user%20599")[2])["v"], 1999)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.read("log")[-3000:])
        self.start()
        self.assertEqual(len(json.loads(self.call_until_taken("GET", "/tables/clicks?limit=1000")[1])), 700)

    def test_tls_and_a_token(self):
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            cwd=self.work, capture_output=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr.decode())
        self.tls = ssl.create_default_context(cafile=self.path("certificate.pem"))
        os.environ["FLOWRUN_TEST_TOKEN"] = "a secret"
        self.write(ASKED, options='certificate_file = "certificate.pem"\nkey_file = "key.pem"\n'
                                  'token = { env = "FLOWRUN_TEST_TOKEN" }')
        self.start()
        headers = {"Authorization": "Bearer a secret"}
        self.call_until_taken("POST", "/clicks", '{"id":"first"}', headers)
        status, text = self.call_until_taken("POST", "/recommend", '{"n":21}', headers)
        self.assertEqual((status, json.loads(text)["m"]), (200, 42))
        self.assertEqual(self.call("POST", "/recommend", '{"n":1}')[0], 401)
        connection = self.connect()
        for n in range(20):
            body = json.dumps({"id": n, "x": "y" * 100_000})
            self.assertEqual(self.call("POST", "/clicks", body, headers, connection)[0], 202)
        self.assertEqual(self.call("GET", "/tables/clicks/3", headers=headers)[0], 404)  # more than 64 KiB
        self.assertEqual(self.call("GET", "/tables/clicks/3")[0], 401)
        # Who does not speak TLS is cut off, and others do not notice.
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertNotIn(b"HTTP/1.1 200", plain.recv(1000))
        self.assertEqual(self.call("GET", "/tables/clicks", headers=headers)[0], 200)
        self.assertNotIn("a secret", self.read("log"))

    def test_a_port_that_is_taken_is_said_at_the_start(self):
        self.write(ASKED, options="")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            done = subprocess.run([BINARY, "run", "flow.toml", "--plugin-path", PLUGINS, "--admin", "off"], cwd=self.work,
                                  capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}", done.stderr)
        self.assertIn("set another `listen`", done.stderr)

    def test_what_a_source_cannot_have_is_said_at_its_place(self):
        cases = [({"listen": "192.0.2.1:1", "token": "x"}, "listen: cannot listen on 192.0.2.1:1"),
                 ({"listen": f"127.0.0.1:{self.port}", "acknowledge": "durable"}, 'acknowledge: "durable" needs'),
                 ({"listen": f"127.0.0.1:{self.port}", "certificate_file": "no.pem", "key_file": "no.key"},
                  "certificate_file: cannot use 'no.pem'")]
        for options, words in cases:
            self.write_source(options)
            done = self.flowrun("run", "--admin", "off")
            self.assertEqual(done.returncode, 69, done.stderr)
            self.assertRegex(done.stderr, r"flow\.toml:\d+:\d+: sources\.events\." + words)
            done = self.flowrun("validate")
            if "192" in options["listen"]:  # an address that the machine which runs it may have
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            else:
                self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
                self.assertRegex(done.stderr, r"flow\.toml:\d+:\d+: sources\.events\." + words)
        self.write_source({"listen": f"127.0.0.1:{self.port}"}, {"listen": f"127.0.0.1:{self.port}"})
        done = self.flowrun("run", "--admin", "off")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertRegex(done.stderr, r"flow\.toml:\d+:\d+: sources\.\w+\.path: another component has the path /events")
        self.write_source({"listen": f"127.0.0.1:{self.port}"},
                          {"listen": f"127.0.0.1:{self.port}", "path": "/b", "max_connections": 7})
        done = self.flowrun("run", "--admin", "off")
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertRegex(done.stderr, r"sources\.\w+\.max_connections: two components listen on")

    def test_a_running_pipeline_is_valid(self):
        self.write(DURABLE)
        self.start()
        done = self.flowrun("validate")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def write_source(self, *options):
        text = '[pipeline]\nname = "p"\nplugins = ["http", "std", "files"]\non_error = "drop"\n'
        names = ["events", "others"][:len(options)]
        for name, settings in zip(names, options):
            text += f'[sources.{name}]\ntype = "http"\n'
            text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        text += f'[sinks.out]\ntype = "stdout"\ninputs = {json.dumps(names)}\nencoding = "json"\n'
        with open(self.path("flow.toml"), "w", encoding="utf-8") as out:
            out.write(text)

    def flowrun(self, command, *arguments):
        return subprocess.run([BINARY, command, "flow.toml", "--plugin-path", PLUGINS, *arguments], cwd=self.work,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_ids_of_every_kind(self):
        self.write(ASKED, options="")
        self.start()
        large = "k" * (1 << 20)
        bodies = ['{"id":null}', '{"id":7}', '{"id":7.5}', '{"id":true}', '{"id":{"a":1}}', '{"id":[1]}', '{"id":""}',
                  json.dumps({"id": large}), '{"id":"\\ud83d\\ude00"}', '{"id":"\\u0000"}']
        self.assertEqual(self.post_until_taken("/clicks", bodies[0])[0], 202)
        for body in bodies[1:]:
            longest = 1 << 20
            self.assertEqual(self.call("POST", "/clicks", body)[0], 202 if len(body) <= longest else 400, body[:80])
        deep = '{"id":' + "[" * 10_000 + "]" * 10_000 + "}"
        status, _, text = self.call("POST", "/clicks", deep)
        self.assertEqual(status, 400)
        self.assertIn("nested too deeply", text)
        deadline = time.monotonic() + 10
        while self.call("GET", "/tables/clicks/%F0%9F%98%80")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        for key in ("7", "7.5", "true", "%F0%9F%98%80", "%00"):
            self.assertEqual(self.call("GET", "/tables/clicks/" + key)[0], 200, key)
        self.assertEqual(self.post_until_taken("/recommend", '{"n":1}')[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
