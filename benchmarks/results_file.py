"""What every benchmark writes: `results/MACHINE/NAME.json`, with the same keys in each."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PEERS_PYTHON = HERE.parent / ".venv-peers/bin/python"  # `make peers`
PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with the flag that all benchmarks share."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--short", action="store_true", help="the form that `make bench` runs")
    return result


def add_peers_python(options: argparse.ArgumentParser) -> None:
    """The flag of benchmarks against PyTorch."""
    options.add_argument(
        "--torch-python",
        default=str(PEERS_PYTHON),
        help="Python that has PyTorch; by default that of `make peers`",
    )


def write_result(
    name: str,
    *,
    what: str,
    ratio: float,
    kclip: str,
    other: str,
    reach: str,
    rows: Sequence[dict[str, Any]] = (),
    versions: dict[str, str] | None = None,
    **details: Any,
) -> None:
    """Writes and prints one result.

    Args:
        name: of the file, without its ending.
        what: one sentence that says what is compared.
        ratio: kclip's advantage, above 1 where it is better.
        kclip, other: figures with their units.
        reach: the goal.
        rows: further comparisons of the same benchmark, each a dict of these five.
        versions: of the other side's packages.
        details: whatever else is worth keeping, such as each round's seconds.
    """
    report = {
        "what": what,
        "ratio": round(ratio, 3),
        "kclip": kclip,
        "other": other,
        "reach": reach,
        **({"rows": list(rows)} if rows else {}),
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "load_at_the_end": round(os.getloadavg()[0], 2),
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES}
        | (versions or {}),
        **details,
    }
    folder = RESULTS / folder_of(processor())
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def machine() -> str:
    """Processor, cores and memory."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {os.cpu_count()} cores, {gib:.0f} GiB"


def folder_of(processor: str) -> str:
    """The folder for results of one kind of processor, whose ratios differ from another's."""
    words = re.findall("[a-z0-9]+", re.sub(r"\((r|tm)\)", " ", processor.lower()))
    return "_".join(word for word in words if word not in ("processor", "cpu"))


def processor() -> str:
    """The processor by its name."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    return cpu
