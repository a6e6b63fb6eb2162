"""The order of layers, and so of weights, in branching networks: Keras's, so that weights can be exchanged as plain lists."""

import time

import numpy as np
import pytest

import lamina
from lamina.layers.graph import Graph

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
Z = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


def unequal_branches(k, dense):
    x = k.Input((4,))
    p, q = dense('p')(x), dense('q')(x)
    return x, dense('o')(k.layers.Concatenate()([p, dense('r')(q)]))


def skip_connection(k, dense):
    x = k.Input((4,))
    s = dense('s')(x)
    return x, dense('o')(k.layers.Add()([s, dense('h2')(dense('h')(s))]))


def skip_by_a_layer(k, dense):
    x = k.Input((4,))
    short, long = dense('short'), dense('c')(dense('b')(dense('a')(x)))
    return x, k.layers.Add()([short(x), long, dense('other')(long)])


def shared_at_two_depths(k, dense):
    x = k.Input((4,))
    shared, late = dense('shared'), dense('late')
    a = late(x)
    b = shared(dense('between')(shared(dense('first')(x))))
    return x, k.layers.Add()([shared(a), b, late(b)])


def two_inputs(k, dense):
    x, z = k.Input((4,)), k.Input((4,))
    right = dense('z2')(dense('z1')(z))
    return [x, z], dense('o')(k.layers.Add()([dense('x1')(x), right, dense('x2')(x)]))


def two_outputs(k, dense):
    x = k.Input((4,))
    trunk = dense('trunk')(x)
    near = dense('near')(trunk)
    return x, [near, dense('far')(dense('middle')(trunk)), dense('top')(near)]


def outputs_by_name(k, dense):
    x = k.Input((4,))
    trunk = dense('trunk')(x)
    return x, {'zeta': dense('z')(trunk), 'alpha': dense('a')(x), 'mu': dense('m')(trunk)}


GRAPHS = [unequal_branches, skip_connection, skip_by_a_layer, shared_at_two_depths, two_inputs, two_outputs, outputs_by_name]


@pytest.mark.parametrize('graph', GRAPHS)
def test_weights_are_in_keras_order(graph):
    keras = pytest.importorskip('keras')
    theirs = keras.Model(*graph(keras, lambda name: keras.layers.Dense(4, activation='tanh', bias_initializer='normal', name=name)))
    ours = lamina.Model(*graph(lamina, lambda name: lamina.layers.Dense(4, activation='tanh', name=name)))
    names = [layer.name for layer in theirs.layers if layer.weights]
    assert [name for name, layer in ours.network.children().items() if isinstance(layer, lamina.layers.Dense)] == names
    ours.set_weights([np.asarray(w.value) for w in theirs.weights])
    x = [X, Z] if graph is two_inputs else X
    expected, got = theirs.predict(x, verbose=0), ours.predict(x, verbose=0)
    if isinstance(expected, dict):
        expected, got = [expected[key] for key in sorted(expected)], [got[key] for key in sorted(got)]
    np.testing.assert_allclose(np.array(got), np.array(expected), rtol=1e-6, atol=1e-6)


def test_branching_thousands_of_times_takes_no_recursion_and_little_time():
    def seconds(blocks):
        first = x = lamina.Input((4,))
        for _ in range(blocks):
            x = lamina.layers.Add()([x, lamina.layers.Rescaling(1.0)(x)])
        start = time.process_time()
        graph = Graph.between(first, x)
        assert len(graph.layers) == 2 * blocks
        return time.process_time() - start

    seconds(100)
    assert seconds(4000) < 16 * max(seconds(1000), 0.02)
