"""What the command line takes, and what `--help` says."""

import argparse
import math
from pathlib import Path
from typing import Any, NoReturn

from synfire.base import ConfigError

ABOUT = """\
Spiking neural networks that are accurate and cheap to run.

commands:
  train RECIPE   train and test a network; a run folder keeps everything
  eval RUN       test a trained network again
  list           recipes, models and neurons that come with synfire
  report RUN...  compare runs: a table, and a page with figures
  claim NAME     run both sides of a published claim, and say whether it holds here
  generate RUN   let a network of language go on behind a prompt
  live RUN       let a network see events as they come, from UDP or a pipe
  view FILE      what a recording of an event camera holds, with pictures

start here:
  synfire train digits     trains on real digits in a minute, without a download
  synfire list recipes     what else there is to train

`synfire COMMAND --help` explains a command.
"""

TRAIN = """\
Train and test a network as a recipe says.

A recipe is a YAML file of constructor calls: data, task (with its model) and trainer. RECIPE is a name from
`synfire list recipes` or the path of your own file. Any value can be changed here by its path, --KEY VALUE.

examples:
  synfire train digits
  synfire train digits --seed 1 --trainer.max_epochs 20
  synfire train digits --task.model.levels 2 --task.encoder.steps 4
  synfire train fashion-cnn4 --data.source.root ~/data/fashion_mnist
  synfire train digits --print-recipe > mine.yaml      start a recipe of your own
  synfire train --run runs/digits-1 --resume           go on after a stop
"""

TRAIN_END = """\
often changed:
  --trainer.max_epochs N         passes over the training images
  --trainer.accelerator cpu|gpu  where to train; by default a GPU if there is one
  --trainer.devices N            GPUs or, with accelerator cpu and strategy ddp, processes
  --trainer.precision bf16-mixed half the memory and time on recent GPUs
  --task.model.KEY VALUE         options of the model, such as levels
  --task.optimizer.lr X          learning rate
  --data.batch_size N            images per step
  --all-options                  show every key of a recipe
"""

EVAL = """\
Test the network of a run folder again and print accuracy, spikes, parameters and time. Nothing is written.

examples:
  synfire eval runs/digits-1
  synfire eval runs/digits-1 --trainer.accelerator cpu
"""

CLAIM = """\
Run both sides of a published claim with the same seeds and budget, and say whether it holds here.

Runs are kept and shared between claims; a second call goes on where the first was stopped, and takes finished runs as
they are. Keys of the recipes, --KEY VALUE, change both sides alike, for example to shorten the training.

examples:
  synfire claim --list
  synfire claim multilevel-one-step                                 on embedded digits, minutes
  synfire claim barriers --data fashion --root ~/data/fashion_mnist --seeds 0 1 2
  synfire claim --table results/claims                              what was found, as Markdown
"""

REPORT = """\
Compare runs: a table here, and one self-contained page with figures to open in a browser.

Runs that are missing, damaged or not finished are named as such.

examples:
  synfire report                              all runs in runs/, written to report.html
  synfire report runs/digits-1 --out digits.html
  synfire report --compare                    many runs side by side, without the details of each
  synfire report --price mychip.toml          energies also under a price list of your own
"""


GENERATE = """\
Let a network of language write on behind a prompt, token by token, with the same memory however long it gets.

examples:
  synfire generate runs/language-1 --prompt "def main("
  synfire generate runs/language-1 --prompt "import " --tokens 1000 --temperature 0.7 --seed 3
"""

VIEW = """\
Show what a recording of events holds: rates, polarities, hot pixels, what is wrong with it. Every format is recognised.

examples:
  synfire view recording.aedat4
  synfire view recording.raw --html recording.html        a page with figures, to open in a browser
  synfire view recording.raw --png sheet.png --gif moving.gif
  synfire view sample.bin --sensor-size 34 34 --start 100 --stop 200
"""

LIVE = """\
Let the network of a run see events as they come, and print a class for every step of time, until Ctrl-C.

Events come as UDP packets in AEStream's form, or with --file from a pipe, as AEDAT 3.1 or AEStream's words. A class is
that of the mean over the last steps, as many as the network was trained with unless --window says otherwise. The sensor
must be as large as in training.

examples:
  synfire live runs/gestures-1 --sensor-size 128 128 --port 3333
  nc camera 7777 | synfire live runs/gestures-1 --sensor-size 128 128 --file -     cAER's output over TCP
"""

LARGEST = 1e12  # milliseconds, 30 years


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `{self.prog} --help`.")


