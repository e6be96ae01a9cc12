"""An HTTP server that answers by the path, and writes each request as a line of JSON to a file.

Usage: webhook_server.py LOG [CERTIFICATE KEY]; prints its port.
"""

import http.server
import json
import ssl
import sys
import threading
import time

LOG = open(sys.argv[1], "a", encoding="utf-8")
LOCK = threading.Lock()
SEEN = {}
ACTIVE = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers=(), body=b"ok"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_request(self):
        global ACTIVE
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace")
        with LOCK:
            ACTIVE += 1
            times = SEEN[(self.path, body)] = SEEN.get((self.path, body), 0) + 1
            LOG.write(json.dumps({"method": self.command, "path": self.path, "body": body, "times": times,
                                  "at": time.monotonic(), "active": ACTIVE, "headers": dict(self.headers)}) + "\n")
            LOG.flush()
        try:
            self.act(times)
        finally:
            with LOCK:
                ACTIVE -= 1

    def act(self, times):
        if self.path == "/busy":
            if times <= 2:
                self.answer(429, [("Retry-After", "1")], b"slow down")
            else:
                self.answer(200)
        elif self.path == "/fail":
            self.answer(500, (), b"out of order")
        elif self.path == "/flaky":
            self.answer(503 if times == 1 else 204, (), b"")
        elif self.path == "/slow":
            time.sleep(0.05)
            self.answer(200)
        elif self.path == "/hang":
            time.sleep(5)
            self.close_connection = True
        elif self.path == "/close":
            self.close_connection = True
        elif self.path == "/garbage":
            self.wfile.write(b"\x00\xff\xfe not http at all\r\n\r\n")
            self.close_connection = True
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
                    time.sleep(0.01)
            except OSError:
                pass
            self.close_connection = True
        elif self.path == "/reject":
            self.answer(422, (), b"no such \xff field")
        elif self.path == "/moved":
            self.answer(301, [("Location", "/ok")], b"")
        elif self.path == "/auth":
            granted = self.headers.get("Authorization") == "Bearer s3cret"
            self.answer(200 if granted else 401, (), b"")
        elif self.path == "/auth-later":
            self.answer(403 if times == 1 and sum(SEEN.values()) > 2 else 200, (), b"")
        else:
            self.answer(200)

    do_POST = do_PUT = do_PATCH = handle_request

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that goes away


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
