"""What every benchmark writes beside its figures: command, versions, machine, date."""

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def write_result(name, figures, packages):
    """Writes `results/NAME.json` and prints it.

    `figures` has `ratio`, `what`, `kclip`, `other` and `reach`, and whatever else was measured.
    """
    report = figures | {
        "command": " ".join(["python", *sys.argv]),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "machine": {"cpu": _cpu_model(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "date": datetime.date.today().isoformat(),
    }
    text = json.dumps(report, indent=1) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text)
    print(text)


def spread(values, digits=3):
    """Median, least and greatest of some measurements."""
    of = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {key: round(value, digits) for key, value in of.items()}


def resident_mib():
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu_model():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
