"""Hashes of whole numbers as TensorFlow makes them of their decimal digits, in whole-number operations of 32 bits.

A feature that was hashed by Keras keeps its bin. JAX computes in 32 bits here, so a 64-bit word is a pair (high, low).

Source: FarmHash by Pike (2014), `Fingerprint64` of strings of up to 16 bytes; SipHash-2-4, Aumasson and Bernstein (2012).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

_FIRST, _SECOND, _THIRD = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MOST_DIGITS = 10


class Word(NamedTuple):
    """A word of 64 bits."""

    high: jax.Array
    low: jax.Array


def word(value: int) -> Word:
    """A constant as a word."""
    return Word(jnp.uint32(value >> 32 & 0xFFFFFFFF), jnp.uint32(value & 0xFFFFFFFF))


def _small(value: jax.Array) -> Word:
    return Word(jnp.zeros_like(value), value)


def _add(a: Word, b: Word) -> Word:
    low = a.low + b.low
    return Word(a.high + b.high + (low < a.low).astype(jnp.uint32), low)


def _xor(a: Word, b: Word) -> Word:
    return Word(a.high ^ b.high, a.low ^ b.low)


def _multiply(a: Word, b: Word) -> Word:
    """The lower 64 bits of the product, from products of 16 bits."""
    a1, a0, b1, b0 = a.low >> 16, a.low & 0xFFFF, b.low >> 16, b.low & 0xFFFF
    cross = a1 * b0 + (a0 * b0 >> 16)
    middle = a0 * b1 + (cross & 0xFFFF)
    high = a1 * b1 + (cross >> 16) + (middle >> 16)
    return Word(high + a.high * b.low + a.low * b.high, a.low * b.low)


def _shift_right(a: Word, by: int) -> Word:
    """By more than 32 bits."""
    return _small(a.high >> (by - 32))


def _shift_left(a: jax.Array, by: int) -> Word:
    """A 32-bit number by less than 32 bits."""
    return Word(a >> (32 - by), a << by)


def _rotate_left(a: Word, by: int) -> Word:
    if by >= 32:
        a, by = Word(a.low, a.high), by - 32
    return Word(a.high << by | a.low >> (32 - by), a.low << by | a.high >> (32 - by)) if by else a


def _modulo(a: Word, bins: int) -> jax.Array:
    """The remainder of a division by less than 2³¹: long division, in digits of 16 bits where they fit."""
    rest = a.high % jnp.uint32(bins)
    if bins <= 1 << 16:
        rest = ((rest << 16) | (a.low >> 16)) % jnp.uint32(bins)
        return ((rest << 16) | (a.low & 0xFFFF)) % jnp.uint32(bins)

    def bit(i, rest):
        rest = (rest << 1) | (a.low >> (31 - i).astype(jnp.uint32) & 1)
        return jnp.where(rest >= bins, rest - jnp.uint32(bins), rest)

    return lax.fori_loop(0, 32, bit, rest)


class Text(NamedTuple):
    """Whole numbers as decimal text."""

    magnitude: jax.Array
    negative: jax.Array
    digits: jax.Array

    @property
    def length(self) -> jax.Array:
        return self.digits + self.negative

    def from_end(self, place: int | jax.Array) -> jax.Array:
        """The character so many places before the last; 0 before the first."""
        powers = jnp.asarray([10**i for i in range(_MOST_DIGITS)], jnp.uint32)
        place = jnp.broadcast_to(jnp.asarray(place, jnp.uint32), self.digits.shape)
        digit = self.magnitude // powers[jnp.minimum(place, _MOST_DIGITS - 1)] % 10 + ord('0')
        sign = jnp.where((place == self.digits) & (self.negative == 1), jnp.uint32(ord('-')), 0)
        return jnp.where(place < self.digits, digit, sign)

    def at(self, place: int | jax.Array) -> jax.Array:
        """The character at a place; 0 after the last."""
        back = self.length - 1 - jnp.asarray(place, jnp.uint32)  # wraps round to a great number after the last
        return jnp.where(back < self.length, self.from_end(back), 0)


def decimal(numbers: jax.Array) -> Text:
    """int32 as decimal text."""
    negative = (numbers < 0).astype(jnp.uint32)
    bits = numbers.astype(jnp.uint32)
    magnitude = jnp.where(negative == 1, ~bits + 1, bits)
    digits = functools.reduce(lambda n, i: n + (magnitude >= jnp.uint32(10**i)), range(1, _MOST_DIGITS), jnp.ones_like(bits))
    return Text(magnitude, negative, digits.astype(jnp.uint32))


def _little_endian(characters: list[jax.Array]) -> jax.Array:
    return functools.reduce(lambda n, c: n | c[1] << (8 * c[0]), enumerate(characters), jnp.zeros_like(characters[0]))


def _first_four(text: Text, start: int = 0) -> jax.Array:
    return _little_endian([text.at(start + i) for i in range(4)])


def _last_four(text: Text, before: int = 0) -> jax.Array:
    return _little_endian([text.from_end(before + 3 - i) for i in range(4)])


def farm_hash(numbers: jax.Array) -> Word:
    """FarmHash64 of the decimal text of int32 numbers, which has at most 11 characters."""
    text = decimal(numbers)
    multiplier = _add(word(_THIRD), _small(text.length * 2))
    medium = _mixed(_add(_small(text.length), _shift_left(_first_four(text), 3)), _small(_last_four(text)), multiplier)
    first = _add(Word(_first_four(text, 4), _first_four(text)), word(_THIRD))
    last = Word(_last_four(text), _last_four(text, 4))
    c = _add(_multiply(_rotate_right(last, 37), multiplier), first)
    d = _multiply(_add(_rotate_right(first, 25), last), multiplier)
    long = _mixed(c, d, multiplier)
    y = text.at(0) + (text.at(text.length >> 1) << 8)
    z = text.length + (text.from_end(0) << 2)
    folded = _xor(_multiply(_small(y), word(_THIRD)), _multiply(_small(z), word(_FIRST)))
    short = _multiply(_xor(folded, _shift_right(folded, 47)), word(_THIRD))
    return Word(*(jnp.where(text.length >= 8, a, jnp.where(text.length >= 4, b, c)) for a, b, c in zip(long, medium, short, strict=True)))


def _rotate_right(a: Word, by: int) -> Word:
    return _rotate_left(a, 64 - by)


def _mixed(a: Word, b: Word, multiplier: Word) -> Word:
    """Two words mixed into one."""
    a = _multiply(_xor(a, b), multiplier)
    b = _multiply(_xor(b, _xor(a, _shift_right(a, 47))), multiplier)
    return _multiply(_xor(b, _shift_right(b, 47)), multiplier)


def sip_hash(numbers: jax.Array, key: tuple[int, int]) -> Word:
    """SipHash-2-4 of the decimal text of int32 numbers.

    Args:
        numbers: int32.
        key: two words.
    """
    text = decimal(numbers)
    first = Word(_first_four(text, 4), _first_four(text))
    rest = Word(text.length << 24, _little_endian([text.at(8 + i) for i in range(3)]))
    # Texts of less than 8 characters are one block, which holds the length too.
    is_long = text.length >= 8
    one = Word(first.high | text.length << 24, first.low)
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [word(c ^ key[i % 2]) for i, c in enumerate(constants)]
    state = [Word(*(jnp.broadcast_to(part, numbers.shape) for part in w)) for w in state]
    both = _absorbed(_absorbed(state, first), rest)
    alone = _absorbed(state, one)
    state = [Word(*(jnp.where(is_long, p, q) for p, q in zip(a, b, strict=True))) for a, b in zip(both, alone, strict=True)]
    state[2] = _xor(state[2], word(0xFF))
    for _ in range(4):
        state = _round(state)
    return functools.reduce(_xor, state)


def _absorbed(state: list[Word], block: Word) -> list[Word]:
    a, b, c, d = state
    a, b, c, d = _round(_round([a, b, c, _xor(d, block)]))
    return [_xor(a, block), b, c, d]


def _round(state: list[Word]) -> list[Word]:
    a, b, c, d = state
    a, c = _add(a, b), _add(c, d)
    b, d = _xor(_rotate_left(b, 13), a), _xor(_rotate_left(d, 16), c)
    a = _rotate_left(a, 32)
    c, a = _add(c, b), _add(a, d)
    b, d = _xor(_rotate_left(b, 17), c), _xor(_rotate_left(d, 21), a)
    return [a, b, _rotate_left(c, 32), d]


def bins_of(numbers: jax.Array, bins: int, salt: tuple[int, int] | None = None) -> jax.Array:
    """The bin of each whole number, in [0, bins), as `tf.strings.to_hash_bucket_fast` or, with a salt, `_strong`.

    Args:
        numbers: int32, of any shape.
        bins: how many, less than 2³¹.
        salt: two whole numbers, the key of the strong hash.

    Returns:
        int32 of the same shape.
    """
    hashed = farm_hash(numbers) if salt is None else sip_hash(numbers, salt)
    return _modulo(hashed, bins).astype(jnp.int32)
