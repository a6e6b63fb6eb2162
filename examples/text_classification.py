"""Sentences told apart by the chapter of Python's reference they come from: `python examples/text_classification.py [EPOCHS]`."""

import re
import sys
from pydoc_data.topics import topics

import numpy as np

import lamina
from lamina.layers import GRU, Bidirectional, Dense, Dropout, Embedding, TextVectorization

CHAPTERS = ['debugger', 'string-methods', 'specialnames', 'compound']
LENGTH = 40


def sentences(text: str) -> list[str]:
    """The sentences of at least six words."""
    parts = (' '.join(part.split()) for part in re.split(r'(?<=[.:])\s+|\n\n+', text))
    return [part for part in parts if len(re.findall(r'[A-Za-z]+', part)) >= 6]


def corpus() -> tuple[np.ndarray, np.ndarray]:
    """Sentences and the numbers of their chapters, each sentence once, in a random order."""
    found = {sentence: number for number, chapter in enumerate(CHAPTERS) for sentence in sentences(topics[chapter])}
    order = np.random.default_rng(0).permutation(len(found))
    return np.array(list(found), object)[order], np.array(list(found.values()))[order]


def words_in_order(texts: np.ndarray) -> lamina.Sequential:
    """Word by word, in both directions."""
    words = TextVectorization(max_tokens=2000, output_sequence_length=LENGTH).adapt(texts)
    layers = [Embedding(2000, 32, mask_zero=True), Bidirectional(GRU(32)), Dropout(0.5)]
    return lamina.Sequential([lamina.Input((1,), dtype='string'), words, *layers, Dense(len(CHAPTERS), activation='softmax')])


def bag_of_words(texts: np.ndarray) -> lamina.Sequential:
    """Which words occur, whatever their order: the baseline."""
    words = TextVectorization(max_tokens=2000, output_mode='tf_idf').adapt(texts)
    return lamina.Sequential([lamina.Input((1,), dtype='string'), words, Dense(len(CHAPTERS), activation='softmax')])


def main(epochs: int = 15) -> None:
    """Train both on four fifths of the sentences, and print how many of the others each gets right: of so few, both about as many."""
    lamina.utils.set_random_seed(0)
    texts, labels = corpus()
    cut = len(texts) * 4 // 5
    largest = np.bincount(labels[cut:]).max() / len(labels[cut:])
    print(f'{cut} sentences to train on; to name the largest chapter every time would be right for {largest:.1%}')
    for describe in (bag_of_words, words_in_order):
        model = describe(texts[:cut])
        model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
        model.fit(texts[:cut], labels[:cut], epochs=epochs, verbose=0)
        print(
            f'{describe.__name__}: accuracy {model.evaluate(texts[cut:], labels[cut:], verbose=0)[1]:.1%} on {len(texts) - cut} sentences'
        )
    print(CHAPTERS[model.predict(['Set a breakpoint at the given line of the current file.'])[0].argmax()])


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
