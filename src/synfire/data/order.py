"""Who comes first: seeds, orders that do not depend on the file, and the rows of a rank in an epoch."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError


def derive_seed(*words: int) -> int:
    """Mix whole numbers >= 0, such as (seed, epoch, rank), into one 64-bit seed; (0, 1) and (1, 0) give others."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


def content_order(samples: Tensor, labels: Tensor, seed: int) -> Tensor:
    """Return a permutation that depends on the samples, the labels and the seed, but not on their order in the file.

    Rows are sorted by a keyed hash (BLAKE2b) of label and sample. A set aside from the front therefore holds the same
    samples after the file was sorted, shuffled or converted, and the first n are among the first n + 1.

    Args:
        samples: whole numbers of any size, (N, ...), such as images, uint8, (N, C, H, W). The hash is of their bytes,
            least significant first, so another dtype gives another order.
        labels: int64, (N,).
        seed: any whole number >= 0; it keys the hash.

    Returns:
        Row numbers, int64, (N,), on the CPU. Equal rows keep their order.

    Raises:
        ConfigError: the seed is negative.
    """
    if seed < 0:
        raise ConfigError(f"seed is {seed}; give a whole number of at least 0.")
    key = seed.to_bytes(16, "little")
    array = samples.cpu().contiguous().numpy().reshape(len(samples), -1)
    rows = array.astype(array.dtype.newbyteorder("<"), copy=False)
    names = labels.cpu().numpy().astype("<i8")
    digests = [
        hashlib.blake2b(row.data, digest_size=8, key=key, salt=name.tobytes()).digest()
        for row, name in zip(rows, names, strict=True)
    ]
    order = np.argsort(np.frombuffer(b"".join(digests), dtype="<u8"), kind="stable")
    return torch.from_numpy(order)


class EpochOrder:
    """The rows that one rank sees in an epoch: a function of (seed, epoch, rank, world_size) and nothing else.

    Every rank gets the same number of rows. Without `full`, a count that the world size does not divide is padded by
    starting again from the front of the order, so up to world_size - 1 rows are seen twice; in a world of one, none.

    Args:
        count: rows in the set.
        shuffle: a new permutation every epoch; otherwise the order of the set.
        seed: seeds the permutations, together with the epoch.
        rank: which share, 0 .. world_size - 1.
        world_size: number of shares.
        full: if above 0, rows per rank are cut down to a multiple of it instead of padded.
    """

    def __init__(
        self, count: int, *, shuffle: bool, seed: int = 0, rank: int = 0, world_size: int = 1, full: int = 0
    ) -> None:
        if not 0 <= rank < world_size:
            raise ConfigError(f"EpochOrder: rank is {rank} of {world_size}; give a rank from 0 to world_size - 1.")
        if seed < 0:
            raise ConfigError(f"EpochOrder: seed is {seed}; give a whole number of at least 0.")
        self.count, self.shuffle, self.seed, self.rank, self.world_size = count, shuffle, seed, rank, world_size
        self.rows_per_rank = count // (world_size * full) * full if full else -(-count // world_size)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation; Lightning calls this on a loader's sampler before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows_per_rank

    def rows(self) -> Tensor:
        """Return the row numbers of this rank in this epoch, int64, (len(self),), on the CPU."""
        order = torch.arange(self.count)
        if self.shuffle:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, self.epoch))
            order = torch.randperm(self.count, generator=generator)
        places = torch.arange(self.rows_per_rank) * self.world_size + self.rank
        return order[places % self.count]
