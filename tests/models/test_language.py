import itertools

import pytest
import torch
from torch import Tensor, nn

import synfire
from synfire.base import ConfigError, DataError, DtypeError, ShapeError
from synfire.metering import trace
from synfire.models import LanguageModel, generate, spiking_ssm_language, twin
from synfire.neurons import GELU, LIF


def small(levels: int = 1, **options) -> LanguageModel:
    torch.manual_seed(0)
    options = {"vocabulary": 11, "channels": 16, "depth": 2, "modes": 4, "dropout": 0.0, **options}
    return spiking_ssm_language(levels=levels, **options).eval()


@pytest.mark.parametrize("options", [{}, {"cutoffs": (4, 8)}, {"tie": False}, {"levels": 4}, {"neuron": LIF}])
def test_losses_and_stream_are_those_of_the_logits(options) -> None:
    net = small(**options).double()
    tokens = torch.randint(0, 11, (20, 3))
    with torch.no_grad():
        logits = net(tokens[:-1])
        assert logits.shape == (19, 3, 11)
        want = -logits.log_softmax(-1).gather(-1, tokens[1:, :, None])[..., 0]
        torch.testing.assert_close(net.nll(tokens[:-1], tokens[1:]), want)
        run = synfire.stream(net)
        steps = torch.cat([run(tokens[0])[None], run.run(tokens[1:9]), *(run(t)[None] for t in tokens[9:-1])])
    torch.testing.assert_close(steps, logits, rtol=1e-9, atol=1e-9)


def test_no_step_sees_a_later_token() -> None:
    net, tokens = small().double(), torch.randint(0, 11, (12, 1))
    other = tokens.clone()
    other[8:] = (tokens[8:] + 1) % 11
    a, b = net(tokens), net(other)
    torch.testing.assert_close(a[:8], b[:8], rtol=0, atol=1e-12)
    assert not torch.allclose(a[8], b[8])


def test_twin_trace_and_learning() -> None:
    net = small(4)
    tokens = torch.randint(0, 11, (6, 2))
    real = twin(net, "gelu")
    assert sum(isinstance(m, GELU) for m in real.modules()) == 2
    assert sum(p.numel() for p in real.parameters()) == sum(p.numel() for p in net.parameters()) - 32  # thresholds
    account = trace(net, tokens)
    assert [row.name for row in account.of_kind("neuron")] == ["body.0.neuron", "body.1.neuron"]
    assert "head.tables.0" in {row.name for row in account.of_kind("synapse")}
    net.nll(tokens[:-1], tokens[1:]).mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


class Counting(nn.Module):
    """Says that the next token is the present one and one more."""

    def __init__(self) -> None:
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.one_hot((tokens + 1) % 5, 5) * 2.0 + self.zero


def test_generation_by_hand() -> None:
    net = Counting()
    assert list(itertools.islice(generate(net, [0, 3], temperature=0), 6)) == [4, 0, 1, 2, 3, 4]
    assert list(itertools.islice(generate(net, [2], top_k=1, event_driven=True), 3)) == [3, 4, 0]

    def draw(seed: int, **options) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return list(itertools.islice(generate(net, [0], generator=generator, **options), 300))

    assert draw(0) == draw(0) != draw(1)
    drawn = [0, *draw(0)]
    right = sum((a + 1) % 5 == b for a, b in itertools.pairwise(drawn)) / 300
    assert right == pytest.approx(torch.e**2 / (torch.e**2 + 4), abs=0.08)
    assert draw(0, temperature=0.01) == [(i + 1) % 5 for i in range(300)]


def test_generation_keeps_a_state_of_one_size() -> None:
    net = small()
    run = synfire.stream(net)
    sizes = set()
    for _ in range(5):
        run(torch.tensor([1]))
        sizes.add(sum(t.numel() for t in run.state_dict().values()))
    assert len(sizes) == 1


def test_errors() -> None:
    with pytest.raises(ConfigError, match="a step would see the token that it is to predict"):
        spiking_ssm_language(config="listops")
    net = small()
    with pytest.raises(DataError, match=r"token 11, but the table has 11 rows, .* with vocabulary=12"):
        net(torch.tensor([[11]]))
    with pytest.raises(DataError, match="token -1, but the table has 11 rows"):
        net(torch.tensor([[-1]]))
    with pytest.raises(DtypeError, match=r"dtype torch.float32, but tokens are whole numbers"):
        net(torch.zeros(2, 1))
    with pytest.raises(ShapeError, match=r"shape \(2,\), but tokens \(T, B\)"):
        net(torch.tensor([1, 2]))
    with pytest.raises(ConfigError, match="the prompt is empty"):
        generate(net, [])
    with pytest.raises(ConfigError, match="temperature is -1"):
        generate(net, [1], temperature=-1)
