"""The compiler's building blocks of lane functions, as LLVM instructions: what `twins` are in NumPy.

Imported by generated modules only: importing this file imports Numba. Each, but for `copy` and `look_up`, is
one instruction without a branch, so a loop over lanes becomes vector code. `fma` is rounded once, on every
machine (without the instruction LLVM calls a slow, exact routine); `sqrt` does not raise.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "Lane",
    "copy",
    "fma",
    "from_bits",
    "look_up",
    "permutes",
    "select",
    "sqrt",
    "to_bits",
    "trailing_zeros",
]

Lane = Any  # the word of the annotations in `lanes`


@intrinsic
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Give a b + c, rounded once."""

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        numbers = zip(operands, signature.args, strict=True)
        return builder.fma(*(context.cast(builder, x, given, types.float64) for x, given in numbers))

    return types.float64(a, b, c), write


@intrinsic
def select(_typing: Any, _condition: Any, a: Any, b: Any) -> Any:
    """Give a where the condition holds, b elsewhere; both are computed."""
    result = types.uint64 if a == b == types.uint64 else types.float64

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        condition, *values = operands
        numbers = zip(values, signature.args[1:], strict=True)
        first, second = (context.cast(builder, x, given, result) for x, given in numbers)
        return builder.select(condition, first, second)

    return result(types.boolean, a, b), write


@intrinsic
def sqrt(_typing: Any, x: Any) -> Any:
    """Give the square root, correctly rounded; NaN below zero."""

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        value = context.cast(builder, operands[0], signature.args[0], types.float64)
        double = ir.DoubleType()
        function = builder.module.declare_intrinsic("llvm.sqrt", [double])
        return builder.call(function, [value])

    return types.float64(x), write


@intrinsic
def to_bits(_typing: Any, x: Any) -> Any:
    """Give the 64 bits of a float64 as an unsigned integer."""

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        value = context.cast(builder, operands[0], signature.args[0], types.float64)
        return builder.bitcast(value, ir.IntType(64))

    return types.uint64(x), write


@intrinsic
def from_bits(_typing: Any, _bits: Any) -> Any:
    """Give the float64 that has these 64 bits."""

    def write(_context: Any, builder: Any, _signature: Any, operands: Any) -> Any:
        return builder.bitcast(operands[0], ir.DoubleType())

    return types.float64(types.uint64), write


@intrinsic
def copy(_typing: Any, target: Any, place: Any, source: Any, begin: Any, count: Any) -> Any:
    """Copy so many numbers from one array, from a place on, to a place of another one."""

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        def cast(k: int) -> Any:
            return context.cast(builder, operands[k], signature.args[k], types.intp)

        def beginning(k: int) -> Any:
            array = context.make_array(signature.args[k])(context, builder, operands[k])
            return builder.gep(array.data, [cast(k + 1)])

        memory: Any = cgutils  # without types
        memory.raw_memcpy(builder, beginning(0), beginning(2), cast(4), 8)
        return context.get_dummy_value()

    return types.none(target, place, source, begin, count), write


@intrinsic
def permutes(_typing: Any) -> Any:
    """Tell whether the processor that is compiled for permutes eight words by eight indices: AVX-512."""

    def write(context: Any, _builder: Any, _signature: Any, _operands: Any) -> Any:
        _, _, features = context.codegen().magic_tuple()
        return ir.Constant(ir.IntType(1), "+avx512f" in features.split(","))

    return types.boolean(), write


@intrinsic
def look_up(
    _typing: Any, target: Any, place: Any, table: Any, keys: Any, begin: Any, shift: Any, count: Any
) -> Any:
    """Look `count` keys, with a shift added, up in a table of 64-bit words, and fill a target.

    For each eight entries all keys are passed, eight at a time, and those within are taken: one permutation
    of a vector, where a processor has one (`permutes`). The numbers of entries and of keys are multiples of
    eight; a key beyond the table leaves what stands.
    """
    rows = (target, table, keys)
    if any(row.ndim != 1 or row.layout != "C" for row in rows) or keys.dtype != types.uint64:
        return None
    if target.dtype != table.dtype or table.dtype not in (types.float64, types.uint64):
        return None

    def write(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        memory: Any = cgutils  # without types
        lane, word = ir.IntType(32), ir.IntType(64)
        eight = ir.VectorType(word, 8)
        nothing = ir.Constant(eight, ir.Undefined)

        def number(k: int) -> Any:
            return context.cast(builder, operands[k], signature.args[k], types.intp)

        def array(k: int) -> Any:
            return context.make_array(signature.args[k])(context, builder, operands[k])

        def place_of(k: int, at: Any) -> Any:
            return builder.bitcast(builder.gep(array(k).data, [at]), eight.as_pointer())

        def all_eight(x: Any) -> Any:
            one = builder.insert_element(nothing, x, lane(0))
            return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(lane, 8), [0] * 8))

        with memory.for_range_slice(builder, word(0), array(2).nitems, word(8), word) as (entry, _):
            entries = builder.load(place_of(2, entry), align=8)
            offset, part = all_eight(number(5)), all_eight(entry)
            with memory.for_range_slice(builder, word(0), number(6), word(8), word) as (k, _):
                asked = builder.add(builder.load(place_of(3, builder.add(number(4), k)), align=8), offset)
                within = builder.sub(asked, part)
                low = builder.and_(within, ir.Constant(eight, [7] * 8))
                taken = nothing
                for i in range(8):
                    one = builder.extract_element(entries, builder.extract_element(low, lane(i)))
                    taken = builder.insert_element(taken, one, lane(i))
                here = builder.icmp_unsigned("==", low, within)
                found = place_of(0, builder.add(number(1), k))
                builder.store(builder.select(here, taken, builder.load(found, align=8)), found, align=8)
        return context.get_dummy_value()

    return types.none(target, place, table, keys, begin, shift, count), write


@intrinsic
def trailing_zeros(_typing: Any, _bits: Any) -> Any:
    """Count the zeros below the lowest bit that is set; one is."""

    def write(_context: Any, builder: Any, _signature: Any, operands: Any) -> Any:
        return builder.cttz(operands[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), write
