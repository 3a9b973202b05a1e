"""What was measured, as a table for people and as JSON for programs."""

import os
import platform
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import trio

from tests.bench.load import Taken


@dataclass
class Row:
    """One operation at one number of connections.

    Attributes:
        operation: what was asked.
        connections: how many asked.
        ours: the real server's stretches, one after the other.
        fixed: the fixed server's, each after the one of ours.
    """

    operation: str
    connections: int
    ours: list[Taken]
    fixed: list[Taken]

    @property
    def ratio(self) -> float:
        """Ours beside the fixed server: the median over the pairs of stretches."""
        pairs = zip(self.ours, self.fixed, strict=True)
        return statistics.median(ours.rate / fixed.rate for ours, fixed in pairs)

    def numbers(self) -> dict[str, object]:
        """As JSON; rates per second, times in seconds."""
        ours, fixed = whole(self.ours), whole(self.fixed)
        return {
            "operation": self.operation,
            "connections": self.connections,
            "rate": round(ours.rate, 1),
            "p50": ours.percentile(0.50),
            "p99": ours.percentile(0.99),
            "cost": ours.cost,
            "fixed_rate": round(fixed.rate, 1),
            "fixed_p50": fixed.percentile(0.50),
            "fixed_p99": fixed.percentile(0.99),
            "fixed_cost": fixed.cost,
            "ratio": round(self.ratio, 3),
        }


def whole(parts: list[Taken]) -> Taken:
    """Several stretches as one."""
    together = Taken()
    for part in parts:
        together.add(part)
    return together


HEADING = (
    "| operation | connections | requests/s | p50 ms | p99 ms | µs of processor "
    "| fixed server/s | its µs | ratio |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def line(row: Row) -> str:
    """A row of the table."""
    ours, fixed = whole(row.ours), whole(row.fixed)
    return (
        f"| {row.operation} | {row.connections} | {ours.rate:,.0f} "
        f"| {ours.percentile(0.5) * 1000:.2f} | {ours.percentile(0.99) * 1000:.2f} "
        f"| {ours.cost * 1e6:.0f} | {fixed.rate:,.0f} | {fixed.cost * 1e6:.0f} | {row.ratio:.2f} |"
    )


def machine(directory: Path) -> dict[str, object]:
    """Where this was measured."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "trio": trio.__version__,
        "one fsync ms": round(_fsync(directory) * 1000, 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or sys.platform
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _fsync(directory: Path) -> float:
    """The median time of a write of 4 KiB made durable, in seconds."""
    times = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times)
