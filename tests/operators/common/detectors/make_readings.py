#!/usr/bin/env python3
"""Writes readings.csv: made-up readings, and what the specification of the detectors scores them.

usage: make_readings.py FOLDER_OF_detectors.py > readings.csv
"""
import math
import random
import sys

sys.path.insert(0, sys.argv[1])
import detectors

METHODS = {
    "range": lambda: detectors.RangeNovelty(0),
    "range_relaxed": detectors.RangeNovelty,
    "range_held": lambda: detectors.RangeNovelty(1e-4, 60),
    "range_quad": detectors.RangeQuad,
    "ewma": detectors.EwmaZ,
    "gaussian": lambda: detectors.WinGauss(200),
}
STEP = 1200  # seconds


def value(number, noise):
    """A daily pattern with noise, a few spikes, a level shift, a stretch of one value."""
    level = 20 + 5 * math.sin(2 * math.pi * number * STEP / 86400) + noise
    if number in (200, 201, 407, 611):
        level += 9
    if 300 <= number < 330:
        level += 4
    if 500 <= number < 540:
        return 21.5
    return round(level, 4)


def main():
    noise = random.Random(7)
    made = {name: make() for name, make in METHODS.items()}
    print("time,value," + ",".join(made))
    for number in range(800):
        time = -86400 * 3 + 1000 + number * STEP  # from before 1970 on
        reading = value(number, noise.gauss(0, 0.7))
        scores = [detector.update(time, reading) for detector in made.values()]
        print(",".join([str(time), repr(reading)] + ["%.12g" % score for score in scores]))


main()
