"""Joules that the machine itself counts, where it does: RAPL for processors, NVML for NVIDIA GPUs."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from synfire.base import ConfigError

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Measured:
    """Time and energy of one call.

    Attributes:
        seconds: wall time.
        joules: by source, such as "package-0" or "gpu-0"; empty where the machine counts none.
        calls: number of calls that were averaged.
    """

    seconds: float
    joules: dict[str, float]
    calls: int

    def __str__(self) -> str:
        """Say both, and "not available" for an energy that nobody counted."""
        found = ", ".join(f"{name} {value * 1e3:.4g} mJ" for name, value in self.joules.items())
        return f"{self.seconds * 1e3:.4g} ms, {found or 'energy not available'} per call, mean of {self.calls} calls"


@dataclass(frozen=True)
class _Counter:
    """A count of joules that only grows, up to a range where it starts again."""

    name: str
    read: Callable[[], float]
    range: float = float("inf")

    def since(self, before: float) -> float:
        now = self.read()
        return now - before if now >= before else now - before + self.range


def energy_is_counted(powercap: Path = POWERCAP) -> bool:
    """Return whether this machine counts joules."""
    return bool(_rapl(powercap) or _nvml())


def measure_energy(call: Callable[[], object], *, seconds: float = 2.0, powercap: Path = POWERCAP) -> Measured:
    """Repeat a call for some seconds, and return the mean time and energy of one.

    The counters are those of whole chips: whatever else runs on them is counted too, and so is what they draw idle. Of
    RAPL's zones every package counts, and psys (the whole machine, packages included) where there is no package. The
    parts of a package (core, uncore, dram) never count, so that the sum of the joules holds nothing twice.

    Args:
        call: such as `lambda: net(x)`.
        seconds: how long to repeat it, at least; RAPL counts about every millisecond, NVML every 100.
        powercap: where Linux shows RAPL.

    Raises:
        ConfigError: seconds is not positive.
    """
    if not seconds > 0:
        raise ConfigError(f"measure_energy: seconds is {seconds}; give a positive number.")
    counters = [*_rapl(powercap), *_nvml()]
    call()
    _wait()
    before = [counter.read() for counter in counters]
    calls, start = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - start < seconds:
        call()
        calls += 1
    _wait()
    lasted = time.perf_counter() - start
    joules = {c.name: c.since(then) / calls for c, then in zip(counters, before, strict=True)}
    return Measured(lasted / calls, joules, calls)


def _rapl(powercap: Path) -> list[_Counter]:
    """Counters of all packages, or else of psys: of zones that hold one another only one may count."""
    found = []
    for folder in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (folder / "name").read_text().strip()
            if not name.startswith(("package", "psys")):
                continue
            limit = float((folder / "max_energy_range_uj").read_text()) / 1e6
            file = folder / "energy_uj"
            file.read_text()
        except (OSError, ValueError):
            continue  # many systems let only root read it
        found.append(_Counter(name, lambda file=file: float(file.read_text()) / 1e6, limit))
    packages = [counter for counter in found if counter.name.startswith("package")]
    return packages or found


def _nvml() -> list[_Counter]:
    if not torch.cuda.is_available() or importlib.util.find_spec("pynvml") is None:
        return []
    nvml: Any = importlib.import_module("pynvml")
    found = []
    try:
        nvml.nvmlInit()
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
            found.append(_Counter(f"gpu-{index}", lambda h=handle: nvml.nvmlDeviceGetTotalEnergyConsumption(h) / 1e3))
    except nvml.NVMLError:
        return found
    return found


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
