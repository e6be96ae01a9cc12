#!/usr/bin/env python3
"""Makes clicks.tsv, and expected.tsv from it with the reference recommender.

  make.py REFERENCE      a folder with recsys.py

clicks.tsv: session, item, seconds; 1,600 made-up clicks, many at the same second. expected.tsv, test-then-learn: of each
model the number of predictions, of hits in 20 and the sum of reciprocal ranks; then every seventh list before its click.
"""
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = {"popular": "pop", "sr": "sr", "vsknn": "vsknn", "vmis": "vmis-1502-288-4-idf1", "repeat+sr": "rep+sr",
          "repeat+vsknn": "rep+vsknn", "repeat+vmis": "rep+vmis"}


def make_clicks():
    chance = random.Random(7)
    items = [chance.randrange(1, 100_000) for _ in range(260)]
    clicks = []
    for session in range(320):
        begin = chance.randrange(20_000)
        place = int(len(items) * chance.random() ** 2)
        seen = []
        for _ in range(min(60, 1 + int(chance.expovariate(0.25)))):
            choice = chance.random()
            if seen and choice < 0.25:
                item = chance.choice(seen[-4:])
            elif choice < 0.9:
                place = (place + chance.choice((0, 1, 1, 1, 2, 7))) % len(items)
                item = items[place]
            else:
                item = chance.choice(items)
            seen.append(item)
            begin += chance.randrange(60)
            clicks.append((begin, session * 37 % 1009, item))
    clicks.sort(key=lambda click: click[0])
    return clicks


def main():
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = True
    import recsys

    clicks = make_clicks()
    with open(os.path.join(HERE, "clicks.tsv"), "w", encoding="utf-8") as file:
        for time, session, item in clicks:
            file.write(f"{session}\t{item}\t{time}\n")
    with open(os.path.join(HERE, "expected.tsv"), "w", encoding="utf-8") as file:
        for name, reference in MODELS.items():
            model, sessions, metric, lists = recsys.MODELS[reference](), {}, recsys.Metric(), []
            for number, (time, session, item) in enumerate(clicks):
                before = sessions.setdefault(session, [])
                if before:
                    predicted = model.predict(before, time, session)
                    metric.add(predicted, item)
                    if number % 7 == 0:
                        lists.append((number, predicted))
                model.learn(before, item, time, session)
                before.append(item)
            file.write(f"{name}\t{metric.n}\t{metric.hit}\t{metric.rr!r}\n")
            for number, predicted in lists:
                file.write(f"{name}\t{number}\t{' '.join(map(str, predicted))}\n")


if __name__ == "__main__":
    main()
