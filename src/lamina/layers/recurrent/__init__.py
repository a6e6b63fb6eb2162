"""Recurrent layers: cells, the layers that run them over time, and the wrappers for sequences."""

from lamina.layers.recurrent.bidirectional import Bidirectional
from lamina.layers.recurrent.convolutional import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from lamina.layers.recurrent.gru import GRU, GRUCell
from lamina.layers.recurrent.lstm import LSTM, LSTMCell
from lamina.layers.recurrent.rnn import RNN
from lamina.layers.recurrent.simple import SimpleRNN, SimpleRNNCell
from lamina.layers.recurrent.stacked import StackedRNNCells
from lamina.layers.recurrent.time_distributed import TimeDistributed

__all__ = [
    'GRU',
    'LSTM',
    'RNN',
    'Bidirectional',
    'ConvLSTM1D',
    'ConvLSTM2D',
    'ConvLSTM3D',
    'GRUCell',
    'LSTMCell',
    'SimpleRNN',
    'SimpleRNNCell',
    'StackedRNNCells',
    'TimeDistributed',
]
