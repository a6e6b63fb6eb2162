"""Attention: every step of one sequence looks at the steps of another, or of itself, and takes what fits."""

from lamina.layers.attention.heads import GroupedQueryAttention, MultiHeadAttention
from lamina.layers.attention.projection import DenseGeneral
from lamina.layers.attention.single import AdditiveAttention, Attention

__all__ = ['AdditiveAttention', 'Attention', 'DenseGeneral', 'GroupedQueryAttention', 'MultiHeadAttention']
