"""Optional packages."""

import json

import pytest

from synfire.base import MissingExtraError, need


def test_an_installed_module_comes_back():
    assert need("json", extra="train", purpose="reading") is json
    assert need("os.path", extra="train", purpose="reading").__name__ in ("posixpath", "ntpath")


def test_a_missing_one_names_its_extra():
    message = r"to_onnx needs the package no_such_package, .* 'synfire\[interchange\]'"
    with pytest.raises(MissingExtraError, match=message):
        need("no_such_package.part", extra="interchange", purpose="to_onnx")
