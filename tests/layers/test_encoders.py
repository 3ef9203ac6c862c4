"""From images to sequences."""

from contextlib import nullcontext

import pytest
import torch

from synfire.base import ConfigError
from synfire.data import Digits, ImageData
from synfire.layers import Direct, Encoder, Frames, Latency, PixelSequence, Poisson, TokenSequence
from synfire.layers import encoders as room
from synfire.layers.encoders import UnitEncoder


def test_direct_holds_the_image_without_copying_it():
    images = torch.rand(2, 3, 4, 4)
    x = Direct(5)(images)
    assert x.shape == (5, 2, 3, 4, 4)
    assert x.stride(0) == 0
    assert x.data_ptr() == images.data_ptr()
    assert torch.equal(x[4], images)


def test_latency_by_hand():
    images = torch.tensor([[1.0, 0.75, 0.5, 0.01, 0.0, -1e-4, 1.0001]])
    x = Latency(5)(images)
    assert x.sum(0).tolist() == [[1, 1, 1, 1, 0, 0, 1]]
    assert x.argmax(0)[0].tolist() == [0, 1, 2, 4, 0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_latency_has_one_spike_per_lit_pixel_and_brighter_is_never_later(dtype):
    images = torch.linspace(0, 1, 101, dtype=dtype)[None]
    x = Latency(16)(images)
    assert x.dtype == dtype
    assert torch.equal(x.sum(0), (images > 0).to(dtype))
    when = x.argmax(0)[0, 1:]
    assert (when.diff() <= 0).all()
    assert (when[0], when[-1]) == (15, 0)


def test_latency_of_one_step():
    assert Latency(1)(torch.tensor([[0.3, 0.0]])).tolist() == [[[1.0, 0.0]]]


def test_poisson_rates_are_the_pixels():
    images = torch.tensor([[-1e-4, 0.0, 0.25, 0.9, 1.0, 1.0001]])
    x = Poisson(20_000, torch.Generator().manual_seed(0))(images)
    assert set(x.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(x.mean(0), images.clamp(0, 1), rtol=0, atol=0.015)  # 4 standard deviations
    assert (x[:, 0, :2] == 0).all()
    assert (x[:, 0, 4:] == 1).all()


def test_poisson_draws_from_its_generator_alone():
    images = torch.full((2, 50), 0.5)
    before = torch.get_rng_state()
    one, same = (Poisson(8, torch.Generator().manual_seed(3))(images) for _ in range(2))
    assert torch.equal(one, same)
    assert torch.equal(torch.get_rng_state(), before)
    generator = torch.Generator().manual_seed(3)
    encoder = Poisson(8, generator)
    assert not torch.equal(encoder(images), encoder(images))


@pytest.mark.parametrize("encoder", [Direct, Poisson, Latency])
def test_encoders_keep_shape_and_describe_themselves(encoder):
    assert encoder(3)(torch.rand(2, 1, 4, 4)).shape == (3, 2, 1, 4, 4)
    assert repr(encoder(3)) == f"{encoder.__name__}(steps=3)"


def test_every_encoder_is_tested_here():
    assert {c for c in vars(room).values() if isinstance(c, type) and issubclass(c, Encoder)} == {
        Encoder, UnitEncoder, Direct, Poisson, Latency, PixelSequence, TokenSequence, Frames,
    }  # fmt: skip


@pytest.mark.parametrize("encoder", [Poisson, Latency])
def test_normalised_images_are_refused_in_every_batch(encoder):
    images = torch.rand(2, 1, 4, 4)
    kept = encoder(3)
    kept(images)
    kept(torch.empty(0, 1, 4, 4))
    kept(images.to("meta"))
    for unfit in (images - 0.5, 2 * images, (images - 0.5) / 0.25):
        unfit[0, 0, 0, 0] = 1.5
        with pytest.raises(
            ConfigError, match=r"but values in 0..1 were expected, .* Set --data.normalize null, or take"
        ):
            kept(unfit)
    assert kept(torch.full((1, 1, 2, 2), torch.nan)).shape == (3, 1, 1, 2, 2)  # the task tells it, with its image


@pytest.mark.parametrize("encoder", [Poisson, Latency])
def test_the_data_module_gives_them_what_they_encode_once_told(encoder):
    for normalize, fits in (("dataset", False), (None, True)):
        data = ImageData(Digits(), batch_size=64, normalize=normalize)
        images, _ = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        with nullcontext() if fits else pytest.raises(ConfigError, match="the images go from"):
            assert encoder(4)(images).shape[0] == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_only_the_first_batch_is_looked_at():
    encoder, images = Latency(3), torch.rand(2, 1, 4, 4, device="cuda")
    with pytest.raises(ConfigError, match="the images go from"):
        encoder(3 * images + 1)
    encoder(images)
    torch.cuda.set_sync_debug_mode("error")
    try:
        encoder(images + 1)
    finally:
        torch.cuda.set_sync_debug_mode("default")


# --- pixels as sequences ---


def test_pixels_come_row_by_row_with_their_channels_together():
    images = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    x = PixelSequence(4)(images)
    assert x.shape == (4, 2, 3)
    assert torch.equal(x[1, 0], images[0, :, 0, 1])
    assert torch.equal(x[2, 1], images[1, :, 1, 0])
    assert repr(PixelSequence(4, "random")) == "PixelSequence(steps=4, order=random)"


def test_permuted_orders_are_permutations_and_keep_to_their_seed():
    image = torch.arange(784.0).view(1, 1, 28, 28)
    for order in ("bit_reversal", "random"):
        x = PixelSequence(784, order)(image).flatten()
        assert torch.equal(x.sort().values, image.flatten())
        assert not torch.equal(x, image.flatten())
    assert torch.equal(PixelSequence(784, "random", 1)(image), PixelSequence(784, "random", 1)(image))
    assert not torch.equal(PixelSequence(784, "random", 1)(image), PixelSequence(784, "random", 2)(image))
    assert PixelSequence(8, "bit_reversal")(torch.arange(8.0).view(1, 1, 2, 4)).flatten().tolist() == [
        0, 4, 2, 6, 1, 5, 3, 7,
    ]  # fmt: skip
    assert PixelSequence(6, "bit_reversal")(torch.arange(6.0).view(1, 1, 2, 3)).flatten().tolist() == [
        0, 4, 2, 1, 5, 3,
    ]  # fmt: skip


def test_tokens_come_one_per_step():
    tokens = torch.tensor([[1, 2, 3], [4, 5, 0]])
    x = TokenSequence(3)(tokens.to(torch.uint8))
    assert x.dtype == torch.int64
    assert torch.equal(x, tokens.t())
    assert TokenSequence(3)(tokens[:0]).shape == (3, 0)


def test_frames_come_one_per_step():
    frames = torch.arange(2 * 3 * 2 * 1 * 2.0).view(2, 3, 2, 1, 2)
    x = Frames(3)(frames)
    assert x.shape == (3, 2, 2, 1, 2)
    assert torch.equal(x[2, 1], frames[1, 2])
    assert x.is_contiguous()  # or every layer would copy it to fold time into the batch
