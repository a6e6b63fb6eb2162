"""The loop: fit is epochs, an epoch is segments, a segment is chunks, and a chunk is one compiled program."""

import time
from typing import Any

import jax

from lamina.training.callbacks import CallbackList
from lamina.training.feed import ResidentFeed, Segment, StreamFeed
from lamina.training.program import with_carried
from lamina.training.session import Pace, Session, report
from lamina.training.state import State

Feed = ResidentFeed | StreamFeed


def fit(
    session: Session, feed: Feed, callbacks: CallbackList, *, epochs: int, initial_epoch: int = 0, validation: 'Validation | None' = None
) -> None:
    """Train until the last epoch, or until something asks to stop. The result is `session.state`."""
    session.epochs = epochs
    logs: dict[str, float] = {}
    with session.stopping_on_interrupt():
        for epoch in range(initial_epoch, epochs):
            session.begin_epoch(epoch, feed.steps)
            callbacks('on_epoch_begin', epoch, {})
            train_epoch(session, feed, callbacks)
            if session.interrupted:
                break
            logs = session.logs()
            if validation is not None and validation.due(epoch):
                # What validation carries from batch to batch is not for the next epoch's training.
                _, validated = evaluate(session, validation.feed)
                logs |= {f'val_{name}': value for name, value in validated.items()}
            callbacks('on_epoch_end', epoch, logs)
            if session.stop:
                break
    callbacks('on_train_end', logs)


def train_epoch(session: Session, feed: Feed, callbacks: CallbackList) -> None:
    """One pass over the feed."""
    for segment in feed.segments(session.first_step):
        for first, last in chunks(session.pace, segment.steps):
            train_chunk(session, segment, first, last)
            callbacks('on_chunk_end', session.step)
            if session.stop:
                return


def train_chunk(session: Session, segment: Segment, first: int, last: int) -> None:
    """Run these steps as one program and wait for them."""
    began = time.perf_counter()
    if session.sums is None:
        session.sums = session.program.zero_sums(session.state, segment.data)
    with session.lock:
        state, sums, key = session.program.place((session.state, session.sums, session.key), segment.index.shape[1])
        session.state, session.sums = session.program.train(state, sums, segment.data, segment.index, first, last, key)
        jax.block_until_ready(session.state.step)
    session.step += last - first
    session.chunks += 1
    session.pace.observe(last - first, time.perf_counter() - began)


def chunks(pace: Pace, steps: int):
    """Consecutive (first, last) pairs that cover the steps, each as long as the pace says when its turn comes."""
    first = 0
    while first < steps:
        last = min(first + pace.steps, steps)
        yield first, last
        first = last


class Validation:
    """What to evaluate on during training.

    Args:
        feed: the data.
        when: after every so many epochs, or after the epochs of these numbers, counted from 1.
    """

    def __init__(self, feed: Feed, when: int | tuple[int, ...] = 1):
        self.feed, self.when = feed, when

    def due(self, epoch: int) -> bool:
        """Whether to evaluate after this epoch, counted from 0."""
        return (epoch + 1) % self.when == 0 if isinstance(self.when, int) else epoch + 1 in self.when


def evaluate(session: Session, feed: Feed) -> tuple[State, dict[str, Any]]:
    """Loss and metrics of the session's weights over a feed, in inference mode; nothing if Ctrl-C came before its end.

    Returns:
        The state without its optimizer, with what stateful layers carry after the last batch; and the logs.
    """
    program, sums, pace, carried = session.program, None, Pace(), {}
    for segment in feed.segments(0):
        for first, last in chunks(pace, segment.steps):
            began = time.perf_counter()
            with session.lock:
                state = with_carried(session.state._replace(optimizer=None), carried)
                sums = program.zero_sums(state, segment.data) if sums is None else sums
                state, sums = program.place((state, sums), segment.index.shape[1])
                carried, sums = jax.block_until_ready(program.evaluate(state, sums, segment.data, segment.index, first, last))
            pace.observe(last - first, time.perf_counter() - began)
            if session.interrupted:
                return session.state, {}
    return with_carried(session.state, carried), {} if sums is None else report(program, sums)
