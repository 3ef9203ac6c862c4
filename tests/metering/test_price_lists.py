"""Price lists of the users': what they may hold, how they are named, and that none is lost."""

from pathlib import Path
from typing import Any

import pytest
import torch

from synfire.base import ConfigError
from synfire.layers import Linear
from synfire.metering import trace
from synfire.metering.pricers import Memory, Operations, bills, price_lists, pricer

CONVENTIONAL = trace(Linear(3, 2, bias=False), torch.ones(1, 1, 3))
PRICES = ("constant", "add_8", "add_32", "multiply_8", "multiply_32", "access_base", "access_slope")


def write(folder: Path, text: str, name: str = "chip.toml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("value", ["-5.0", "nan", "inf", "-inf", "1e999", "9" * 400])
@pytest.mark.parametrize("key", ["mac", "ac", *PRICES])
def test_energies_that_are_none_are_refused(key, value, tmp_path):
    model = "operations" if key in ("mac", "ac") else "memory"
    rest = "".join(f"{other} = 1.0\n" for other in ("mac", "ac") if model == "operations" and other != key)
    path = write(tmp_path, f'model = "{model}"\n{key} = {value}\n{rest}')
    with pytest.raises(ConfigError, match=rf"^chip: {key} is .* pJ, but a finite number that is not negative was"):
        pricer(path)


def test_an_energy_may_be_zero():
    assert Operations(0, 0)(CONVENTIONAL).picojoules == 0 < Operations(1, 0)(CONVENTIONAL).picojoules


def test_two_files_of_one_name_are_refused(tmp_path):
    text = 'model = "operations"\nmac = 1\nac = 1\n'
    a, b = write(tmp_path / "a", text), write(tmp_path / "b", text)
    with pytest.raises(ConfigError, match=r"both go by the name 'chip'") as caught:
        bills(CONVENTIONAL, [a, *price_lists(), b])
    assert str(a) in str(caught.value)
    assert str(b) in str(caught.value)
    assert list(bills(CONVENTIONAL, [a, str(a)])) == ["chip", "chip, skipping zeros"]

    b.write_text('name = "other"\n' + text)
    assert list(bills(CONVENTIONAL, [a, b])) == [
        f"{name}{end}" for name in ("chip", "other") for end in ("", ", skipping zeros")
    ]


@pytest.mark.parametrize("name", ["memory-fit-8bit", "operations-45nm-int8"])
def test_the_name_of_a_list_of_the_package_is_taken(name, tmp_path):
    text = 'model = "operations"\nmac = 1\nac = 1\n'
    path, named = write(tmp_path, text, f"{name}.toml"), write(tmp_path, f'name = "{name}"\n{text}')
    for file in (path, named):
        with pytest.raises(ConfigError, match=f"{name} is the name of a list of the package") as caught:
            bills(CONVENTIONAL, [file])
        assert str(file) in str(caught.value)
        assert str(price_lists()[name]) in str(caught.value)
    assert bills(CONVENTIONAL, [price_lists()[name]]).keys() == bills(CONVENTIONAL, [name]).keys()


def test_the_name_of_a_second_bill_is_taken(tmp_path):
    path = write(tmp_path, 'model = "operations"\nmac = 1\nac = 1\n', "chip, skipping zeros.toml")
    with pytest.raises(ConfigError, match="', skipping zeros' are taken"):
        pricer(path)


def test_the_memory_model_takes_the_energies_of_another_process(tmp_path):
    path = write(
        tmp_path,
        'model = "memory"\naccess_base = 5\naccess_slope = 0.5\nadd_8 = 0.5\nadd_32 = 2.0\nmultiply_8 = 2.0\n'
        "multiply_32 = 8.0\nmultiply = 'saturation'\n",
    )
    price = pricer(path)
    assert isinstance(price, Memory)
    assert (price.add_energy, price.multiply_energy) == (0.5, 2.0)
    assert [price.energy(elements) for elements in (0, 10)] == [5, 5 + 0.5 * 10 * 8]
    bill = price(CONVENTIONAL)
    assert bill.picojoules > pricer("memory-fit-8bit")(CONVENTIONAL).picojoules
    assert "an access costs 5 + 0.5 n b pJ for n numbers of b bits" in bill.assumptions
    assert any("an addition costs 0.5 pJ (linear), a multiplication 2 pJ (saturation)" in s for s in bill.assumptions)
    wide = pricer(path, bits=32)
    assert isinstance(wide, Memory)
    assert (wide.add_energy, wide.multiply_energy) == (2.0, 8.0)


@pytest.mark.parametrize("key", PRICES)
def test_energies_of_ones_own_are_not_said_to_be_of_45_nm(key):
    changes: dict[str, Any] = {key: 1.0}
    assert "Horowitz" in Memory().source
    assert Memory(**changes).source.endswith("energies given by the caller")
    assert Memory(**changes, source="our chip").source == "our chip"


def test_what_a_list_leaves_out_is_of_45_nm():
    price = Memory()
    assert {key: getattr(price, key) for key in PRICES} == {
        "constant": 20.0, "add_8": 0.03, "add_32": 0.1, "multiply_8": 0.2, "multiply_32": 3.1, "access_base": 13.2,
        "access_slope": 1.09e-5,
    }  # fmt: skip
