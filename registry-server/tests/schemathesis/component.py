"""Writes a component that imports `wasi:random/insecure-seed` of the given version to stdout.

In the text format: (component (import "wasi:random/insecure-seed@…" (instance
    (export "insecure-seed" (func (result (tuple u64 u64)))))))
The bytes follow the component model's Binary.md.
"""

import sys


def vector(items):
    return bytes([len(items)]) + b"".join(items)


def section(number, content):
    return bytes([number, len(content)]) + content


def name(text):
    return b"\x00" + vector([bytes([byte]) for byte in text.encode()])


def component(version):
    a_tuple = b"\x01\x6f" + vector([b"\x77", b"\x77"])
    a_function = b"\x01\x40" + vector([]) + b"\x00\x00"
    exported = b"\x04" + name("insecure-seed") + b"\x01\x01"
    instance = b"\x42" + vector([a_tuple, a_function, exported])
    imported = name(f"wasi:random/insecure-seed@{version}") + b"\x05\x00"
    return b"\0asm\x0d\0\x01\0" + section(7, vector([instance])) + section(10, vector([imported]))


sys.stdout.buffer.write(component(sys.argv[1]))
