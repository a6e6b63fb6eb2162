"""How a model is compiled, trained, evaluated and asked: Keras's methods over the compiled loop."""

import sys
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import paths
from lamina.core.compilation import use_compilation_cache
from lamina.core.devices import on_one
from lamina.core.errors import ConfigError, DataError, StateError
from lamina.core.keys import device_key
from lamina.core.structure import leaves
from lamina.data import Arrays, as_dataset
from lamina.layers.base import holds_host_layers
from lamina.layers.scope import Scope
from lamina.layers.weight import initial_values
from lamina.models.arguments import batch_size_of, callback_list, check_counts, first_or_dict, frequency_of, one_batch_of, one_pass
from lamina.models.binding import bound, with_class_weights
from lamina.models.foresight import compile_ahead
from lamina.models.host_part import compiled_part, text_or_arrays
from lamina.models.objective import program_for, target_shapes
from lamina.models.settings import CompileSettings
from lamina.optimizers import Schedule
from lamina.training import fit as loop
from lamina.training.callbacks import Callback, CallbackList, History
from lamina.training.feed import feed
from lamina.training.program import Program
from lamina.training.progress import progress
from lamina.training.session import Session
from lamina.training.state import State, owned

if TYPE_CHECKING:
    from lamina.models.ports import Ports


