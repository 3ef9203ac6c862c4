import pytest

from synfire.base import DataError
from synfire.data import HuggingFaceImages


@pytest.fixture(scope="module")
def folder(tmp_path_factory, png, pixels):
    """A local image set in three forms: saved to disk, Parquet files, and a folder of images."""
    import datasets

    root = tmp_path_factory.mktemp("hub")
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    parts = {}
    for part, labels in (("train", [0, 1, 1]), ("test", [1, 0])):
        rows = {
            "img": [{"bytes": png(pixels(4, 5, seed=n)), "path": None} for n in range(len(labels))],
            "label": labels,
        }
        parts[part] = datasets.Dataset.from_dict(rows, features=features)
        (root / "parquet").mkdir(exist_ok=True)
        parts[part].to_parquet(root / "parquet" / f"{part}.parquet")
        for n, label in enumerate(labels):
            path = root / "images" / part / ["cat", "dog"][label] / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rows["img"][n]["bytes"])
    datasets.DatasetDict(parts).save_to_disk(root / "saved")
    return root


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("form", ["saved", "parquet", "images"])
def test_local_sets_need_no_network(folder, form, pixels):
    source = HuggingFaceImages(str(folder / form), cache_dir=str(folder / "cache"))
    train, test = source.load()
    assert sorted(train.labels.tolist()) == [0, 1, 1]
    assert (len(test), train.shape, train.classes) == (2, (1, 4, 5), ("cat", "dog"))
    assert train.images[0, 0].numpy().tolist() == pixels(4, 5, seed=0).tolist()


def test_a_missing_split_or_set(folder):
    with pytest.raises(DataError, match=r"no split 'dev'; it has train, test"):
        HuggingFaceImages(str(folder / "saved"), test_split="dev").load()
    with pytest.raises(DataError, match=r"nowhere\[train\]: cannot be"):
        HuggingFaceImages(str(folder / "nowhere"), cache_dir=str(folder / "cache")).load()


def test_a_hub_that_cannot_be_reached_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"some/set: the Hugging Face hub cannot be reached \(Couldn't reach") as caught:
        HuggingFaceImages("some/set", cache_dir=str(tmp_path)).load()
    assert "damaged" not in str(caught.value)
