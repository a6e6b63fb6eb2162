"""Runs of equal blocks: found where they are, and executed as one loop with the same results as one by one."""

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.structure import leaves
from lamina.layers import Add, BatchNormalization, Chain, Dense, Dropout, LayerNormalization, Repeat, depth
from lamina.models import objective

COUNT = 9


def stacks(model):
    return depth.stacks_within(model.network, tuple(i.batch_shape for i in leaves(model.inputs)))


def repetitions(model):
    return {path: [(s.first, s.period, len(s.names)) for s in found] for path, found in stacks(model).items()}


def plain(seed=3):
    """Dense layers in a row, the first of another width."""
    return lamina.Sequential([lamina.Input((5,)), *[Dense(6, activation='tanh') for _ in range(COUNT + 1)], Dense(2)], seed=seed)


def dropping():
    block = Chain([Dense(6, activation='relu', kernel_regularizer='l2'), Dropout(0.4), BatchNormalization(momentum=0.5)])
    return lamina.Sequential([lamina.Input((6,)), Repeat(block, COUNT), Dense(2)], seed=3)


def residual():
    x = first = lamina.Input((5,))
    x = Dense(6)(x)
    for _ in range(COUNT):
        h = LayerNormalization()(x)
        h = Dense(12, activation='relu', activity_regularizer='l2', kernel_constraint='unit_norm')(h)
        x = Add()([x, Dropout(0.2)(Dense(6)(h))])
    return lamina.Model(first, Dense(2)(x), seed=3)


def conditioned():
    """Every block takes, beside what it carries, one more value that was computed before."""
    x = first = lamina.Input((6,))
    gate = Dense(6, activation='sigmoid')(x)
    for _ in range(COUNT):
        x = layers.Multiply()([Dense(6, activation='tanh')(x), gate])
    return lamina.Model(first, Dense(2)(x), seed=3)


def two_values():
    """Blocks that hand on two values."""
    a = b = None
    first = lamina.Input((6,))
    a, b = Dense(4)(first), Dense(4)(first)
    for _ in range(2 * COUNT + 4):
        a, b = Dense(4, activation='tanh')(b), Add()([a, b])
    return lamina.Model(first, Dense(2)(Add()([a, b])), seed=3)


def nested():
    inner = lamina.Sequential([Dense(6, activation='tanh') for _ in range(COUNT)])
    return lamina.Sequential([lamina.Input((6,)), Dense(6), inner, Dense(2)], seed=3)


NETWORKS = [plain, dropping, residual, conditioned, two_values, nested]
OPTIMIZERS = [
    lamina.optimizers.Adam(0.01),
    lamina.optimizers.SGD(0.05, momentum=0.9, global_clipnorm=0.5),
    lamina.optimizers.AdamW(0.01, exclude_from_weight_decay=['bias']),
    lamina.optimizers.AdamW(0.01, exclude_from_weight_decay=['dense_4']),
    lamina.optimizers.SGD(0.05, clipnorm=0.1),
    lamina.optimizers.Lamb(0.01),
]


def trained(make, optimizer, width, **compiled):
    model = make()
    model.compile(optimizer, 'mse', metrics=['mae'], **compiled)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(22, width)).astype(np.float32), rng.normal(size=(22, 2)).astype(np.float32)
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_data=(x, y))
    return model, history.history, model.predict(x), x, y


