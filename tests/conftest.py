"""Without a GPU, Triton's kernels are tested in its interpreter, which it must know of before it is imported."""

import os

import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
