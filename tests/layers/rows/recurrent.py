"""Cells, the layers that run them over time, and the wrappers for sequences."""

import dataclasses

from parity import Row, twin

from lamina import layers

X = (5, 4)
LINE, IMAGE, VOLUME = (3, 6, 2), (3, 5, 4, 2), (2, 3, 3, 2, 1)


def cell_in_keras(cell):
    """Keras's cell as a layer of several inputs: it takes its states in a list."""

    def make():
        import keras

        class OneStep(keras.layers.Layer):
            def __init__(self):
                super().__init__()
                self.cell = twin(cell)

            def build(self, shapes):
                self.cell.build(shapes[0])

            def call(self, inputs):
                x, *states = inputs
                if isinstance(cell, layers.StackedRNNCells):
                    output, states = self.cell(x, [[h, c] for h, c in zip(states[::2], states[1::2], strict=True)])
                else:
                    output, states = self.cell(x, states)
                return output, states

        return OneStep()

    return make


def bidirectional_in_keras(layer):
    """Keras's layer with all settings, for those that are not among the arguments of ours by position."""

    def make():
        import keras

        backward = None if layer.backward_layer is None else twin(layer.backward_layer)
        return keras.layers.Bidirectional(twin(layer.layer), merge_mode=layer.merge_mode, backward_layer=backward)

    return make


def row(layer, *shapes, **options):
    shapes = options.pop('shapes', shapes) or (X,)
    if isinstance(layer, layers.StackedRNNCells | layers.LSTMCell):
        options['keras'] = cell_in_keras(layer)
    if isinstance(layer, layers.Bidirectional):
        options['keras'] = bidirectional_in_keras(layer)
    return Row(layer, shapes, **options)


def rows(layer, *settings, **options):
    """A row for each group of settings, left to continuous integration."""
    return [row(dataclasses.replace(layer, **s), slow=True, **options) for s in settings]


SEQUENCES, STATES, BACKWARDS = {'return_sequences': True}, {'return_state': True}, {'go_backwards': True}
ZEROS = {'zero_output_for_mask': True}
OTHER = {'activation': 'relu', 'recurrent_activation': 'hard_sigmoid'}
# Keras accepts an activity_regularizer here and adds nothing to the loss: test_layers_recurrent.py is about ours.
PENALTIES = {'kernel_regularizer': 'l2', 'recurrent_regularizer': 'l1', 'bias_regularizer': 'l2'}
RNN, LSTM, GRU, SIMPLE = layers.RNN(cell=layers.LSTMCell(3)), layers.LSTM(units=3), layers.GRU(units=3), layers.SimpleRNN(units=3)
STACK = layers.StackedRNNCells(cells=(layers.LSTMCell(3), layers.LSTMCell(2)))
STACKED = layers.RNN(cell=STACK)
BOTH = layers.Bidirectional(layer=layers.LSTM(3, return_sequences=True))

