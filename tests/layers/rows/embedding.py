"""Embedding: the table, its penalties, and the mask it makes."""

from parity import Row

from lamina import layers

ROWS = [
    Row(layers.Embedding(input_dim=7, output_dim=3), ((5,),), draw=7),
    Row(layers.Embedding(input_dim=7, output_dim=3), ((5,),), draw='unit'),
    Row(layers.Embedding(input_dim=4, output_dim=3, mask_zero=True), ((5,),), draw=4, masked=True),
    Row(layers.Embedding(input_dim=7, output_dim=2, embeddings_initializer='ones', embeddings_regularizer='l2'), ((2, 3),), draw=7),
    Row(layers.Embedding(input_dim=7, output_dim=2, embeddings_constraint='unit_norm'), ((),), draw=7),
]
