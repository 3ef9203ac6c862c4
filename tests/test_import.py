"""`import synfire` stays fast and touches nothing optional."""

import importlib
import inspect
import json
import subprocess
import sys

import pytest

import synfire

OPTIONAL = {
    "datasets", "jsonargparse", "kornia", "lightning", "numba", "plotly", "pyarrow", "sklearn", "tensorboard", "triton",
}  # fmt: skip
# What torch itself loads is not ours to prevent.
PROBE = """
import json, sys, torch
before = set(sys.modules)
import synfire
early = [name for name in synfire.__all__ if name in vars(synfire)]
rooms = [synfire.models.cnn4.__name__, synfire.layers.Conv2d.__name__]
synfire.LIF(), synfire.models.cnn4()
loaded = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print(json.dumps({"loaded": loaded, "early": early, "rooms": rooms, "gpu": torch.cuda.is_initialized()}))
"""


@pytest.fixture(scope="module")
def probe() -> dict:
    run = subprocess.run([sys.executable, "-W", "error", "-c", PROBE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_import_and_models_load_nothing_optional_and_start_no_gpu(probe):
    assert "synfire" in probe["loaded"]
    assert not OPTIONAL & set(probe["loaded"])
    assert not probe["gpu"]


def test_rooms_are_imported_on_first_use(probe):
    assert probe["early"] == ["base"]
    assert probe["rooms"] == ["cnn4", "Conv2d"]


@pytest.mark.parametrize("package", [synfire, synfire.base, synfire.data, synfire.data.events])
def test_every_public_name_is_there_and_unknown_ones_are_attribute_errors(package):
    assert package.__doc__
    for name in package.__all__:
        found = getattr(package, name)
        assert not inspect.ismodule(found) or found.__name__ == f"{package.__name__}.{name}"
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no_such_room"):
        _ = package.no_such_room


def test_a_function_is_not_taken_for_the_module_that_has_it():
    importlib.import_module("synfire.data.events.packets")
    assert not inspect.ismodule(synfire.data.packets)
    assert not inspect.ismodule(synfire.data.events.packets)


READING = """
import sys
from synfire.data import read_events, write_events, Events
write_events(sys.argv[1], Events.of([1, 2], [0, 0], [5, 6], [0, 1]))
assert len(read_events(sys.argv[1])) == 2
sys.exit(f"{sys.argv[1]} needed torch" if "torch" in sys.modules else 0)
"""


@pytest.mark.parametrize("suffix", [".aedat", ".bin", ".csv", ".es", ".npz", ".raw"])
def test_recordings_are_read_without_torch(suffix, tmp_path):
    command = [sys.executable, "-W", "error", "-c", READING, str(tmp_path / f"a{suffix}")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_help_is_there_at_once():
    code = "import sys; from synfire.cli.main import main; main(['--help'])"
    run = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=False)
    assert "synfire train digits" in run.stdout
    assert "| torch" not in run.stderr
