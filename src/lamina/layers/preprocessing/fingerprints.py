"""Hashes of strings that are the same on every machine and in every process, as Keras's: FarmHash64 and, with a salt, SipHash-2-4.

Both work on the UTF-8 bytes. Python's whole numbers have no width, so each result is cut to 64 bits where a carry could matter.
"""

from collections.abc import Iterable

_MASK = (1 << 64) - 1
# Three odd numbers of 64 bits that the hash is defined with.
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_SEED = 81


def buckets(strings: Iterable[str], count: int, salt: tuple[int, int] | None = None) -> list[int]:
    """For each string a number in [0, count), by `siphash64` where there is a salt and by `farmhash64` otherwise.

    Example:
        >>> buckets(['A', 'B', 'C', 'A'], 3)
        [1, 0, 1, 1]
    """
    known: dict[str, int] = {}
    found = []
    for string in strings:
        number = known.get(string)
        if number is None:
            data = string.encode('utf-8', 'surrogatepass')
            number = known[string] = (farmhash64(data) if salt is None else siphash64(data, salt)) % count
        found.append(number)
    return found


def siphash64(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4, a keyed hash: who does not know the key cannot choose strings that collide.

    Args:
        data: any bytes.
        key: two whole numbers of 64 bits.

    Source: Aumasson, Bernstein (2012), section 2.

    Example:
        >>> hex(siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))  # the example of its appendix A
        '0xa129ca6149be45e5'
    """
    low, high = key[0] & _MASK, key[1] & _MASK
    state = (low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D, low ^ 0x6C7967656E657261, high ^ 0x7465646279746573)
    whole = len(data) - len(data) % 8
    words = [int.from_bytes(data[i : i + 8], 'little') for i in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], 'little') | (len(data) & 0xFF) << 56)
    for word in words:
        a, b, c, d = _rounds((*state[:3], state[3] ^ word), 2)
        state = (a ^ word, b, c, d)
    a, b, c, d = _rounds((state[0], state[1], state[2] ^ 0xFF, state[3]), 4)
    return a ^ b ^ c ^ d


def _rounds(state: tuple[int, int, int, int], count: int) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for _ in range(count):  # each turn to the left written out: calls would take most of the time
        a, c = a + b & _MASK, c + d & _MASK
        b = (b << 13 | b >> 51) & _MASK ^ a
        d = (d << 16 | d >> 48) & _MASK ^ c
        a = (a << 32 | a >> 32) & _MASK
        c, a = c + b & _MASK, a + d & _MASK
        b = (b << 17 | b >> 47) & _MASK ^ c
        d = (d << 21 | d >> 43) & _MASK ^ a
        c = (c << 32 | c >> 32) & _MASK
    return a, b, c, d


def farmhash64(data: bytes) -> int:
    """FarmHash's 64-bit fingerprint, which mixes well and protects against nobody.

    Source: Pike, Alakuijala (2014), FarmHash, `Fingerprint64`.

    Example:
        >>> farmhash64(b'')
        11160318154034397263
    """
    size = len(data)
    if size <= 16:
        return _up_to_16(data, size)
    if size <= 32:
        return _up_to_32(data, size)
    return _up_to_64(data, size) if size <= 64 else _longer(data, size)


def _up_to_16(data: bytes, size: int) -> int:
    factor = _K2 + 2 * size
    if size >= 8:
        a, b = _word(data, 0) + _K2, _word(data, size - 8)
        return _merged(_right(b, 37) * factor + a, (_right(a, 25) + b) * factor, factor)
    if size >= 4:
        first, last = int.from_bytes(data[:4], 'little'), int.from_bytes(data[-4:], 'little')
        return _merged(size + (first << 3), last, factor)
    if size == 0:
        return _K2
    y = data[0] + (data[size >> 1] << 8)
    z = size + (data[-1] << 2)
    return _folded(y * _K2 ^ z * _K0) * _K2 & _MASK


def _up_to_32(data: bytes, size: int) -> int:
    factor = _K2 + 2 * size
    a, b = _word(data, 0) * _K1, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * _K2
    return _merged(_right(a + b, 43) + _right(c, 30) + d, a + _right(b + _K2, 18) + c, factor)


def _up_to_64(data: bytes, size: int) -> int:
    factor = _K2 + 2 * size
    a, b = _word(data, 0) * _K2, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * _K2
    y = _right(a + b, 43) + _right(c, 30) + d
    z = _merged(y, a + _right(b + _K2, 18) + c, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * factor, (z + _word(data, size - 24)) * factor
    return _merged(_right(e + f, 43) + _right(g, 30) + h, e + _right(f + a, 18) + g, factor)


def _longer(data: bytes, size: int) -> int:
    """Blocks of 64 bytes one after another, and the last 64 bytes once more."""
    y = _SEED * _K1 + 113 & _MASK
    z = _folded(y * _K2 + 113) * _K2 & _MASK
    state = (_SEED * _K2 + _word(data, 0) & _MASK, y, z, (0, 0), (0, 0))
    for start in range(0, (size - 1) // 64 * 64, 64):
        state = _block(data, start, state, _K1, 1)
    x, y, z, v, w = state
    # What the next block sees of the state is turned a little, so that the end is told from a block before it.
    factor = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + (size - 1 & 63) & _MASK, w[1])
    v = (v[0] + w[0] & _MASK, v[1])
    w = (w[0] + v[0] & _MASK, w[1])
    x, y, z, v, w = _block(data, size - 64, (x, y, z, v, w), factor, 9)
    left = _merged(v[0], w[0], factor) + _folded(y) * _K0 + z
    return _merged(left, _merged(v[1], w[1], factor) + x, factor)


def _block(data: bytes, start: int, state: tuple, factor: int, weight: int) -> tuple:
    """The state after 64 bytes; the last block of all has another factor and weight."""
    x, y, z, v, w = state
    x = _right(x + y + v[0] + _word(data, start + 8), 37) * factor
    y = _right(y + v[1] + _word(data, start + 48), 42) * factor
    x = (x ^ w[1] * weight) & _MASK
    y = y + v[0] * weight + _word(data, start + 40) & _MASK
    z = _right(z + w[0], 33) * factor & _MASK
    v = _half(data, start, v[1] * factor, x + w[0])
    w = _half(data, start + 32, z + w[1], y + _word(data, start + 16))
    return z, y, x, v, w


def _half(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    """Two words from 32 bytes and two seeds."""
    first, second, third, fourth = (_word(data, start + i) for i in (0, 8, 16, 24))
    a = a + first & _MASK
    b = _right(b + a + fourth, 21)
    end = a + second + third & _MASK
    return end + fourth & _MASK, b + _right(end, 44) + a & _MASK


def _merged(a: int, b: int, factor: int) -> int:
    """One word from two."""
    mixed = _folded((a ^ b) * factor)
    return _folded(((b ^ mixed) & _MASK) * factor) * factor & _MASK


def _folded(value: int) -> int:
    value &= _MASK
    return value ^ value >> 47


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 8], 'little')


def _right(value: int, bits: int) -> int:
    """The 64 bits turned to the right."""
    value &= _MASK
    return value >> bits | value << 64 - bits & _MASK
