"""What the golden tests share: running a shipped pipeline in a folder of its own, with other settings."""

import json
import os
import subprocess

from flow_case import SOURCES, command, log_entries


def flow(name, pipeline=(), source=()):
    """The text of pipelines/NAME.toml with these lines in [pipeline], instead of the file's own, and in the file source."""
    with open(os.path.join(SOURCES, "pipelines", name + ".toml"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("${PIPELINE_DIR}", os.path.join(SOURCES, "pipelines"))
    text = text.replace("[pipeline]\n", "[pipeline]\n" + "".join(line + "\n" for line in pipeline))
    text = text.replace('type = "file"\npath', 'type = "file"\n' + "".join(line + "\n" for line in source) + "path", 1)
    for setting in pipeline:
        name = setting.split(" ")[0]
        first = text.index("\n" + name + " ")
        again = text.find("\n" + name + " ", first + 1)
        if again >= 0:  # the file's own
            text = text[:again] + text[text.index("\n", again + 1) :]
    return text


def run(work, text, arguments=()):
    """Runs a pipeline in `work` to its end; returns what was logged."""
    file = os.path.join(work, "pipeline.toml")
    with open(file, "w", encoding="utf-8") as out:
        out.write(text)
    done = subprocess.run(command(file, *arguments), cwd=work, capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}:\n{done.stderr.decode()}\n{text}")
    return log_entries(done.stderr.decode())


def files_below(folder):
    """The content of all files below a folder, by their paths in it."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def outputs(work):
    return files_below(os.path.join(work, "out"))


def random_settings(chance):
    """Lines for [pipeline] and for the source that must not change any output."""
    pipeline = [
        f"batch_rows = {chance.choice([1, 7, 100, 4096])}",
        f"memory_limit = \"{chance.choice([1, 2, 16, 256])}MiB\"",
        f"parallelism = {chance.randrange(1, 5)}",
        "checkpoint = { path = \"state\", interval = \"50ms\" }",
    ]
    return pipeline, [f"read_size = {chance.randrange(4096, 300000)}"]


def without_chance(rejected):
    """Rejected lines without what differs from run to run and place to place."""
    lines = []
    for line in rejected.decode().splitlines():
        letter = json.loads(line)
        for key in ("time", "configuration", "partition"):
            assert key in letter, line
            del letter[key]
        lines.append(json.dumps(letter, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(lines).encode()
