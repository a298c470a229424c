"""Spreads of measurements, and the memory that a process holds."""

import os
import statistics
from pathlib import Path


def spread(values, digits=3):
    """Median, least and greatest of some measurements."""
    of = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {key: round(value, digits) for key, value in of.items()}


def resident_mib():
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
