#!/usr/bin/env python3
"""Writes the sample events of a shop: `make_events.py [OUT=events.ndjson] [LINES=500]`.

One JSON object a line. Most are ordinary; some are odd but valid, some are malformed. The same arguments
give the same bytes on every machine and Python version: what varies is drawn by a hash of the
line's number. Standard library only.
"""
import hashlib
import json
import os
import sys
import time

START = 1761694200  # 2025-10-28T23:30:00Z: the events go past midnight
COUNTRIES = ["FR", "DE", "fr", "US", "JP", "Brazil"]
NAMES = ["anna", "bo.lee", "carla+shop", "d_ito"]
NOTES = [
    "leave it at the door",
    "mail me at {user}@example.com",
    "call +49 30 {digits} before noon",
    "paid with 4111 1111 1111 1111",
    "order of 2025-10-28, version 120.0.0.0",
    "très bien \u2713, 日本語",
    'says "thanks",\nand goodbye',
]


def draw(row, what, limit):
    digest = hashlib.sha256(f"{what} of line {row}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % limit


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def ordinary(row):
    """An order, a page that was looked at, or a request that failed."""
    kind = ["order", "view", "view", "request"][draw(row, "kind", 4)]
    user = NAMES[draw(row, "user", len(NAMES))]
    event = {
        "time": f"{stamp(START + row * 9)}.{draw(row, 'fraction', 1000):03}Z",
        "kind": kind,
        "country": COUNTRIES[draw(row, "country", len(COUNTRIES))],
        "client": f"203.0.113.{draw(row, 'client', 250)}",
    }
    if kind == "order":
        note = NOTES[draw(row, "note", len(NOTES))]
        event["order"] = {
            "id": f"A-{10000 + row}",
            "price": draw(row, "price", 20000) / 100,
            "quantity": 1 + draw(row, "quantity", 5),
        }
        event["note"] = note.format(user=user, digits=2000000 + draw(row, "digits", 7000000))
    if kind == "request":
        event["status"] = [200, 200, 404, 500, 503][draw(row, "status", 5)]
        event["seconds"] = draw(row, "seconds", 3000) / 1000
    if kind == "view":
        event["page"] = {"name": "/product", "variant": draw(row, "variant", 3)}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


ODD = [
    b"",
    b'{}',
    b'{"kind":"order"}',
    b'  { "kind" : "view" , "page" : [ 1 , { "deep" : null } ] }  ',
    b'{"time":1761694200,"kind":"order","country":"de","order":{"id":"B-1","price":"12.50","quantity":"2"}}',
    b'{"time":"2025-10-29T01:30:00.5+01:00","kind":"order","country":"FR","order":{"id":"B-2","price":0,"quantity":0}}',
    b'{"time":"2025-10-28T23:59:59.999999999Z","kind":"order","country":"../up","order":{"id":"B-3","price":1e3,"quantity":1}}',
    b'{"time":"2025-10-29T00:00:00Z","kind":"order","country":null,"order":{"id":"B-4","price":9.99,"quantity":3},"note":null}',
    b'{"time":"2025-10-29T00:00:01Z","kind":"order","country":"","order":{"id":"B-5"}}',
    b'{"time":"2025-10-29T00:00:02Z","kind":"order","country":"US","order":{"id":"B-6","price":700,"quantity":1},"client":"2001:db8::1"}',
    b'{"time":"2025-10-29T00:00:03Z","kind":"order","country":"US","note":"\\u0040 anna\\u0040example.com \\ud83d\\ude80 \\u0000"}',
    b'{"time":"2025-10-29T00:00:04Z","kind":"order","country":"US","note":"caf\xe9 in latin-1"}',
    b'{"time":"2025-10-29T00:00:05Z","kind":"request","status":599,"status":200,"client":"DE89 3704 0044 0532 0130 00"}',
    b'{"time":"2025-10-29T00:00:06Z","kind":"request","status":500,"country":"JP"}\r',
    b'{"time":"2025-10-29T00:00:07Z","kind":"request","status":500,"path":"a,b \\"c\\"","country":"JP, too"}',
    b'{"time":"1970-01-01T00:00:00Z","kind":"order","country":"FR"}',
    b'{"kind":"","page":"' + b"x" * 3000 + b'"}',
]
MALFORMED = [
    b"this is not JSON",
    b"[1,2,3]",
    b'"a text"',
    b"null",
    b'{"kind":"order"',
    b'{"kind":"order",}',
    b"{'kind':'order'}",
    b'{"kind":"order"} {"kind":"order"}',
    b'{"time":"yesterday","kind":"view"}',
    b'{"time":"2025-02-30T00:00:00Z","kind":"view"}',
    b'{"kind":"request","status":"many"}',
    b'{"kind":"request","status":1.5}',
    b'{"kind":"order","order":{"price":[1]}}',
    b'{"kind":"order","order":"A-1"}',
    b'{"kind":view}',
    b"\x00\x01\x02\xff\xfe binary noise \x80",
    b"\x00" * 64,
    b'{"a":' * 1100,
]


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "events.ndjson")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    wanted = ODD + MALFORMED
    if count < 2 * len(wanted):
        sys.exit(f"make_events.py: LINES must be at least {2 * len(wanted)}")
    special = {}  # number of a line -> its text; they lie all over the file
    for number, text in enumerate(wanted):
        place = draw(number, "place", count)
        while place in special:
            place = (place + 1) % count
        special[place] = text
    with open(out, "wb") as file:
        for row in range(count):
            file.write(special[row] if row in special else ordinary(row))
            file.write(b"\n")


main()