def parser() -> argparse.ArgumentParser:
    """Return what reads the words that are no keys of a recipe."""
    form: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    made = _Parser(prog="synfire", usage="synfire COMMAND ...", description=ABOUT, **form)
    commands = made.add_subparsers(
        dest="command", prog="synfire", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for add in (_add_train, _add_eval, _add_list, _add_report, _add_claim, _add_generate, _add_live, _add_view):
        add(commands, form)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show where an error comes from")
    return made


def _add_train(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser(
        "train", usage="synfire train RECIPE [options] [--KEY VALUE ...]", description=TRAIN, epilog=TRAIN_END, **form
    )
    command.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help="name or path; may be left out with --resume --run"
    )
    command.add_argument("--run", type=Path, metavar="DIR", help="run folder; by default runs/<recipe>-<n>")
    command.add_argument("--resume", action="store_true", help="continue the run in DIR, or the latest of the recipe")
    command.add_argument("--seed", type=_whole_number, metavar="N", help="seed of weights, data order and augmentation")
    command.add_argument(
        "--threads", type=int, metavar="N", help="threads on the CPU; small networks are faster with 1"
    )
    command.add_argument("--keep", choices=("last", "best"), help="weights to keep: of the last epoch, or the best")
    command.add_argument(
        "--no-health", action="store_true", help="skip the check of every neuron layer before training"
    )
    command.add_argument("--print-recipe", action="store_true", help="print the recipe with all defaults, and stop")
    command.add_argument("--all-options", action="store_true", help="show every key of a recipe, and stop")
    _add_trust(command)


def _add_eval(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser("eval", usage="synfire eval RUN [--KEY VALUE ...]", description=EVAL, **form)
    command.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/digits-1")
    _add_trust(command)


def _add_list(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser("list", description="Name what comes with synfire, a line each.", **form)
    command.add_argument("what", nargs="?", choices=("recipes", "models", "neurons"), help="by default all three")


def _add_report(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser("report", usage="synfire report [RUN ...] [options]", description=REPORT, **form)
    command.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="run folders; by default all in runs/")
    command.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE", help="by default report.html")
    command.add_argument("--compare", action="store_true", help="leave out the details of single runs")
    command.add_argument("--table", action="store_true", help="print the table alone, and write no page")
    command.add_argument(
        "--price", action="append", default=[], metavar="FILE", help="a price list of your own, see docs/energy.md"
    )


def _add_claim(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser(
        "claim", usage="synfire claim NAME [options] [--KEY VALUE ...]", description=CLAIM, **form
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="a name from --list")
    command.add_argument("--list", action="store_true", help="name the claims, and stop")
    command.add_argument("--table", type=Path, metavar="DIR", help="print the records in DIR as Markdown, and stop")
    command.add_argument("--data", help="data set; by default the smallest that the claim has")
    command.add_argument("--root", type=Path, metavar="DIR", help="folder of the data set, where it is not embedded")
    command.add_argument(
        "--seeds", type=_whole_number, nargs="+", default=[0, 1, 2], metavar="N", help="by default 0 1 2"
    )
    command.add_argument("--images", type=int, default=1000, metavar="N", help="test images to count activity on")
    command.add_argument(
        "--runs", type=Path, default=Path("runs/claims"), metavar="DIR", help="folder of the run folders"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="record; by default results/claims/NAME-DATA.json")


def _add_generate(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser("generate", usage="synfire generate RUN --prompt TEXT", description=GENERATE, **form)
    command.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as runs/language-1")
    command.add_argument("--prompt", required=True, metavar="TEXT", help="the beginning of the text")
    command.add_argument("--tokens", type=_whole_number, default=200, metavar="N", help="how many to add")
    command.add_argument("--temperature", type=float, default=1.0, metavar="X", help="0 takes the most probable")
    command.add_argument("--top-k", type=_whole_number, metavar="K", help="draw from the K most probable alone")
    command.add_argument("--event-driven", action="store_true", help="read the weights of spikes alone, where faster")
    command.add_argument("--seed", type=_whole_number, default=0, metavar="N", help="of what is drawn")
    _add_trust(command)


def _add_live(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser(
        "live", usage="synfire live RUN --sensor-size W H [options]", description=LIVE, **form
    )
    command.add_argument("run", type=Path, metavar="RUN", help="a run folder of a network that was trained on events")
    command.add_argument(
        "--sensor-size", type=_whole_number, nargs=2, required=True, metavar=("W", "H"), help="in pixels"
    )
    command.add_argument("--port", type=_whole_number, default=3333, metavar="N", help="of UDP; by default 3333")
    command.add_argument("--host", default="127.0.0.1", help="who may send: by default this machine, 0.0.0.0 for all")
    command.add_argument("--file", type=Path, metavar="FILE", help="read a pipe instead; - is the standard input")
    command.add_argument(
        "--step-us", type=_whole_number, metavar="N", help="length of a step in microseconds; by default as in training"
    )
    command.add_argument("--window", type=_whole_number, metavar="N", help="steps to take the mean over")
    command.add_argument("--timeout", type=float, metavar="S", help="end when nothing came for so many seconds")
    _add_trust(command)


def _add_view(commands: Any, form: dict[str, Any]) -> None:
    command = commands.add_parser("view", usage="synfire view FILE [options]", description=VIEW, **form)
    command.add_argument("file", type=Path, metavar="FILE", help="a recording")
    command.add_argument("--png", type=Path, metavar="OUT", help="write equal slices of time, as one picture")
    command.add_argument("--gif", type=Path, metavar="OUT", help="write an animation of 5 seconds")
    command.add_argument("--html", type=Path, metavar="OUT", help="write a page with figures, which needs no network")
    command.add_argument(
        "--slices", type=_whole_number, default=16, metavar="N", help="in picture and page; by default 16"
    )
    command.add_argument(
        "--start", type=_number, metavar="MS", help="leave out what is before, in ms from the first event"
    )
    command.add_argument("--stop", type=_number, metavar="MS", help="leave out what is from here on, likewise")
    command.add_argument(
        "--sensor-size", type=_whole_number, nargs=2, metavar=("W", "H"), help="pixels; by default as the file says"
    )
    command.add_argument(
        "--damaged", choices=("error", "stop"), default="error", help="stop: read a damaged file up to the damage"
    )


def _add_trust(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE", help="let the recipe use this package"
    )


def _whole_number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number; give one of at least 0") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative; give a whole number of at least 0")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds; give one such as 12.5")
    return number
