"""Save one test digit of MNIST as a picture, and show it on the terminal, for the demonstration."""

import sys

from PIL import Image

from lamina.datasets.embedded import mnist_subset

_SHADES = ' .:*#'


def main(path: str) -> None:
    """Write the picture to `path`."""
    image, label = (part[0] for part in mnist_subset()[1])
    Image.fromarray(image).save(path)
    for row in image[4:24:2]:
        print('    ' + ''.join(_SHADES[int(value) * len(_SHADES) // 256] for value in row[4:24]))
    print(f'    Its label is {label}.')


if __name__ == '__main__':
    main(sys.argv[1])
