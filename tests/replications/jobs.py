"""Jobs for the tests, in a module that a worker can import."""

import os
import time


def square(unit):
    time.sleep(unit.get("sleep", 0.0))
    with open(unit["log"], "a", encoding="utf-8") as file:
        file.write(f"{unit['id']} {os.getpid()}\n")
    return [{"value": unit["value"] ** 2}]


def fails_at_3(unit):
    if unit["value"] == 3:
        raise KeyboardInterrupt
    return square(unit)