class Trainer:
    """The half of `Model` that trains. It holds the state; between chunks the running session does."""

    name: str
    seed: int
    network: Any
    inputs: Any
    built: bool
    ports: 'Ports'
    _network: Any
    _state: State | None
    _declared: Any
    set_variables: Any

    def _start_training(self) -> None:
        self.settings: CompileSettings | None = None
        self.session: Session | None = None
        self.history: History | None = None
        # Held while a compiled chunk owns the state's buffers, and while anything reads them: other threads may predict.
        self._lock = threading.RLock()
        self._own_programs: dict[Any, Program] = {}

    @property
    def state(self) -> State:
        """Weights, optimizer state and step count, up to date also while training."""
        if self.session is not None:
            return self.session.apart()
        if self._state is None:
            self._require_built()
        return self._state  # type: ignore[return-value]

    @state.setter
    def state(self, state: State) -> None:
        if self.session is not None:
            self.session.state = self.session.layout.stacked(state)
        else:
            self._state = state

    @property
    def stop_training(self) -> bool:
        """Set it from a callback to end training."""
        return self.session is not None and self.session.stop

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        if self.session is not None:
            self.session.stop = bool(stop)

    @property
    def optimizer(self) -> Any:
        """The optimizer that `compile` was given."""
        return None if self.settings is None else self.settings.optimizer

    @property
    def learning_rate(self) -> float:
        """The current learning rate; assign to change it, also from a callback. A schedule sets its own.

        Raises:
            ConfigError: on assignment, when the optimizer follows a schedule.
        """
        schedule = getattr(self.optimizer, 'learning_rate', None)
        with self._lock:
            if isinstance(schedule, Schedule):
                return float(schedule(self.state.optimizer.updates if self.state.optimizer else 0))
            return float(self.state.learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if isinstance(getattr(self.optimizer, 'learning_rate', None), Schedule):
            raise ConfigError(
                'learning_rate', 'an assignment', 'no schedule in the optimizer', 'Compile with learning_rate=a number to set it by hand.'
            )
        with self._lock:
            self.state = self.state._replace(learning_rate=owned(rate, np.float32))

    def compile(
        self,
        optimizer: Any = 'rmsprop',
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        remat: bool | str = 'auto',
    ) -> None:
        """Say how the model is to be trained and judged.

        Args:
            optimizer: a name, a `lamina.optimizers` object, or an `optax.GradientTransformation`.
            loss: a name, a `lamina.losses` object, any function `(y_true, y_pred) → values`, or a list or dict by output.
            loss_weights: factors of the outputs' losses in their sum, default 1 each.
            metrics: names, `lamina.metrics` objects or functions, or a list or dict of these by output.
            weighted_metrics: the same, measured with the sample weights.
            remat: memory for time in runs of eight or more equal blocks: True keeps only what goes from block to block for the way
                back and computes the rest again, False keeps all, 'auto' is True where all would take a quarter of the memory.

        Raises:
            UnknownNameError: a name is not known; the nearest is proposed.
        """
        self._refuse_while_training('compile')
        self.settings = CompileSettings(optimizer, loss, loss_weights, metrics, weighted_metrics, remat)
        if self.built:
            rate = owned(self._initial_learning_rate(), np.float32)
            self.state = self.state._replace(optimizer=None, learning_rate=rate)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = 'auto',
        callbacks: Iterable[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Iterable[int] = 1,
        *,
        chunk_steps: int | None = None,
    ) -> History:
        """Train for some epochs.

        Ctrl-C ends training after the running chunk, a quarter of a second, and returns the History so far with
        `interrupted` set; the weights are those of the last step. A second Ctrl-C raises KeyboardInterrupt.

        Args:
            x: NumPy or JAX arrays, lists, data frames, or a list or dict of these for several inputs; or a generator or
                iterable of (x, y) or (x, y, sample_weight) batches, a PyTorch DataLoader, a Hugging Face dataset.
            y: targets, where x is not a source of batches.
            batch_size: examples a step, default 32; the last batch of an epoch may be smaller and counts exactly.
            epochs: the number at which to end.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch; 'auto' is 1 on a terminal and 2 elsewhere.
            callbacks: called between chunks and epochs.
            validation_split: the last part of the arrays is kept for validation, before any shuffle.
            validation_data: (x, y) or (x, y, sample_weight), or a source of batches.
            shuffle: whether each epoch takes the examples in another order.
            class_weight: a factor on the loss of each class.
            sample_weight: a factor on the loss of each example.
            initial_epoch: where to begin counting, when going on.
            steps_per_epoch: so many steps an epoch, one pass going over into the next; needed for sources without an end.
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: validate after every so many epochs, or after the epochs of these numbers, counted from 1.
            chunk_steps: a fixed number of steps a compiled chunk; by default chosen by time. Results do not depend on it.

        Returns:
            History: `history.history['loss']` and so on, a list over epochs.

        Raises:
            DataError: empty or non-finite data, lengths that differ, labels out of range; nothing was trained.
            StateError: `compile` was not called.
        """
        self._refuse_while_training('fit')
        check_counts(
            epochs=(epochs, 0),
            initial_epoch=(initial_epoch, 0),
            steps_per_epoch=(steps_per_epoch, 1),
            validation_steps=(validation_steps, 1),
            chunk_steps=(chunk_steps, 1),
        )
        size = batch_size_of(batch_size)
        if class_weight is None and not validation_split and steps_per_epoch is None and self.settings is not None:
            compile_ahead(self, x, y, sample_weight, size)
        training, validation = self._datasets(x, y, sample_weight, class_weight, validation_data, validation_split)
        program = self._begin(training)
        source = feed(training, size, shuffle=shuffle, seed=self.seed, steps=steps_per_epoch, place=program.place)
        checked = None
        if validation is not None:
            checked_feed = one_pass(validation, validation_batch_size or size, validation_steps, program)
            checked = loop.Validation(checked_feed, frequency_of(validation_freq))
        session = self._session(program, chunk_steps, optimizer=True)
        displays, history = progress(verbose), History()
        history.params = {'epochs': epochs, 'steps': source.steps, 'batch_size': size, 'verbose': verbose}
        called = CallbackList([*callback_list(callbacks), history, *displays])
        self.session, self.history = session, history
        try:
            called.begin(session, self, history.params)
            loop.fit(session, source, called, epochs=epochs, initial_epoch=initial_epoch, validation=checked)
        finally:
            self._state, self.session = session.apart(), None
            for display in displays:
                display.close()
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = 'auto',
        sample_weight: Any = None,
        steps: int | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on a dataset, in inference mode.

        Returns:
            The loss, or a list of the loss and the metrics in the order of `metrics_names`; a dict with return_dict.

        Raises:
            DataError: as in `fit`.
        """
        dataset, _ = self._datasets(x, y, sample_weight, None, None, 0.0, where='evaluate')
        session = self._session(self._begin(dataset))
        with session.stopping_on_interrupt():
            state, logs = loop.evaluate(session, one_pass(dataset, batch_size, steps, session.program))
        if session.interrupted:
            # Scores of a part of the data would pass for those of the whole.
            raise KeyboardInterrupt
        self._move_on(session, state)
        if verbose in (1, 2) or verbose == 'auto':
            print(' - '.join(f'{name}: {value:.4f}' for name, value in logs.items() if np.ndim(value) == 0), file=sys.stdout)
        self._metrics_names = list(logs)
        return first_or_dict(logs, return_dict)

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, after its first call."""
        return getattr(self, '_metrics_names', ['loss'])

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = 0, steps: int | None = None) -> Any:
        """The outputs for every example, as NumPy arrays; no compilation for each new length.

        Args:
            x: arrays as in `fit`, or a source of batches, whose targets are ignored.
            batch_size: rows computed at a time, default 32.
            steps: at most so many batches of a source.
        """
        program = None
        dataset = as_dataset(x, where='predict', strings=self._takes_strings)
        if isinstance(dataset, Arrays):
            inputs = self._bind_inputs(dataset.inputs, 'predict')
            program = self._begin()
            outputs = self._predicted(program, inputs, batch_size_of(batch_size))
            return self.ports.structure(outputs)
        parts = []
        for number, batch in enumerate(dataset):
            if steps is not None and number >= steps:
                break
            inputs = self._bind_inputs(batch.inputs, f'predict, batch {number}')
            program = program or self._begin()
            parts.append(self._predicted(program, inputs, max(len(batch), 1)))
        if not parts:
            raise DataError('predict', 'no batches', 'at least one', 'Pass a source that yields batches.')
        return self.ports.structure(jax.tree.map(lambda *a: np.concatenate(a), *parts))

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One training step on these examples; the loss (and metrics) before the step."""
        dataset = self._one_batch(x, y, sample_weight, class_weight, 'train_on_batch')
        self._refuse_while_training('train_on_batch')
        session = self._session(self._begin(dataset), optimizer=True)
        for segment in feed(dataset, len(dataset), place=session.program.place).segments(0):
            loop.train_chunk(session, segment, 0, 1)
            self._state = session.apart()
        return first_or_dict(session.logs(), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss (and metrics) on these examples as one batch."""
        dataset = self._one_batch(x, y, sample_weight, None, 'test_on_batch')
        session = self._session(self._begin(dataset))
        state, logs = loop.evaluate(session, feed(dataset, len(dataset), place=session.program.place))
        self._move_on(session, state)
        return first_or_dict(logs, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for these examples, computed as one batch."""
        where = 'predict_on_batch'
        dataset = one_batch_of(as_dataset(x, where=where, strings=self._takes_strings), where)
        inputs = self._bind_inputs(dataset.inputs, where)
        return self.ports.structure(self._predicted(self._begin(), inputs, inputs[0].shape[0]))

    def reset_states(self) -> None:
        """Let stateful layers begin anew: what they carry from batch to batch becomes what it was at first.

        Example:
            >>> import lamina
            >>> from lamina.layers import LSTM
            >>> model = lamina.Sequential([lamina.Input((5, 2)), LSTM(3, stateful=True, batch_size=4)])
            >>> model.reset_states()
        """
        declared = {path: w for path, w in self._declared().items() if w.carried}
        self.set_variables(initial_values(paths.nest(declared), self.seed))

    # --- within ---

    def _datasets(self, x, y, sample_weight, class_weight, validation_data, validation_split, where='fit'):
        """Training and validation data, checked, with arrays in the order of the network's inputs and outputs."""
        if self.settings is None or self.settings.loss is None:
            raise StateError(
                f'{where} of {self.name!r}', 'no loss', 'a compiled model', "Call model.compile(optimizer='adam', loss=…) first."
            )
        dataset = as_dataset(x, y, sample_weight, where=where, strings=self._takes_strings)
        if not self.built:
            self._infer((dataset if isinstance(dataset, Arrays) else dataset.peek()).inputs)
        dataset = bound(self, dataset, where)
        validation = None
        if validation_data is not None:
            given = tuple(validation_data) if isinstance(validation_data, (tuple, list)) else (validation_data,)
            beside = f'{where}, validation_data'
            validation = bound(self, as_dataset(*given, where=beside, strings=self._takes_strings), beside)
        elif validation_split:
            if not isinstance(dataset, Arrays):
                raise ConfigError(f"{where}, argument 'validation_split'", 'a source of batches', 'arrays', 'Pass validation_data instead.')
            dataset, validation = dataset.split(validation_split)
        if class_weight is not None:
            dataset = with_class_weights(dataset, class_weight)
        return dataset, validation

    def _one_batch(self, x, y, sample_weight, class_weight, where: str) -> Arrays:
        dataset, _ = self._datasets(x, y, sample_weight, class_weight, None, 0.0, where=where)
        return one_batch_of(dataset, where)

    @property
    def _takes_strings(self) -> bool:
        """Whether the network begins with layers of the host, some of which take text."""
        return self._network is not None and holds_host_layers(self._network)

    def _infer(self, inputs: Any) -> None:
        infer = getattr(self, '_infer_inputs', None)
        if infer is not None:
            infer(inputs)

    def _bind_inputs(self, inputs: Any, where: str) -> tuple[Any, ...]:
        self._infer(inputs)
        return self.ports.bind_inputs(inputs, where)

    def _begin(self, dataset: Any = None) -> Program:
        """The compiled programs: for prediction, or for a dataset's losses and metrics."""
        use_compilation_cache()
        self._require_built()
        network, inputs = compiled_part(self.network, self.inputs)
        if dataset is None:
            return program_for(network, inputs, None, self._own_programs)
        settings = cast(CompileSettings, self.settings)
        program = program_for(network, inputs, settings, self._own_programs, target_shapes(dataset, settings))
        return program

    def _session(self, program: Program, chunk_steps: int | None = None, *, optimizer: bool = False) -> Session:
        """A session that begins with the model's state, and with an optimizer state where it is to train."""
        with self._lock:
            state = self.state if optimizer else self.state._replace(optimizer=None)
            if self.session is not None:  # its arrays are given away to the next chunk
                state = jax.tree.map(lambda a: owned(a, a.dtype), state)
        state = program.task.layout.stacked(state)
        if optimizer and state.optimizer is None:
            state = state._replace(optimizer=program.start(state.trainable))
        return Session(program, state, seed=self.seed, key=device_key(self.seed), chunk_steps=chunk_steps, lock=self._lock)

    def _predicted(self, program: Program, inputs: Any, batch_size: int) -> Any:
        with self._lock:
            layout = program.task.layout
            state = layout.stacked(self.state._replace(optimizer=None))
            if not program.task.carried:
                return program.predict(state, inputs, batch_size)
            outputs, state = program.predict_in_order(state, inputs, batch_size)
            if self.session is None:
                self._carry(program, state)
            return outputs

    def _move_on(self, session: Session, state: State) -> None:
        """Keep what stateful layers carry after an evaluation, unless a training goes on meanwhile."""
        if self.session is None:
            self._carry(session.program, state)

    def _carry(self, program: Program, state: State) -> None:
        if program.task.carried:
            self.state = self.state._replace(other=program.task.layout.apart(on_one(state)).other)

    def _refuse_while_training(self, what: str) -> None:
        """The running session owns the state and was compiled for the network as it is."""
        if self.session is not None:
            raise StateError(
                f'{what} of {self.name!r}',
                'a call while fit is running, from a callback or another thread',
                'no training in progress',
                'Let fit return first; to change the network between epochs, call fit once for each part, with initial_epoch.',
            )

    def _initial_learning_rate(self) -> float:
        rate = getattr(self.optimizer, 'learning_rate', 0.0)
        return 0.0 if isinstance(rate, Schedule) or rate is None else float(rate)

    def _compute(self, inputs: Any, training: bool) -> Any:
        """Outputs as JAX arrays, differentiable and traceable."""
        strings = self._takes_strings
        arrays = self.ports.bind_inputs(text_or_arrays(inputs) if strings else jax.tree.map(jnp.asarray, inputs), 'call')
        network, entering = compiled_part(self.network, self.inputs)
        typed = [jnp.asarray(a).astype(layer.dtype) for a, layer in zip(arrays, leaves(entering), strict=True)]
        with self._lock:
            state = self.state
            scope = Scope(training=training, key=device_key(self.seed) if training else None, step=state.step)
            outputs = network.apply(paths.nest(state.variables), *typed, scope=scope)
        return list(outputs) if isinstance(outputs, tuple) else outputs

    def _require_built(self) -> Self:
        return self
