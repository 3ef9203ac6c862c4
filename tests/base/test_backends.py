"""Which implementation runs."""

import threading

import pytest
import torch

from synfire.base import BACKENDS, BackendError, Kernel, backend, choose

X = torch.zeros(2, 3)


def kernel(name: str, reason: str | None = None) -> Kernel:
    return Kernel(name, why_not=lambda x: reason, forward=lambda x: x)


def test_the_first_that_fits_is_chosen():
    kernels = [kernel("triton", "no GPU"), kernel("numba"), kernel("reference")]
    assert choose("op", kernels, X).name == "numba"


@pytest.mark.parametrize("name", BACKENDS)
def test_a_forced_one_is_chosen_and_the_choice_ends_with_the_block(name):
    kernels = [kernel(n) for n in BACKENDS]
    with backend(name):
        assert choose("op", kernels, X).name == name
        with backend("reference"):
            assert choose("op", kernels, X).name == "reference"
        assert choose("op", kernels, X).name == name
    with pytest.raises(KeyError), backend(name):
        raise KeyError
    assert choose("op", kernels, X).name == BACKENDS[0]


def test_the_choice_holds_in_other_threads():
    """Autograd runs backward passes in threads of its own."""
    seen = []
    with backend("numba"):
        thread = threading.Thread(target=lambda: seen.append(choose("op", [kernel(n) for n in BACKENDS], X).name))
        thread.start()
        thread.join()
    assert seen == ["numba"]


def test_when_none_fits_every_refusal_is_listed():
    kernels = [kernel("triton", "no GPU"), kernel("numba", "no kernel for it"), kernel("reference", "not today")]
    with pytest.raises(BackendError) as caught:
        choose("scan", kernels, X)
    assert str(caught.value).startswith(
        "scan: no back end can run this input (triton: no GPU; numba: no kernel for it; reference: not today). "
    )


def test_a_forced_one_never_falls_back():
    with backend("triton"), pytest.raises(BackendError, match=r"\(triton: no GPU\)"):
        choose("scan", [kernel("triton", "no GPU"), kernel("reference")], X)
    with backend("numba"), pytest.raises(BackendError, match=r"\(numba: it has no implementation of this operation\)"):
        choose("scan", [kernel("reference")], X)
