"""The command view and the pictures that it writes."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synfire.cli.main import main
from synfire.data.events import Events, write_events
from synfire.report.recording import _balance, _pixels, _rate
from synfire.report.slices import EDGE, GROUND, LEVELS, LOWEST, MARGIN, OFF, ON, levels, palette

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """Write a recording in which an edge moves to the right, ON before OFF, and a pixel is hot."""
    t = np.arange(20_000)
    column = t // 1000
    x, p = np.where(t % 2, column + 1, column), t % 2
    x, y, p = np.where(t % 5, x, 30), np.where(t % 5, t % 24, 3), np.where(t % 5, p, 1)
    write_events(tmp_path / "edge<b>.bin", Events.of(x, y, 500 + 10 * t, p))
    return tmp_path / "edge<b>.bin"


def test_what_a_recording_holds_is_printed(moving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(moving), "--sensor-size", "31", "24"]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.count(" ") > 1)
    assert said["format"].strip() == "ATIS .bin"
    assert said["events"] == "20,000"
    assert said["sensor"] == "31 x 24 pixels"
    assert said["duration"].startswith("0.19999 s")
    assert said["mean"] == "rate       100,005 events/s"
    assert said["polarity"] == "60.0 % ON, 40.0 % OFF"
    assert said["hot"] == "pixels      1, with 20.0 % of the events: (30, 3) 4,000"
    assert said["discarded"] == "nothing"
    assert main(["view", str(moving), "--sensor-size", "30", "24", "--start", "0.01", "--stop", "100"]) == 0
    out = capsys.readouterr().out
    assert "4,000 outside the sensor" in out
    assert "hot pixels      none" in out


def test_pictures_are_whole_and_of_two_colours(moving: Path, tmp_path: Path) -> None:
    sheet, moved = tmp_path / "sheet.png", tmp_path / "moved.gif"
    assert main(["view", str(moving), "--png", str(sheet), "--gif", str(moved), "--slices", "6"]) == 0
    with Image.open(sheet) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 16) or []}
    assert {GROUND, tuple(a + b for a, b in zip(GROUND, ON, strict=True))} <= colours
    assert tuple(min(255, a + b) for a, b in zip(GROUND, OFF, strict=True)) in colours
    with Image.open(moved) as image:
        assert (image.format, image.n_frames, image.info["duration"]) == ("GIF", 50, 100)
        assert max(image.size) < 300


def test_levels_by_hand() -> None:
    counts = np.zeros((1, 2, 1, 3), int)
    counts[0, :, 0, 0] = 0, 2
    counts[0, :, 0, 1] = 1, 0
    found = levels(counts)
    assert found.tolist() == [[[15 * 16, 10, 0]]]
    assert len(palette()) == 768
    assert max(palette()) == 255
    assert levels(np.zeros((1, 2, 1, 1), int)).tolist() == [[[0]]]


def test_a_page_needs_no_network_and_draws_everything(moving: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["view", str(moving), "--html", str(out)]) == 0
    text = out.read_text()
    assert "<b>" not in text
    assert "http" not in text.partition('<script type="text/plain"')[0].replace("http-equiv", "")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine, so the page cannot be opened")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    done = subprocess.run([CHROMIUM, *options, "--dump-dom", out.as_uri()], capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert 'data-ready="yes"' in done.stdout
    shown = done.stdout[done.stdout.index("<main") : done.stdout.index("</main>")]
    assert shown.count("js-plotly-plot") == 3
    assert shown.count('class="main-svg"') >= 3
    assert ">ON, % of the events</text>" in shown


def test_a_short_recording_has_curves_and_a_sheet_without_gaps(tmp_path: Path) -> None:
    rate, balance = _rate(np.array([[1, 3]]), 0.5, 0.01), _balance(np.array([[1, 3], [0, 0], [2, 0]]), 0.0, 0.01)
    assert [(line["x"], line["y"]) for line in rate["data"]] == [([0.5, 0.51], [300, 300]), ([0.5, 0.51], [100, 100])]
    assert balance["data"][0]["x"] == [0, 0.01, 0.01, 0.02, 0.02, 0.03]
    assert balance["data"][0]["y"] == [75, 75, None, None, 0, 0]
    [pixels] = _pixels(np.array([[20, 40]]))["data"]
    assert (pixels["zmin"], pixels["zmax"], pixels["colorbar"]["ticktext"]) == (
        0,
        np.log10(41),
        ["0", "1", "3", "10", "30"],
    )
    write_events(tmp_path / "row.npz", Events.of(np.arange(64), [0] * 64, np.arange(64) * 10**6, [1] * 64, (64, 1)))
    assert main(["view", str(tmp_path / "row.npz"), "--png", str(tmp_path / "sheet.png"), "--slices", "8"]) == 0
    with Image.open(tmp_path / "sheet.png") as image:
        indices = np.asarray(image)
    assert (indices == 15 * LEVELS).sum() >= 64 * 2 * LOWEST
    assert (indices[:, -MARGIN:] == EDGE).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.bin"], "No such file"),
        (["edge<b>.bin", "--slices", "0"], "--slices is 0"),
        (["edge<b>.bin", "--start", "soon"], "'soon' is not a number of milliseconds"),
        (["edge<b>.bin", "--start", "nan"], "'nan' is not a number of milliseconds"),
        (["edge<b>.bin", "--start", "3", "--stop", "2"], "stop must be the later one"),
        (["edge<b>.bin", "--start", "90000", "--png", "a.png"], "nothing to draw"),
        (["edge<b>.bin", "--png", "none/a.png"], "cannot write"),
        (["edge<b>.bin", "--gif", "./edge<b>.bin"], "is the recording, which would be lost"),
        (["edge<b>.bin", "--sensor-size", "0", "4"], "sensor_size is (0, 4)"),
        (["cut.bin", "--html", "a.html"], "damaged='stop'"),
        (["edge<b>.bin", "--damaged", "maybe"], "invalid choice"),
    ],
)
def test_mistakes_write_nothing_and_say_why(
    words: list[str], message: str, moving: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(moving.parent)
    Path("cut.bin").write_bytes(moving.read_bytes()[:-2])
    before = sorted(moving.parent.iterdir())
    assert main(["view", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert sorted(moving.parent.iterdir()) == before


def test_a_damaged_file_is_shown_up_to_the_damage(moving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moving.write_bytes(moving.read_bytes()[:-2])
    assert main(["view", str(moving), "--damaged", "stop"]) == 0
    assert "1 damaged rest" in capsys.readouterr().out


def test_an_empty_stretch_is_no_mistake(moving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(moving), "--start", "90000"]) == 0
    assert "events          0" in capsys.readouterr().out
