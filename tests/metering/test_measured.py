"""Joules from the machine's own counters, here made by hand."""

from pathlib import Path

import pytest

from synfire.base import ConfigError
from synfire.metering import measure_energy


def chip(folder: Path, name: str, joules: float, top: float = 100.0) -> Path:
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{int(top * 1e6)}\n")
    (folder / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    return folder / "energy_uj"


def drain(counter: Path, joules: float, top: float = 100.0):
    def call() -> None:
        counter.write_text(f"{int((float(counter.read_text()) + joules * 1e6) % (top * 1e6))}\n")

    return call


def test_packages_are_counted_once(tmp_path):
    counter = chip(tmp_path / "intel-rapl:0", "package-0", 5.0)
    chip(tmp_path / "intel-rapl:0:0", "core", 3.0)
    found = measure_energy(drain(counter, 0.25), seconds=0.01, powercap=tmp_path)
    assert found.joules == {"package-0": pytest.approx(0.25)}
    assert found.calls >= 1
    assert found.seconds > 0
    assert "package-0 250 mJ" in str(found)


def drain_all(counters: list[Path], joules: list[float]):
    calls = [drain(counter, each) for counter, each in zip(counters, joules, strict=True)]

    def call() -> None:
        for one in calls:
            one()

    return call


def test_psys_that_contains_the_packages_is_not_added_to_them(tmp_path):
    counters = [
        chip(tmp_path / "intel-rapl:0", "psys", 1.0, 1e9),
        chip(tmp_path / "intel-rapl:1", "package-0", 1.0, 1e9),
        chip(tmp_path / "intel-rapl:1:0", "core", 1.0, 1e9),
        chip(tmp_path / "intel-rapl:1:1", "uncore", 1.0, 1e9),
        chip(tmp_path / "intel-rapl:1:2", "dram", 1.0, 1e9),
        chip(tmp_path / "intel-rapl:2", "package-1", 1.0, 1e9),
    ]
    call = drain_all(counters, [0.12, 0.07, 0.03, 0.01, 0.02, 0.03])
    found = measure_energy(call, seconds=0.01, powercap=tmp_path)
    assert found.joules == {"package-0": pytest.approx(0.07), "package-1": pytest.approx(0.03)}


def test_psys_counts_where_there_is_no_package(tmp_path):
    counter = chip(tmp_path / "intel-rapl:0", "psys", 1.0, 1e9)
    chip(tmp_path / "intel-rapl:1", "dram", 1.0)
    found = measure_energy(drain(counter, 0.12, 1e9), seconds=0.01, powercap=tmp_path)
    assert found.joules == {"psys": pytest.approx(0.12)}


def test_a_counter_that_starts_again_is_followed(tmp_path):
    counter = chip(tmp_path / "intel-rapl:0", "package-0", 99.0)
    # The first call is a warm-up, the second crosses the range.
    assert measure_energy(drain(counter, 0.75), seconds=1e-9, powercap=tmp_path).joules["package-0"] == pytest.approx(
        0.75
    )


def test_where_nothing_counts_it_says_so(tmp_path):
    unreadable = tmp_path / "intel-rapl:0"
    unreadable.mkdir()
    (unreadable / "name").write_text("package-0")
    found = measure_energy(lambda: None, seconds=0.001, powercap=tmp_path)
    assert found.joules == {}
    assert "energy not available" in str(found)


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="seconds is 0"):
        measure_energy(lambda: None, seconds=0)
