"""Lamina: deep learning that trains at the hardware's speed and can say why a network does or does not learn."""