# One of each layer, with the settings in which most comes together.
FIRST = [
    Row(layers.SimpleRNNCell(units=3), ((4,), (3,))),
    Row(layers.GRUCell(units=3), ((4,), (3,))),
    row(layers.LSTMCell(units=3), (4,), (3,), (3,)),
    row(STACK, (4,), (3,), (3,), (2,), (2,)),
    row(layers.LSTM(units=3, return_sequences=True, return_state=True), masked=True),
    row(layers.GRU(units=3, return_state=True, go_backwards=True), masked=True),
    row(layers.GRU(units=3, reset_after=False, activation='relu')),
    row(layers.SimpleRNN(units=3, return_sequences=True), masked=True),
    row(layers.RNN(cell=layers.LSTMCell(3, activation='relu'), return_sequences=True, zero_output_for_mask=True), masked=True),
    row(BOTH, masked=True),
    row(layers.TimeDistributed(layer=layers.Dense(3, activation='tanh')), masked=True),
    row(layers.ConvLSTM1D(filters=2, kernel_size=2, padding='same', strides=2, return_sequences=True, return_state=True), LINE, slow=True),
    row(layers.ConvLSTM2D(filters=2, kernel_size=(2, 3)), IMAGE),
    row(layers.ConvLSTM3D(filters=2, kernel_size=2), VOLUME, slow=True),
]
ROWS = [
    *FIRST,
    # --- cells ---
    *rows(layers.SimpleRNNCell(units=3), {'activation': 'relu', 'use_bias': False}, shapes=((4,), (3,))),
    *rows(layers.GRUCell(units=3), {'reset_after': False, 'kernel_regularizer': 'l2'}, {'use_bias': False, **OTHER}, shapes=((4,), (3,))),
    *rows(layers.LSTMCell(units=3), {'use_bias': False, **OTHER}, shapes=((4,), (3,), (3,))),
    # --- layers ---
    *rows(LSTM, {}, SEQUENCES, STATES, BACKWARDS, {**SEQUENCES, **STATES, **BACKWARDS}, PENALTIES),
    *rows(LSTM, {'use_bias': False}, {'unit_forget_bias': False}, OTHER, {**OTHER, **BACKWARDS, **SEQUENCES, 'unroll': True}),
    *rows(LSTM, {}, SEQUENCES, {**SEQUENCES, **ZEROS}, {**ZEROS, **STATES}, BACKWARDS, OTHER, {**OTHER, **SEQUENCES}, masked=True),
    *rows(GRU, {}, SEQUENCES, {**STATES, **BACKWARDS}, {'reset_after': False}, {'reset_after': False, **OTHER}, OTHER),
    *rows(GRU, {'use_bias': False}, {'reset_after': False, 'use_bias': False}, {**PENALTIES, **STATES}),
    *rows(GRU, SEQUENCES, {'reset_after': False}, OTHER, {**SEQUENCES, **ZEROS}, masked=True),
    *rows(SIMPLE, {}, SEQUENCES, STATES, BACKWARDS, {'use_bias': False, 'activation': 'relu'}, PENALTIES),
    *rows(SIMPLE, STATES, {**BACKWARDS, 'activation': None}, {**SEQUENCES, **ZEROS}, masked=True),
    # --- any cell ---
    *rows(RNN, {}, {**SEQUENCES, **STATES}, BACKWARDS),
    *rows(RNN, {**SEQUENCES, **ZEROS}, STATES, masked=True),
    *rows(layers.RNN(cell=layers.GRUCell(3, reset_after=False)), {}, SEQUENCES, masked=True),
    *rows(STACKED, {}, {**SEQUENCES, **BACKWARDS}),
    *rows(STACKED, {}, SEQUENCES, BACKWARDS, masked=True),
    # --- both directions ---
    *rows(BOTH, {}, {'merge_mode': 'sum'}, {'merge_mode': 'ave'}, {'merge_mode': 'mul'}, {'merge_mode': None}),
    *rows(BOTH, {'merge_mode': 'mul'}, {'merge_mode': None}, masked=True),
    *rows(layers.Bidirectional(layer=layers.GRU(3)), {}, masked=True),
    *rows(layers.Bidirectional(layer=layers.LSTM(3, return_state=True)), {}, {'merge_mode': None}),
    *rows(layers.Bidirectional(layer=layers.SimpleRNN(3)), {'backward_layer': layers.GRU(3, go_backwards=True), 'merge_mode': 'sum'}),
    *rows(layers.Bidirectional(layer=layers.RNN(layers.GRUCell(3), return_sequences=True)), {}, masked=True),
    # --- each step ---
    *rows(layers.TimeDistributed(layer=layers.BatchNormalization()), {}),
    *rows(layers.TimeDistributed(layer=layers.Flatten()), {}, shapes=(IMAGE,)),
    *rows(layers.TimeDistributed(layer=layers.LSTM(3)), {}, shapes=(LINE,)),
    # --- convolutions ---
    *rows(layers.ConvLSTM1D(filters=2, kernel_size=2), {'dilation_rate': 2, 'use_bias': False, **BACKWARDS}, PENALTIES, shapes=(LINE,)),
    *rows(layers.ConvLSTM2D(filters=2, kernel_size=2), {'padding': 'same', **OTHER}, {'strides': (2, 1), **SEQUENCES}, shapes=(IMAGE,)),
    *rows(layers.ConvLSTM3D(filters=1, kernel_size=(1, 2, 2)), {'padding': 'SAME', **SEQUENCES}, shapes=(VOLUME,)),
]
