"""The compiler's building blocks of lane functions, as LLVM instructions: what `twins` are in NumPy.

Imported by generated modules only: importing this file imports Numba. Each is one instruction without a
branch, so a loop over lanes becomes vector code. `fma` is rounded once, on every machine (without the
instruction LLVM calls a slow, exact routine); `sqrt` does not raise.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["Lane", "copy", "fma", "from_bits", "select", "sqrt", "to_bits"]

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
