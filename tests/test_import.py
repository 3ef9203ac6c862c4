"""`import synfire` stays fast and touches nothing optional."""

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
names = [name for name in synfire.__all__ if name not in dir(synfire)]
rooms = [synfire.models.cnn4.__name__, synfire.layers.Conv2d.__name__]
synfire.LIF(), synfire.models.cnn4()
loaded = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print(json.dumps({"loaded": loaded, "lazy": names, "rooms": rooms, "gpu": torch.cuda.is_initialized()}))
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
    assert set(probe["lazy"]) == {*synfire._ROOMS, *synfire._FUNCTIONS}
    assert probe["rooms"] == ["cnn4", "Conv2d"]


def test_public_names_are_sorted_and_unknown_ones_are_attribute_errors():
    assert sorted(synfire.__all__, key=lambda name: (not name.isupper(), name)) == synfire.__all__
    with pytest.raises(AttributeError, match="module 'synfire' has no attribute 'no_such_room'"):
        _ = synfire.no_such_room
