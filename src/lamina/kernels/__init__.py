"""Operations whose fastest form depends on the platform and the shapes: one public function each, and the lowerings behind it."""

from lamina.kernels import attention, convolution, embedding, pooling, recurrent

__all__ = ['attention', 'convolution', 'embedding', 'pooling', 'recurrent']
