"""The events of a sample beside the spikes that they cause: kept by a test, drawn by the report."""

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from synfire import LIF
from synfire.cli.main import main
from synfire.data import EventData, FramesByNumber, MovingDigits, StepsAsChannels
from synfire.layers import Flatten, Linear
from synfire.report import drawings, figures, read_run, samples
from synfire.report.page import page
from synfire.report.slices import event_picture
from synfire.tasks.account import FRAMES, ClassAccount, event_frames

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def records(steps: int = 5, channels: int = 2) -> dict:
    """Make the records of a test on frames (B, T, C, H, W)."""
    torch.manual_seed(0)
    frames = torch.randint(0, 3, (4, steps, channels, 6, 8)).float()
    net = nn.Sequential(Flatten(), Linear(channels * 48, 7), LIF(), Linear(7, 2))
    account = ClassAccount(net, lambda logits, images: logits.mean(0))
    x = frames.transpose(0, 1)
    account.add(x, account.run(x), (frames, torch.tensor([0, 1, 1, 0])))
    return account.records(SimpleNamespace(classes=("left", "right")))


@pytest.fixture
def event_run(run_folder) -> Path:
    """Make a run on events."""
    return run_folder("events", **records())


def test_frames_by_hand() -> None:
    frames = torch.zeros(1, 3, 2, 1, 2)
    frames[0, 0, 0, 0] = torch.tensor([3.0, 1.0])
    frames[0, 2, 1, 0] = torch.tensor([0.0, 2.0])
    made = event_frames(frames)
    assert made == {
        "joined": 1, "size": [1, 2], "steps": 3, "off": [["94", "00", "00"]], "on": [["00", "00", "07"]]
    }  # fmt: skip
    signed = (frames[:, :, 1] - frames[:, :, 0])[:, :, None]
    assert event_frames(signed) == made
    none = event_frames(torch.zeros(2, 1, 1, 2, 2))
    assert none["off"] == none["on"] == [["0000"], ["0000"]]


@pytest.mark.parametrize(("steps", "side"), [(FRAMES, 32), (FRAMES + 1, 33), (100, 70)])
def test_many_frames_and_large_ones_are_added_up(steps: int, side: int) -> None:
    made = event_frames(torch.ones(1, steps, 2, side, side - 3))
    joined, block = made["joined"], -(-side // 32)
    assert len(made["on"][0]) == len(made["off"][0]) == -(-steps // joined) <= FRAMES
    assert made["size"] == [-(-side // block), -(-(side - 3) // block)]
    assert {len(picture) for picture in made["on"][0]} == {made["size"][0] * made["size"][1]}
    assert made["on"][0][0][0] == "9"


def test_only_frames_of_events_are_kept() -> None:
    assert "frames" in records()["test"]["examples"]
    assert "frames" in records(channels=1)["test"]["examples"]
    assert "frames" not in records(channels=3)["test"]["examples"]


def test_the_pictures_and_the_spikes_have_one_axis_of_time(event_run: Path) -> None:
    run = read_run(event_run)
    drawn = samples.events(run, 1)
    examples = run.test["examples"]
    [heat] = drawn["data"]
    values = np.array(examples["layers"][0]["values"][1])
    assert heat["x"] == [1, 2, 3, 4, 5]
    assert heat["z"][:7] == values.T.tolist()
    assert [image["x"] for image in drawn["layout"]["images"]] == [1, 2, 3, 4, 5]
    with Image.open(io.BytesIO(base64.b64decode(drawn["layout"]["images"][2]["source"].split(",")[1]))) as image:
        pixels = np.asarray(image.convert("RGB"))[::4, ::4]
    on = np.array(list(examples["frames"]["on"][1][2])).reshape(6, 8) != "0"
    off = np.array(list(examples["frames"]["off"][1][2])).reshape(6, 8) != "0"
    assert ((pixels[..., 0] > pixels[..., 2]) == (on & ~off))[on ^ off].all()
    assert (pixels[~on & ~off] < 30).all()
    assert len(figures.events(run, 0).layout.images) == 5


def test_steps_that_the_network_saw_at_once_are_shown_apart(run_folder) -> None:
    torch.manual_seed(0)
    frames = torch.randint(0, 3, (4, 5, 2, 6, 8)).float()
    joined = StepsAsChannels(FramesByNumber(5)).join(frames)
    net = nn.Sequential(Flatten(), Linear(10 * 48, 7), LIF(), Linear(7, 2))
    account = ClassAccount(net, lambda logits, images: logits.mean(0))
    account.add(joined.transpose(0, 1), account.run(joined.transpose(0, 1)), (joined, torch.tensor([0, 1, 1, 0])))
    data = EventData(MovingDigits(), StepsAsChannels(FramesByNumber(5)))
    found = account.records(data)["test"]["examples"]
    assert found["frames"] == event_frames(frames[:2])
    run = read_run(run_folder("joined", **account.records(data)))
    drawn = samples.events(run, 1)
    [heat] = drawn["data"]
    assert len(drawn["layout"]["images"]) == 5
    assert drawn["layout"]["xaxis"]["title"]["text"].endswith("channels of one step")
    assert heat["z"][:7] == [[value] * 5 for value in found["layers"][0]["values"][1][0]]


@pytest.mark.parametrize(
    "damage",
    [
        {"off": [["x" * 48] * 5] * 2}, {"off": [["0"] * 5] * 2}, {"size": [6]}, {"steps": 2}, {"joined": "many"},
        {"on": None}, {"off": [["²" * 48] * 5] * 2},
    ],
)  # fmt: skip
def test_damaged_frames_spoil_their_figure_alone(damage: dict, event_run: Path) -> None:
    record = json.loads((event_run / "test.json").read_text())
    record["examples"]["frames"] |= damage
    (event_run / "test.json").write_text(json.dumps(record))
    text, _ = page([read_run(event_run)])
    assert '<option value="0">events</option>' in text
    with pytest.raises(drawings.DAMAGED):
        samples.events(read_run(event_run), 0)


def test_examples_that_are_none_at_all_are_no_frames(run_folder) -> None:
    for name, examples in (("number", 3), ("list", ["frames"]), ("none", None)):
        run = read_run(run_folder(name, test={"confusion": [[1]], "examples": examples}))
        assert not samples.has_frames(run)
        page([run])
    with pytest.raises(figures.NothingToShow, match="keeps no frames of events"):
        figures.events(read_run(run_folder("images")), 0)


def test_a_frame_is_as_many_digits_as_it_has_elements() -> None:
    assert event_picture("0120", "0009", 2, 2).startswith("data:image/png;base64,")
    for off, on, height in (("012", "0009", 2), ("0120", "000", 2), ("01x0", "0000", 2), ("0120", "0009", 3)):
        with pytest.raises(ValueError, match=r"digits|reshape"):
            event_picture(off, on, height, 2)


def test_the_page_shows_events_of_runs_that_have_them(event_run: Path, run_folder, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert main(["report", str(event_run), str(run_folder("images")), "--out", str(out)]) == 0
    assert out.stat().st_size < 5e6
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine, so the page cannot be opened")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    for name, images in (("events", 6), ("images", 0)):  # of five steps, and the raster
        command = [CHROMIUM, *options, "--dump-dom", f"{out.as_uri()}#run={name}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert "CONSOLE" not in done.stderr
        shown = done.stdout.partition('<script type="text/plain"')[0]
        own = shown[shown.index('<figure class="full optional"') :].partition("</figure>")[0]
        assert own.count("<image ") == images
        assert own.startswith('<figure class="full optional" hidden') == (not images)
