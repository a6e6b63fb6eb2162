"""Writes golden_text.json, what Keras's layers of strings give; run where TensorFlow is installed: `python golden_text.py`."""

import json
import os
from pathlib import Path

TEXTS = ['The cat, the DOG!', '  a  cat\tsat\non  the-mat ', 'É é Ünïcode 😀 dog\u00a0cat \x1c x', '', 'dog dog dog', "don't [UNK] <b>"]
NEW_TEXTS = ['the dog sat.', 'unseen words é', '', 'cat cat dog the']
TERMS = [['a', 'c', 'd'], ['d', 'z', 'b'], ['d', '', 'a']]
NEW_TERMS = [['a', 'm', 'z', ''], ['d', '[UNK]', 'Ünï', 'b']]
HASHED = [
    *('', 'a', 'ab', 'abc', 'abcd', 'abcdefg', 'abcdefgh', 'Ünï😀', '-17', '1000000'),
    *(f'{i}'.join('-' * 50)[:n] for i, n in enumerate((15, 16, 17, 31, 32, 33, 63, 64, 65, 80))),
    *('lorem ipsum ' * n for n in (8, 12, 30)),
]
VECTORIZATIONS = [
    {},
    {'standardize': None},
    {'standardize': 'lower'},
    {'standardize': 'strip_punctuation'},
    {'split': 'character'},
    {'split': None},
    {'ngrams': 2},
    {'ngrams': [2]},
    {'ngrams': [3, 1]},
    {'max_tokens': 6},
    {'output_sequence_length': 3},
    {'output_sequence_length': 12},
    {'output_mode': 'multi_hot'},
    {'output_mode': 'count', 'max_tokens': 5},
    {'output_mode': 'tf_idf'},
    {'output_mode': 'tf_idf', 'max_tokens': 30, 'pad_to_max_tokens': True, 'ngrams': 2},
    {'split': 'character', 'ngrams': 2, 'output_sequence_length': 4},
    {'output_mode': 'count', 'split': None},
]
LOOKUPS = [
    {},
    {'num_oov_indices': 3},
    {'num_oov_indices': 3, 'salt': 7},
    {'num_oov_indices': 2, 'salt': [5, 11]},
    {'mask_token': ''},
    {'mask_token': '', 'output_mode': 'multi_hot'},
    {'mask_token': '', 'output_mode': 'count', 'num_oov_indices': 2},
    {'mask_token': '', 'output_mode': 'one_hot'},
    {'output_mode': 'tf_idf'},
    {'output_mode': 'tf_idf', 'mask_token': '', 'max_tokens': 9, 'pad_to_max_tokens': True},
    {'max_tokens': 4},
    {'max_tokens': 4, 'output_mode': 'multi_hot', 'num_oov_indices': 2},
    {'vocabulary': ['a', 'b', 'c']},
    {'vocabulary': ['[UNK]', 'a', 'b']},
    {'vocabulary': ['a', 'b'], 'output_mode': 'tf_idf', 'idf_weights': [0.25, 0.75]},
    {'vocabulary': ['[UNK]', 'a', 'b'], 'output_mode': 'tf_idf', 'idf_weights': [0.9, 0.25, 0.75]},
    {'vocabulary': ['', '[UNK]', 'a'], 'mask_token': ''},
]
HASHINGS = [
    {'num_bins': 7},
    {'num_bins': 7, 'mask_value': ''},
    {'num_bins': 5, 'salt': 3},
    {'num_bins': 5, 'salt': [3, 4], 'mask_value': 'a'},
    {'num_bins': 4, 'output_mode': 'one_hot'},
    {'num_bins': 4, 'output_mode': 'multi_hot'},
    {'num_bins': 4, 'output_mode': 'count', 'mask_value': 'z'},
    {'num_bins': 1, 'mask_value': 'z'},
    {'num_bins': 1_000_000},
]
# The largest number of buckets that TensorFlow takes for them.
BUCKETS = 2**62
KEY = [133, 137]


def settings_of(given: dict) -> dict:
    """The settings with the tuples that JSON does not have."""
    return given | {name: tuple(given[name]) for name in ('ngrams', 'salt') if isinstance(given.get(name), list)}


def main() -> None:
    """Write the file beside this one."""
    os.environ['KERAS_BACKEND'] = 'tensorflow'
    import keras
    import numpy as np
    import tensorflow as tf

    def listed(outputs):
        values = np.asarray(outputs)
        return (values if values.dtype.kind != 'f' else values.astype(float).round(6)).tolist()

    made: dict = {'keras': keras.__version__, 'tensorflow': tf.__version__, 'vectorizations': [], 'lookups': [], 'hashings': []}
    for given in VECTORIZATIONS:
        layer = keras.layers.TextVectorization(**settings_of(given))
        layer.adapt(np.array(TEXTS)[:, None])
        outputs = layer(tf.constant(np.array(NEW_TEXTS)[:, None]))
        made['vectorizations'].append([given, [str(term) for term in layer.get_vocabulary()], listed(outputs)])
    for given in LOOKUPS:
        layer = keras.layers.StringLookup(**settings_of(given))
        if 'vocabulary' not in given:
            layer.adapt(tf.constant(TERMS))
        made['lookups'].append([given, [str(term) for term in layer.get_vocabulary()], listed(layer(tf.constant(NEW_TERMS)))])
    for given in HASHINGS:
        made['hashings'].append([given, listed(keras.layers.Hashing(**settings_of(given))(tf.constant(NEW_TERMS)))])
    made['farmhash'] = listed(tf.strings.to_hash_bucket_fast(HASHED, BUCKETS))
    made['siphash'] = listed(tf.strings.to_hash_bucket_strong(HASHED, BUCKETS, key=KEY))
    Path(__file__).with_suffix('.json').write_text(json.dumps(made, ensure_ascii=False) + '\n')


if __name__ == '__main__':
    main()
