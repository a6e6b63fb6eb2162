"""A layer of one's own, trained, saved and loaded: `python examples/own_layer.py`."""

import sys
import tempfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import lamina


@lamina.described
class RadialBasis(lamina.Layer):
    """Distances to trained centres, passed through a bell curve."""

    units: int = 8
    width: float = 1.0

    def weights(self, shape):
        return {'centres': lamina.Weight((self.units, self.known(shape, -1)), lamina.initializers.RandomUniform(-3, 3))}

    def apply(self, variables, x, scope):
        distances = jnp.sum((x[:, None] - variables['centres']) ** 2, axis=-1)
        return jnp.exp(-distances / self.width)


def main(epochs: int = 30) -> None:
    """Learn sin(x) on three periods."""
    x = np.linspace(-3, 3, 600, dtype='float32')[:, None]
    y = np.sin(3 * x)
    model = lamina.Sequential([lamina.Input((1,)), RadialBasis(24, width=0.2), lamina.layers.Dense(1)])
    model.summary()
    model.compile(optimizer=lamina.optimizers.Adam(0.02), loss='mse')
    model.fit(x, y, epochs=epochs, verbose=0)
    print('mean squared error', round(model.evaluate(x, y, verbose=0), 4))

    with tempfile.TemporaryDirectory() as folder:
        file = model.save(Path(folder) / 'sine.lamina')
        again = lamina.load(file)
    print('equal after loading:', np.array_equal(model.predict(x), again.predict(x)))


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
