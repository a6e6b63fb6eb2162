"""500 layers that do not learn, and 500 that do: `python examples/five_hundred_layers.py [EPOCHS] [--plot FILE.svg]`."""

import sys
from pathlib import Path

import lamina
from lamina.layers import Dense, Flatten, Repeat, Rescaling, Residual

WIDTH, DEPTH = 32, 500
COLOURS = ['#888888', '#d55e00', '#cc79a7', '#0072b2']
HE = Dense(WIDTH, 'relu', kernel_initializer='he_normal')
# What stands between the first layer and the last.
MIDDLES = {
    '1 layer': HE,
    f'{DEPTH} plain': Repeat(Dense(WIDTH, 'relu'), DEPTH),
    f'{DEPTH} plain, He': Repeat(HE, DEPTH),
    f'{DEPTH} residual': Repeat(Residual(HE, scale=0, learn_scale=True), DEPTH),
}


def train(middle: lamina.Layer, epochs: int) -> tuple[list[float], float]:
    """The loss of each epoch, and the accuracy on images not trained on."""
    (x, y), (x_test, y_test) = lamina.datasets.digits.load_data()
    layers = [lamina.Input((8, 8)), Rescaling(1 / 16), Flatten(), Dense(WIDTH, name='first'), middle, Dense(10, name='last')]
    model = lamina.Sequential(layers, seed=0)
    model.compile('adam', lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
    history = model.fit(x, y, batch_size=256, epochs=epochs, verbose=0)
    return history.history['loss'], model.evaluate(x_test, y_test, verbose=0)[1]


def drawing(curves: dict[str, list[float]]) -> str:
    """The curves as an SVG of 640 × 360."""
    count, top = max(2, *(len(losses) for losses in curves.values())), max(2.5, *map(max, curves.values()))
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="sans-serif" font-size="13">']
    parts.append('<rect width="640" height="360" fill="white"/><path d="M50 20 V310 H620" fill="none" stroke="black"/>')
    parts += [f'<text x="44" y="{314 - 290 * v / top:.0f}" text-anchor="end">{v}</text>' for v in range(int(top) + 1)]
    parts.append(f'<text x="620" y="330" text-anchor="end">epoch {count}</text><text x="50" y="14">training loss</text>')
    for i, (name, losses) in enumerate(curves.items()):
        points = ' '.join(f'{50 + 570 * e / (count - 1):.1f},{310 - 290 * loss / top:.1f}' for e, loss in enumerate(losses))
        # Thinner from one to the next: the two plain ones run on top of each other.
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" stroke-width="{5 - i}"/>')
        parts.append(f'<text x="500" y="{90 + 20 * i}" fill="{COLOURS[i]}">{name}</text>')
    return '\n'.join([*parts, '</svg>\n'])


def main(epochs: int = 20, plot: str = '') -> None:
    """The same width, data, optimizer and number of steps for each."""
    results = {name: train(middle, epochs) for name, middle in MIDDLES.items()}
    curves = {name: losses for name, (losses, _) in results.items()}
    print(' epoch', *(f'{name:>15}' for name in results))
    for epoch, losses in enumerate(zip(*curves.values(), strict=True), start=1):
        print(f'{epoch:6}', *(f'{loss:15.3f}' for loss in losses))
    print('  test', *(f'{accuracy:15.1%}' for _, accuracy in results.values()))
    if plot:
        Path(plot).write_text(drawing(curves), encoding='utf-8')


if __name__ == '__main__':
    arguments, _, file = ' '.join(sys.argv[1:]).partition('--plot')
    main(*map(int, arguments.split()), plot=file.strip())
