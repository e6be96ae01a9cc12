#!/usr/bin/env python3
"""Writes the sample access log: `make_access_log.py [OUT=access.log] [LINES=5000] [SEED=2]`.

Combined log format. Most lines are ordinary; some are odd but valid, some are malformed. The same
arguments give the same bytes on every machine and Python version: the random numbers come from
SplitMix64 below, not from the `random` module, whose methods may change. Standard library only.
"""
import os
import sys
import time

FIRST_LINE = (
    b'203.0.113.42 - - [28/Oct/2025:10:15:30 +0000] "GET /product.php HTTP/1.1" 200 1234 '
    b'"http://example.com/search.php" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) '
    b'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"'
)
START = 1761646530  # 28/Oct/2025:10:15:30 UTC, the time of the first line
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Random:
    """SplitMix64 (Steele, Lea and Flood, 2014)."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def below(self, limit):
        return self.bits() % limit

    def pick(self, values):
        return values[self.below(len(values))]

    def skewed(self, values):
        """Early values are more frequent: the smaller of two draws."""
        return values[min(self.below(len(values)), self.below(len(values)))]

    def chance(self, percent):
        return self.below(100) < percent


def browsers():
    """Agents of people, the more frequent ones first."""
    webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
    desktops = ["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"]
    phones = ["Linux; Android 14; Pixel 8", "Linux; Android 13; SM-S911B", "Linux; Android 10; K"]
    tablets = ["Linux; Android 13; SM-X906C", "Linux; Android 12; Lenovo TB-J606F"]
    agents = []
    for version in (120, 119, 118, 116):
        for system in desktops:
            agents.append(f"Mozilla/5.0 ({system}) {webkit} Chrome/{version}.0.0.0 Safari/537.36")
        agents.append(f"Mozilla/5.0 ({desktops[0]}) {webkit} Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0")
        for system in ("Windows NT 10.0; Win64; x64", "X11; Ubuntu; Linux x86_64", "Macintosh; Intel Mac OS X 10.15"):
            agents.append(f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0")
        for system in phones:
            agents.append(f"Mozilla/5.0 ({system}) {webkit} Chrome/{version}.0.0.0 Mobile Safari/537.36")
        for system in tablets:
            agents.append(f"Mozilla/5.0 ({system}) {webkit} Chrome/{version}.0.0.0 Safari/537.36")
    for version in ("17_1", "16_6", "15_8"):
        safari = version.replace("_", ".")
        apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
        agents.append(f"Mozilla/5.0 (iPhone; CPU iPhone OS {version} like Mac OS X) {apple} Version/{safari} Mobile/15E148 Safari/604.1")
        agents.append(f"Mozilla/5.0 (iPad; CPU OS {version} like Mac OS X) {apple} Version/{safari} Mobile/15E148 Safari/604.1")
        agents.append(f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {apple} Version/{safari} Safari/605.1.15")
    agents.append("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko")
    agents.append("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)")
    agents.append("Opera/9.80 (Android; Opera Mini/36.2/119.132; U; en) Presto/2.12.423 Version/12.16")
    return agents


ROBOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; DuckDuckBot-Https/1.1; https://duckduckgo.com/duckduckbot)",
    "Twitterbot/1.0",
    "curl/8.4.0",
    "Wget/1.21.3",
    "python-requests/2.31.0",
    "Go-http-client/1.1",
]

PATHS = [
    "/", "/product.php", "/search.php", "/cart.php", "/index.html", "/category/shoes/", "/checkout.php",
    "/category/bags/", "/static/app.min.js", "/static/site.css", "/images/logo.png", "/account/orders.php",
    "/images/products/lamp.jpg", "/blog/2025/10/autumn-sale.html", "/about", "/contact.php", "/api/v1/items",
    "/feed.xml", "/robots.txt", "/favicon.ico", "/downloads/catalogue.tar.gz", "/blog/", "/help/returns",
]
QUERIES = ["", "", "", "?id=17", "?id=204", "?q=lamp", "?q=red+shoes&page=2", "?utm_source=mail#top"]
REFERERS = [
    "-", "http://example.com/", "http://example.com/search.php", "https://example.com/category/shoes/",
    "https://www.example.org/links.html", "http://example.com", "https://search.example.net/?q=desk+lamp",
    "https://example.com/product.php?id=17", "https://example.com/blog/2025/10/autumn-sale.html",
]
STATUSES = ["200"] * 84 + ["304"] * 6 + ["404"] * 5 + ["301"] * 2 + ["302", "403", "500"]


def address(random):
    """Some two thirds lie in the networks of city.mmdb; the others are unknown there."""
    kind = random.below(100)
    if kind < 22:
        return f"203.0.113.{random.below(254) + 1}"
    if kind < 38:
        return f"198.51.100.{random.below(254) + 1}"
    if kind < 52:
        return f"192.0.2.{random.below(254) + 1}"
    if kind < 64:
        return f"198.{18 + random.below(2)}.{random.below(256)}.{random.below(254) + 1}"
    if kind < 72:
        return f"2001:db8:{random.below(16):x}:{random.below(65536):x}::{random.below(65535) + 1:x}"
    if kind < 76:
        return f"10.{random.below(4)}.{random.below(256)}.{random.below(254) + 1}"
    first = random.pick([5, 31, 46, 62, 81, 93, 109, 134, 151, 176, 188, 212])
    return f"{first}.{random.below(256)}.{random.below(256)}.{random.below(254) + 1}"


def clock(seconds):
    t = time.gmtime(seconds)
    return f"{t.tm_mday:02}/{MONTHS[t.tm_mon - 1]}/{t.tm_year}:{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000"


def line(host, when, request, status, size, referer, agent, user="-"):
    text = f'{host} - {user} [{when}] "{request}" {status} {size} "{referer}" "'
    return text.encode() + (agent if isinstance(agent, bytes) else agent.encode()) + b'"'


def ordinary(random, when, agents):
    person = not random.chance(12)
    method = "GET" if random.chance(92) else random.pick(["POST", "HEAD"])
    path = random.skewed(PATHS) + (random.pick(QUERIES) if person else "")
    referer = random.skewed(REFERERS) if person else "-"
    status = random.pick(STATUSES)
    size = "-" if status == "304" or method == "HEAD" else str(200 + random.below(60000))
    agent = random.skewed(agents) if person else random.skewed(ROBOTS)
    protocol = "HTTP/2.0" if random.chance(30) else "HTTP/1.1"
    return line(address(random), when, f"{method} {path} {protocol}", status, size, referer, agent)


def odd_lines(when):
    """Unusual, all valid: each must come out as a document."""
    chrome = FIRST_LINE.split(b'"')[5].decode()
    get = "GET /product.php HTTP/1.1"
    shop = "http://example.com/"
    return [
        line("2001:db8::1", when, get, 200, 512, shop, chrome),
        line("2001:db8:0:7::42", when, get, 200, 512, "-", chrome),
        line("::ffff:203.0.113.42", when, get, 200, 512, "-", chrome),
        line("client-17.example.net", when, get, 200, 2048, shop, chrome),
        line("localhost", when, "GET /healthz HTTP/1.1", 200, 2, "-", "-"),
        line("203.0.113.9", when, "GET /account/ HTTP/1.1", 200, 900, shop, chrome, user="alice"),
        line("203.0.113.10", when, "GET /account/ HTTP/1.1", 401, 0, "-", chrome, user="o'brien"),
        line("203.0.113.11", when, "-", 408, "-", "-", "-"),
        line("203.0.113.12", when, "GET / HTTP/1.0", 200, "-", "-", ""),
        line("203.0.113.13", when, get, 200, 512, "", chrome),
        line("203.0.113.14", when, r"\x16\x03\x01\x02", 400, 226, "-", "-"),
        line("203.0.113.15", when, "GET /", 400, 226, "-", "-"),
        line("203.0.113.16", when, "OPTIONS * HTTP/1.1", 204, "-", "-", "curl/8.4.0"),
        line("203.0.113.17", when, "CONNECT example.com:443 HTTP/1.1", 405, 0, "-", "-"),
        line("203.0.113.18", when, "GET http://example.com/a/b.html HTTP/1.1", 200, 70, "-", chrome),
        line("203.0.113.19", when, "GET /archive.tar.gz HTTP/1.1", 200, 70, shop + "page.min.js", chrome),
        line("203.0.113.20", when, "GET /.well-known/security.txt HTTP/1.1", 404, 70, "-", chrome),
        line("203.0.113.21", when, "GET /.env HTTP/1.1", 404, 70, "-", "python-requests/2.31.0"),
        line("203.0.113.22", when, "GET //double//slash// HTTP/1.1", 200, 70, "-", chrome),
        line("203.0.113.23", when, "GET /caf%C3%A9.html HTTP/1.1", 200, 70, shop + "caf%C3%A9", chrome),
        line("203.0.113.24", when, "GET /café.html HTTP/1.1", 200, 70, shop + "menü.html", chrome),
        line("203.0.113.25", when, r"GET /say?q=\"hello\" HTTP/1.1", 200, 70, shop + r"q=\"x\"", chrome),
        line("203.0.113.26", when, get, 200, 70, "-", r"Mozilla/5.0 (a \"quoted\" agent; back\\slash)"),
        line("203.0.113.27", when, get, 200, 70, "-", r"\"\""),
        line("203.0.113.28", when, get, 200, 70, "-", "ends in a backslash \\\\"),
        line("203.0.113.29", when, get, 200, 70, "-", "tab\there, bell\x07, delete\x7f, null\x00 end"),
        line("203.0.113.30", when, get, 200, 70, "-", "日本語ブラウザ/1.0 🚀"),
        line("203.0.113.31", when, get, 200, 70, "-", b"latin-1 caf\xe9/1.0"),
        line("203.0.113.32", when, get, 200, 70, "-", b"cut short \xe2\x82 and \xf0\x9f\x9a"),
        line("203.0.113.33", when, get, 200, 70, "-", b"overlong \xc0\xaf surrogate \xed\xa0\x80 \xff"),
        line("203.0.113.34", when, get, 200, 70, shop + "?q=" + "x" * 4000, chrome),
        line("203.0.113.35", when, get, 200, 70, "android-app://com.example.shop", chrome),
        line("203.0.113.36", when, get, 200, 70, "not a url", chrome),
        line("203.0.113.37", when.replace("+0000", "-0730"), get, 200, 70, shop, chrome),
        line("203.0.113.38", "29/Feb/2024:23:59:59 +0000", get, 200, 70, shop, chrome),
        line("203.0.113.39", when, get, 200, 999999999999999999, shop, chrome),
        line("203.0.113.41", when, get, 200, 70, shop, "Mozilla/5.0 (PlayStation 5 4.03/1.0)"),
    ]


def malformed_lines(random, when):
    """Each must be rejected, with a reason, and stop nothing."""
    whole = line("203.0.113.50", when, "GET /product.php HTTP/1.1", 200, 1234, "http://example.com/", "Mozilla/5.0")
    noise = bytes(b for b in (random.below(256) for _ in range(200)) if b not in b"\r\n")
    return [
        whole[: whole.index(b" -")],
        whole[: whole.index(b"[") + 9],
        whole[: whole.index(b"product")],
        whole[: whole.rindex(b'"http') + 12],
        whole[:-1],
        noise,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise[:40],
        b"\x00" * 64,
        b"this is not an access log line",
        b"- - -",
        whole.replace(b'HTTP/1.1"', b"HTTP/1.1"),
        whole.replace(b'"GET', b"GET"),
        whole.replace(b'"Mozilla/5.0"', b'"Mozilla/5.0\\"'),
        whole.replace(when.encode(), b"31/Feb/2025:10:15:30 +0000"),
        whole.replace(when.encode(), b"28/Oct/2025:25:61:30 +0000"),
        whole.replace(when.encode(), b"28/Okt/2025:10:15:30 +0000"),
        whole.replace(when.encode(), b"yesterday"),
        whole.replace(b'" 200 1234 "', b'" OK 1234 "'),
        whole.replace(b'" 200 1234 "', b'" 200 many "'),
        whole.replace(b"203.0.113.50", b"300.1.2.3"),
        whole.replace(b"[", b"(").replace(b"]", b")"),
    ]


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "access.log")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    random = Random(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    agents = browsers()

    special = {}  # line number -> text; the special lines lie all over the file
    wanted = odd_lines(clock(START + 600)) + malformed_lines(random, clock(START + 600))
    if count < 2 * len(wanted):
        sys.exit(f"make_access_log.py: LINES must be at least {2 * len(wanted)}")
    for text in wanted:
        place = 1 + random.below(count - 1)
        while place in special:
            place = 1 + random.below(count - 1)
        special[place] = text

    now = START
    with open(out, "wb") as log:
        log.write(FIRST_LINE + b"\n")
        for number in range(1, count):
            now += 1 if random.chance(40) else 0
            text = special.get(number) or ordinary(random, clock(now), agents)
            log.write(text + (b"\r\n" if random.below(400) == 0 else b"\n"))


main()
