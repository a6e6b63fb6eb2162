"""Muon: momentum whose matrices are made orthogonal before the move; everything that is not a hidden matrix goes by AdamW."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from lamina.core.described import described
from lamina.core.fields import Rule, flag, real, setting, whole
from lamina.optimizers.adam import scale_by_adam
from lamina.optimizers.base import Optimizer, Params, as_tuple, leaf_path, leafwise, matches, patterns, transformation, zeros_like


class MuonState(NamedTuple):
    """The sum of gradients, one array a matrix."""

    momentum: Params


def _or_none(rule: Rule) -> Rule:
    return Rule(lambda v: v is None or rule.accepts(v), f'{rule.expected}, or None', rule.bad)


def orthogonalized(x: jax.Array, coefficients: tuple[float, float, float], steps: int) -> jax.Array:
    """A matrix near the orthogonal one of the same row and column spaces, by a quintic Newton-Schulz iteration.

    X ← aX + (bA + cA²)X with A = XXᵀ, from X = x/‖x‖; it brings every singular value near 1, not exactly to it.
    """
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x  # so that A is the smaller of the two squares
    x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


@described
class Muon(Optimizer):
    """Momentum for matrices with its directions made equally strong; AdamW for vectors, convolutions and embeddings.

    For matrices of n × k: m ← momentum · m + g, h = g + momentum · m with `nesterov` or m without,
    p ← p − rate · rms_rate · √max(n, k) · orthogonalized(h). The output layer should be named in `exclude_layers`.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        adam_beta_1, adam_beta_2, epsilon: AdamW's settings (default 0.9, 0.999, 1e-7).
        adam_weight_decay: decay of the weights that go by AdamW (default 0.004); None for none.
        weight_decay: decay of the matrices (default 0.004); None for none.
        exclude_layers: matrices that go by AdamW, by words or patterns as in `exclude_from_weight_decay`.
        exclude_embeddings: so do matrices with 'embedding' in their path (default True).
        muon_a, muon_b, muon_c: coefficients of the iteration (default 3.4445, -4.7750, 2.0315).
        adam_lr_ratio: AdamW's learning rate over Muon's (default 1).
        momentum: the part of the sum of gradients that is kept (default 0.95).
        ns_steps: number of iterations (default 5).
        nesterov: look ahead along the momentum (default True).
        rms_rate: scales the move to the size of Adam's (default 0.2); None for no scaling by shape.
        others: clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> Muon(0.002, exclude_layers=['head'])
    Muon(learning_rate=0.002, exclude_layers=('head',))

    Cost: about 6 · ns_steps matrix products of min(n, k)² · max(n, k) a step.

    Source: Jordan et al., 2024; the scaling: Liu et al., 2025. `optax.contrib.muon` corrects the bias of the momentum, which with
    `nesterov` gives another mixture of m and g, and moves by Nadam where this moves by Adam; without `nesterov` the matrices agree.
    """

    adam_beta_1: float = setting(real(0.0, below=1.0), default=0.9)
    adam_beta_2: float = setting(real(0.0, below=1.0), default=0.999)
    adam_weight_decay: float | None = setting(_or_none(real(at_least=0.0)), default=0.004)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)
    weight_decay: float | None = setting(_or_none(real(at_least=0.0)), default=0.004, kw_only=True)
    exclude_layers: tuple[str, ...] = setting(patterns(), convert=as_tuple, default=(), kw_only=True)
    exclude_embeddings: bool = setting(flag(), default=True, kw_only=True)
    muon_a: float = setting(real(), default=3.4445, kw_only=True)
    muon_b: float = setting(real(), default=-4.7750, kw_only=True)
    muon_c: float = setting(real(), default=2.0315, kw_only=True)
    adam_lr_ratio: float = setting(real(at_least=0.0), default=1.0, kw_only=True)
    momentum: float = setting(real(0.0, 1.0), default=0.95, kw_only=True)
    ns_steps: int = setting(whole(), default=5, kw_only=True)
    nesterov: bool = setting(flag(), default=True, kw_only=True)
    rms_rate: float | None = setting(_or_none(real(above=0.0)), default=0.2, kw_only=True)

    def by_adam(self, path: str, weight: jax.Array) -> bool:
        """Tells whether this weight goes by AdamW."""
        embedding = self.exclude_embeddings and 'embedding' in path.lower()
        return weight.ndim != 2 or embedding or matches(self.exclude_layers, path)

    def decay_of(self, path, weight):
        if matches(self.exclude_from_weight_decay, path):
            return None
        return self.adam_weight_decay if self.by_adam(path, weight) else self.weight_decay

    def direction(self):
        def kinds(params):
            return jax.tree_util.tree_map_with_path(lambda path, p: 'adam' if self.by_adam(leaf_path(path), p) else 'muon', params)

        adam = optax.chain(scale_by_adam(self.adam_beta_1, self.adam_beta_2, self.epsilon), optax.scale(self.adam_lr_ratio))
        return optax.partition({'muon': self._matrices(), 'adam': adam}, kinds)

    def _matrices(self):
        def move(g, m):
            m = self.momentum * m + g
            h = orthogonalized(g + self.momentum * m if self.nesterov else m, (self.muon_a, self.muon_b, self.muon_c), self.ns_steps)
            return (h if self.rms_rate is None else h * (max(h.shape) ** 0.5 * self.rms_rate)), m

        def update(grads, state, params=None, **_):
            moves, momentum = leafwise(move, 2, grads, state.momentum)
            return moves, MuonState(momentum)

        return transformation(lambda params: MuonState(zeros_like(params)), update)