@pytest.fixture
def one_by_one(monkeypatch):
    """Train as if no number of equal blocks made a stack."""

    def run(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(depth, 'FEWEST', 10**6)
            objective._shared_program.cache_clear()
            result = trained(*arguments, **options)
        objective._shared_program.cache_clear()
        return result

    return run


def assert_same(ours, theirs, tolerance=2e-5):
    (model, history, predicted, *_), (other, other_history, other_predicted, *_) = ours, theirs
    assert list(model.variables) == list(other.variables)
    for path, value in model.variables.items():
        np.testing.assert_allclose(value, other.variables[path], rtol=tolerance, atol=tolerance, err_msg=path)
    for name, values in history.items():
        np.testing.assert_allclose(values, other_history[name], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(predicted, other_predicted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('make', [residual, *[pytest.param(m, marks=pytest.mark.slow) for m in NETWORKS if m is not residual]])
def test_a_stack_gives_what_its_blocks_give_one_by_one(make, one_by_one):
    width = make().input_shape[-1]
    assert stacks(make())
    # Not Adam: where a gradient is all but zero, it makes a step of a rounding error.
    assert_same(trained(make, OPTIMIZERS[1], width), one_by_one(make, OPTIMIZERS[1], width))


@pytest.mark.slow
@pytest.mark.parametrize('optimizer', OPTIMIZERS, ids=repr)
def test_whatever_the_optimizer(optimizer, one_by_one):
    assert_same(trained(residual, optimizer, 5), one_by_one(residual, optimizer, 5))


@pytest.mark.slow
def test_with_and_without_rematerialization():
    kept = trained(residual, OPTIMIZERS[0], 5, remat=False)
    assert_same(kept, trained(residual, OPTIMIZERS[0], 5, remat=True))
    assert kept[0].settings.remat is False


def test_runs_are_found_where_the_shapes_agree():
    assert repetitions(plain()) == {'': [(1, 1, COUNT)]}
    assert repetitions(dropping()) == {'repeat': [(0, 1, COUNT)]}
    assert repetitions(nested()) == {'sequential': [(0, 1, COUNT)]}
    assert repetitions(residual()) == {'': [(1, 5, COUNT)]}
    assert repetitions(conditioned())[''][0][2] >= COUNT - 1


def test_what_differs_or_is_looked_at_within_is_no_run():
    few = lamina.Sequential([lamina.Input((6,)), *[Dense(6) for _ in range(depth.FEWEST - 1)]])
    assert repetitions(few) == {}
    widths = lamina.Sequential([lamina.Input((6,)), *[Dense(6 + i % 2 * (i + 1)) for i in range(20)]])
    assert repetitions(widths) == {}
    shared = Dense(6)
    assert repetitions(lamina.Sequential([lamina.Input((6,)), *[layers.Activation('relu') for _ in range(20)]])) == {}
    x = first = lamina.Input((6,))
    for _ in range(20):
        x = shared(x)
    assert repetitions(lamina.Model(first, x)) == {}
    x, values = lamina.Input((6,)), []
    for _ in range(20):
        values.append(Dense(6)(values[-1] if values else x))
    assert repetitions(lamina.Model(x, values)) == {}
    # A value from the middle that is used at the end cuts the run in two.
    cut = lamina.Model(x, Add()([values[9], values[-1]]))
    assert [count for _, _, count in repetitions(cut)['']] == [9, 10]


def test_a_frozen_layer_cuts_the_run_and_training_goes_on():
    model, _, _, x, y = trained(plain, OPTIMIZERS[0], 5)
    before = model.variables
    model.freeze('dense_1')
    assert repetitions(model) == {'': [(2, 1, COUNT - 1)]}
    model.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.variables['dense_1/kernel'], before['dense_1/kernel'])
    assert not np.array_equal(model.variables['dense_2/kernel'], before['dense_2/kernel'])
    model.unfreeze('*')
    assert repetitions(model) == {'': [(1, 1, COUNT)]}


def test_names_weights_summary_and_file_see_every_layer(tmp_path):
    model, _, predicted, x, y = trained(dropping, OPTIMIZERS[0], 6)
    assert len(model.get_weights()) == COUNT * 6 + 2
    assert model.get_layer('repeat/sequential_8/dense').units == 6
    text = []
    model.summary(print_fn=text.append)
    assert 'sequential_8' in text[0]
    again = lamina.load(model.save(tmp_path / 'deep.lamina'))
    np.testing.assert_array_equal(again.predict(x), predicted)
    ours, theirs = (m.fit(x, y, epochs=3, initial_epoch=2, verbose=0).history['loss'] for m in (model, again))
    assert ours == theirs


def test_callbacks_see_and_set_weights_of_single_layers():
    seen = []

    class Watch(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            seen.append(self.model.variables['dense_3/kernel'].copy())
            if epoch == 0:
                self.model.set_variables({'dense_3/kernel': np.zeros((6, 6), np.float32)})

    model = plain()
    model.compile('sgd', 'mse')
    x = np.ones((4, 5), np.float32)
    model.fit(x, np.ones((4, 2), np.float32), epochs=2, verbose=0, callbacks=[Watch()])
    assert seen[0].any()
    assert np.abs(seen[1]).max() < np.abs(seen[0]).max()


def test_a_repeated_block_that_changes_its_shape_is_refused():
    with pytest.raises(lamina.core.errors.ShapeError, match='Put the change of shape before it'):
        lamina.Sequential([lamina.Input((5,)), Repeat(Dense(6), 10)])


def test_a_repeat_with_one_block_changed_is_a_chain():
    repeat = Repeat(Dense(6), 3)
    children = repeat.children()
    assert repeat.with_children(children) == repeat
    changed = repeat.with_children({**children, 'dense_1': children['dense_1'].replace(trainable=False)})
    assert changed == Chain((Dense(6), Dense(6, trainable=False), Dense(6)), names=('dense', 'dense_1', 'dense_2'))


def test_equal_blocks_of_other_names_keep_their_own():
    first = Repeat(Dense(6, name='a'), 3)
    model = lamina.Sequential([lamina.Input((6,)), Repeat(Dense(6, name='b'), 3)])
    assert list(first.children()) == ['a', 'a_1', 'a_2']
    assert next(iter(model.variables)) == 'repeat/b/kernel'
    assert first != Repeat(Dense(6, name='b'), 3)
    wrapped = [layers.Frozen(Dense(6, name=name)) for name in 'ab']
    for layer in wrapped:
        assert lamina.Sequential([lamina.Input((6,)), layer]).predict(np.ones((1, 6))).shape == (1, 6)
    assert repetitions(lamina.Sequential([lamina.Input((6,)), *[layers.LoRA(Dense(6, name=f'd{i}'), 2) for i in range(9)]])) == {}


def test_each_use_of_a_shared_run_draws_for_itself():
    shared = Repeat(Chain([layers.GaussianNoise(1.0), Dense(3, kernel_initializer='identity')]), COUNT)
    x = lamina.Input((3,))
    model = lamina.Model(x, [shared(x), shared(x)], seed=1)

    def first_output(y_true, y_pred):
        return y_pred[:, 0]

    model.compile('sgd', 'mse', metrics=[[first_output], [first_output]])
    history = model.fit(np.zeros((4, 3)), [np.zeros((4, 3))] * 2, verbose=0).history
    seen = [values for name, values in history.items() if 'first_output' in name]
    assert len(seen) == 2
    assert seen[0] != seen[1]


def test_masked_recurrent_layers_in_a_row_are_one_loop(monkeypatch):
    monkeypatch.setattr(depth, '_one_by_one', None)  # called, it would raise
    gru = [layers.GRU(4, return_sequences=True) for _ in range(COUNT)]
    model = lamina.Sequential([lamina.Input((5,), dtype='int32'), layers.Embedding(9, 4, mask_zero=True), *gru])
    assert repetitions(model)
    assert np.isfinite(model.predict(np.array([[1, 2, 3, 0, 0]]))).all()
