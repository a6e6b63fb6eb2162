"""Tables whose gradients are taken by row: the same training as with whole gradients, at the cost of the batch."""

import jax
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError
from lamina.layers import Add, Dense, Flatten
from lamina.layers.embedding import Embedding
from lamina.training.feed import feed

ROWS, DIM = 50, 4


def model_of(sparse, optimizer, *, uses=1):
    inputs = [lamina.Input((3,), dtype='int32') for _ in range(uses)]
    table = Embedding(ROWS, DIM, sparse=sparse, name='table')
    vectors = [table(x) for x in inputs]
    y = Dense(2)(Flatten()(vectors[0] if uses == 1 else Add()(vectors)))
    model = lamina.Model(inputs, y, seed=5)
    model.compile(optimizer, 'mse')
    return model


def data(rows=22, uses=1, seed=0, below=ROWS):
    rng = np.random.default_rng(seed)
    x = [rng.integers(0, below, (rows, 3)).astype(np.int32) for _ in range(uses)]
    x[0][0] = [-1, ROWS, ROWS + 7]
    x[0][1] = [2, 2, 2]
    return x, rng.normal(size=(rows, 2)).astype(np.float32)


def trained(sparse, optimizer, uses=1, epochs=3):
    model = model_of(sparse, optimizer, uses=uses)
    x, y = data(uses=uses)
    history = model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
    return model, history.history['loss']


@pytest.mark.slow
@pytest.mark.parametrize('uses', [1, 2])
@pytest.mark.parametrize(
    'optimizer',
    [
        lamina.optimizers.SGD(0.1),
        lamina.optimizers.SGD(0.1, global_clipnorm=0.05),
        lamina.optimizers.SGD(0.1, clipvalue=0.01),
        lamina.optimizers.Adagrad(0.1),
        lamina.optimizers.Lamb(0.01),
        lamina.optimizers.SGD(0.1, clipnorm=0.02),
    ],
    ids=repr,
)
def test_training_by_rows_is_training_with_whole_gradients(optimizer, uses):
    (ours, losses), (theirs, their_losses) = trained(True, optimizer, uses), trained(False, optimizer, uses)
    for path, value in ours.variables.items():
        np.testing.assert_allclose(value, theirs.variables[path], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(losses, their_losses, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['adam', 'adamw', 'rmsprop', 'nadam', 'ftrl', 'lion'])
def test_other_optimizers_move_the_rows_of_the_batch_as_usual_and_leave_the_others(name):
    ours, theirs = model_of(True, name), model_of(False, name)
    x, y = data(rows=8, below=20)
    before = ours.variables['table/embeddings']
    for model in (ours, theirs):
        model.train_on_batch(x, y)
    after, usual = ours.variables['table/embeddings'], theirs.variables['table/embeddings']
    seen = np.unique(x[0][(x[0] >= 0) & (x[0] < ROWS)])
    unseen = np.setdiff1d(np.arange(ROWS), seen)
    np.testing.assert_allclose(after[seen], usual[seen], rtol=1e-5, atol=1e-6)
    assert (after[seen] != before[seen]).any(1).all()
    np.testing.assert_array_equal(after[unseen], before[unseen])


def test_a_model_that_trains_by_rows_goes_on_after_loading(tmp_path):
    model, _ = trained(True, 'adam', epochs=1)
    again = lamina.load(model.save(tmp_path / 'rows.lamina'))
    x, y = data()
    for m in (model, again):
        m.fit(x, y, epochs=2, initial_epoch=1, verbose=0)
    np.testing.assert_array_equal(model.variables['table/embeddings'], again.variables['table/embeddings'])


def shapes_made(jaxpr, found=None):
    """(primitive, shape) of everything that a program computes, in its loops too."""
    found = [] if found is None else found
    for equation in jaxpr.eqns:
        inner = [p for v in equation.params.values() for p in (v if isinstance(v, (tuple, list)) else [v])]
        within = [p.jaxpr if hasattr(p, 'jaxpr') else p for p in inner if hasattr(p, 'eqns') or hasattr(p, 'jaxpr')]
        for part in within:
            shapes_made(part, found)
        if not within:
            found += [(equation.primitive.name, tuple(v.aval.shape)) for v in equation.outvars]
    return found


@pytest.mark.parametrize(('sparse', 'whole'), [(True, False), (False, True)])
def test_no_array_of_the_size_of_the_table_is_made_but_the_table_itself(sparse, whole):
    model = model_of(sparse, 'adam')
    x, y = data()
    dataset, _ = model._datasets(x, y, None, None, None, 0.0)
    program = model._begin(dataset)
    session = model._session(program, optimizer=True)
    segment = next(iter(feed(dataset, 8).segments(0)))
    sums = program.zero_sums(session.state, segment.data)
    made = shapes_made(jax.make_jaxpr(program._train)(session.state, sums, segment.data, segment.index, 0, 1, session.key).jaxpr)
    large = {primitive for primitive, shape in made if shape == (ROWS, DIM)}
    # A scatter changes the table in place.
    assert (large - {'scatter', 'stop_gradient'} != set()) is whole


def test_penalties_on_every_row_are_refused():
    with pytest.raises(ConfigError, match='Leave out one of the two'):
        Embedding(5, 2, embeddings_regularizer='l2', sparse=True)


def test_rows_that_pad_the_last_batch_look_nothing_up():
    def fresh():
        model = lamina.Sequential([lamina.Input((1,), dtype='int32'), Embedding(6, 1, sparse=True, embeddings_initializer='zeros')])
        model.compile(lamina.optimizers.Adam(0.1), 'mse')
        return model

    x, y = np.arange(5)[:, None], np.ones((5, 1, 1))
    padded, exact = fresh(), fresh()
    padded.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    exact.train_on_batch(x[:4], y[:4])
    exact.train_on_batch(x[4:], y[4:])
    np.testing.assert_allclose(padded.get_weights()[0], exact.get_weights()[0], rtol=1e-6)


@lamina.described
class TwoLookUps(lamina.Layer):
    """Looks up twice in one table, with another weight each time."""

    by_row: bool = False

    def weights(self, shape):
        return {'table': lamina.Weight((4, 1), 'ones', by_row=self.by_row)}

    def apply(self, variables, x, scope):
        table = variables['table']
        return scope.look_up('table', table, x[:, :2]) + 2 * scope.look_up('table', table, x[:, 2:])


def test_a_layer_may_look_up_several_times():
    found = []
    for by_row in (True, False):
        model = lamina.Sequential([lamina.Input((4,), dtype='int32'), TwoLookUps(by_row)])
        model.compile('sgd', 'mse')
        model.train_on_batch(np.array([[0, 1, 2, 3]]), np.zeros((1, 2, 1)))
        found.append(model.get_weights()[0])
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert (found[0] != 1).all()


def test_tables_within_a_run_of_equal_blocks_train_as_a_whole():
    x, ids = lamina.Input((3, 8)), lamina.Input((3,), dtype='int32')
    y = x
    for _ in range(10):
        y = Add()(y, Embedding(20, 8, sparse=True)(ids))
    model = lamina.Model([x, ids], Dense(1)(y))
    model.compile('sgd', 'mse')
    model.fit([np.ones((4, 3, 8)), np.ones((4, 3), int)], np.ones((4, 3, 1)), verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
