"""The command generate."""

import argparse
from collections.abc import Iterator
from itertools import chain, islice

import torch

from synfire.base import ConfigError, RunError, read_json
from synfire.data import Vocabulary, restore_vocabulary
from synfire.models import generate as continue_text
from synfire.recipes.loading import load
from synfire.training import RunFolder


def generate(args: argparse.Namespace) -> Iterator[str]:
    """Yield the prompt and what the network of a run adds to it, piece by piece."""
    if args.tokens < 1:
        raise ConfigError(f"--tokens is {args.tokens}; give at least 1.")
    vocabulary = _vocabulary(RunFolder(args.run))
    net = load(args.run, args.trust)
    vocabulary.check_prompt(args.prompt)
    prompt = vocabulary.encode(args.prompt).tolist()
    if not prompt:
        raise ConfigError("the prompt is empty; give at least one character with --prompt to go on from.")
    generator = torch.Generator().manual_seed(args.seed)
    made = continue_text(
        net,
        prompt,
        temperature=args.temperature,
        top_k=args.top_k,
        event_driven=args.event_driven,
        generator=generator,
    )
    return vocabulary.pieces(chain(prompt, islice(made, args.tokens)))


def _vocabulary(run: RunFolder) -> Vocabulary:
    path = run.record("vocabulary")
    if path.exists():
        return restore_vocabulary(read_json(path), str(path))
    if run.read_summary() is None:
        raise RunError(f"{run.path} is no finished run; finish it with: synfire train --run {run.path} --resume")
    raise RunError(f"{run.path} is no model of language, since it has no vocabulary.json. Train spiking_ssm/language.")
