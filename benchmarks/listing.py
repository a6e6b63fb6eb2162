"""The introductory listing as a whole process, by Lamina and by each peer: `python benchmarks/listing.py --help`."""

import sys

from measure.command import main
from measure.comparison import Work

LISTING = Work(
    name='listing',
    title='The introductory listing, whole process',
    description="""Measure the introductory listing as a whole process, by Lamina and by each peer in an environment of its own: import,
load MNIST, scale, define 784-128-10 with dropout, compile, fit 10 epochs of batch 32 with Adam, evaluate.""",
    epochs=10,
    batch_size=32,
    least_accuracy=0.97,
    tolerance=0.006,
)

if __name__ == '__main__':
    sys.exit(main(LISTING))
