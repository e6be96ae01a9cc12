"""What a figure was measured on, and how quiet it was there."""
import os
import platform
import re
import subprocess
import time

QUIET_LOAD = 0.3
# Share of the processors' time that other programs may take while something is measured.
QUIET_SHARE = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_model():
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def cmake_cache(build):
    """The settings of the build folder."""
    settings = {}
    with open(os.path.join(build, "CMakeCache.txt")) as cache:
        for line in cache:
            match = re.match(r"([A-Za-z_]+):[A-Z]+=(.*)", line)
            if match:
                settings[match[1]] = match[2]
    return settings


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]


def facts(build):
    cache = cmake_cache(build)
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_gib(), 1),
        "kernel": platform.release(),
        "compiler": first_line([cache.get("CMAKE_CXX_COMPILER", "c++"), "--version"]),
        "build_type": cache.get("CMAKE_BUILD_TYPE", "unknown"),
        "march": cache.get("FLOWRUN_MARCH", ""),
        "sanitizers": cache.get("FLOWRUN_SANITIZE", ""),
        "flowrun": first_line([os.path.join(build, "flowrun"), "--version"]),
        "load_average": round(os.getloadavg()[0], 2),
    }


def warnings(known):
    """Reasons why figures of this build on this machine, now, mean little."""
    found = []
    if known["build_type"] != "Release":
        found.append(f"the build type is {known['build_type']}, not Release")
    if known["sanitizers"]:
        found.append(f"built with sanitizers ({known['sanitizers']})")
    if known["load_average"] > QUIET_LOAD:
        found.append(f"the load average is {known['load_average']}, above {QUIET_LOAD}: other programs run")
    return found


def busy_seconds():
    """CPU time that all programs together have taken since the machine's start, stolen time included."""
    with open("/proc/stat") as stat:
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def wait_for_quiet(limit):
    """Waits until other programs leave the processors alone for a second, at most `limit` seconds."""
    deadline = time.monotonic() + limit
    allowed = (os.cpu_count() or 1) * QUIET_SHARE
    while time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - before <= allowed:
            return
