# SPDX-License-Identifier: MIT
"""libzstd, by ctypes: the bytes that `zstd -LEVEL` makes of a pipe, without a process for each of a thousand frames."""
import ctypes
from ctypes import byref, c_int, c_size_t, c_void_p

lib = ctypes.CDLL("libzstd.so.1")
LEVEL, CHECKSUM = 100, 201  # ZSTD_cParameter
CONTINUE, END = 0, 2  # ZSTD_EndDirective


class Buffer(ctypes.Structure):  # ZSTD_inBuffer, ZSTD_outBuffer
    _fields_ = [("data", c_void_p), ("size", c_size_t), ("pos", c_size_t)]


lib.ZSTD_createCCtx.restype = c_void_p
lib.ZSTD_createDCtx.restype = c_void_p
lib.ZSTD_freeCCtx.argtypes = lib.ZSTD_freeDCtx.argtypes = [c_void_p]
lib.ZSTD_CCtx_setParameter.argtypes = [c_void_p, c_int, c_int]
lib.ZSTD_compressBound.argtypes = [c_size_t]
lib.ZSTD_compressStream2.argtypes = [c_void_p, c_void_p, c_void_p, c_int]
lib.ZSTD_decompressStream.argtypes = [c_void_p, c_void_p, c_void_p]
for function in (lib.ZSTD_CCtx_setParameter, lib.ZSTD_compressBound, lib.ZSTD_compressStream2, lib.ZSTD_decompressStream):
    function.restype = c_size_t


def checked(result):
    if lib.ZSTD_isError(c_size_t(result)):
        raise ValueError("zstd: an error")
    return result


def taken(data):
    return Buffer(ctypes.cast(ctypes.c_char_p(data), c_void_p), len(data), 0)


def compress(data, level=3):
    """One frame, with a checksum and without its size, as that of a pipe has it."""
    context = lib.ZSTD_createCCtx()
    checked(lib.ZSTD_CCtx_setParameter(context, LEVEL, level))
    checked(lib.ZSTD_CCtx_setParameter(context, CHECKSUM, 1))
    room = lib.ZSTD_compressBound(len(data)) + 64
    out = ctypes.create_string_buffer(room)
    source, target = taken(data), Buffer(ctypes.addressof(out), room, 0)
    while source.pos < source.size:
        checked(lib.ZSTD_compressStream2(context, byref(target), byref(source), CONTINUE))
    left = checked(lib.ZSTD_compressStream2(context, byref(target), byref(source), END))
    lib.ZSTD_freeCCtx(context)
    assert left == 0
    return out.raw[: target.pos]


def decompress(data):
    """All frames; those that decoders pass over are."""
    context, room = lib.ZSTD_createDCtx(), 1 << 20
    out, parts, source, left = ctypes.create_string_buffer(room), [], taken(data), 0
    full = False
    while source.pos < source.size or full:
        target = Buffer(ctypes.addressof(out), room, 0)
        left = checked(lib.ZSTD_decompressStream(context, byref(target), byref(source)))
        full = target.pos == room
        parts.append(ctypes.string_at(out, target.pos))
    lib.ZSTD_freeDCtx(context)
    if left:
        raise ValueError("zstd: the end is missing")
    return b"".join(parts)
