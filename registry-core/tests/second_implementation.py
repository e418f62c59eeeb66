#!/usr/bin/env python3
"""A second implementation of `docs/hash.md`, written without sight of the first; chapter numbers below refer to that text.

    second_implementation.py self-test
        checks the constants, the known answer of chapter 1 and the table of chapter 2
    second_implementation.py hash VECTORS.json
        checks every vector of a file of hashes of bytes and elements
    second_implementation.py packages RESOLVE.json [--encodings]
        prints the hash of every package of a `Resolve`, with the ids of its interfaces and worlds
    second_implementation.py view RESOLVE.json WORLD_INDEX REGISTERED.json
        prints the view id of a component, whose own world is the one with this index

RESOLVE.json is the JSON that wit-parser's `serde` feature writes of a `Resolve`: `worlds`, `interfaces`, `types` and
`packages` are arrays, and whatever refers to one of their members does so by its position. A form that is not known
here is an error, since a part left out of a hash would go unnoticed. REGISTERED.json maps full interface names to their
registered ids.

Exit status: 0 if all is well, 1 if something differs or cannot be hashed, 2 for wrong usage.
Only the standard library of Python 3.11 is needed.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any


class FormError(Exception):
    """An input that is malformed, or that has no form in the specification."""


# Chapter 1: permutation

MODULUS = 2**64 - 2**32 + 1
WIDTH = 12
EXTERNAL_ROUNDS_HALF = 4
INTERNAL_ROUNDS = 22


def inverse(number: int) -> int:
    """The inverse of a number in the field."""
    return pow(number, -1, MODULUS)


# Canonical forms of -2, 1, 2, 1/2, 3, 4, -1/2, -3, -4, 1/4, -1/4, 1/8.
INTERNAL_DIAGONAL = [
    number % MODULUS
    for number in [-2, 1, 2, inverse(2), 3, 4, -inverse(2), -3, -4, inverse(4), -inverse(4), inverse(8)]
]


def grain_bits() -> Iterator[int]:
    """The filtered bits of the Grain LFSR, without end."""
    header = [(1, 2), (0, 4), (64, 12), (WIDTH, 12), (2 * EXTERNAL_ROUNDS_HALF, 10), (INTERNAL_ROUNDS, 10)]
    register = [int(bit) for number, size_bits in header for bit in f"{number:0{size_bits}b}"] + [1] * 30

    def step() -> int:
        bit = register[62] ^ register[51] ^ register[38] ^ register[23] ^ register[13] ^ register[0]
        del register[0]
        register.append(bit)
        return bit

    for _ in range(160):
        step()
    while True:
        keep, bit = step(), step()
        if keep:
            yield bit


@cache
def round_constants() -> tuple[list[list[int]], list[int], list[list[int]]]:
    """The constants of the first external rounds, of the internal rounds, and of the last external rounds."""
    bits = grain_bits()

    def constant() -> int:
        while True:
            number = 0
            for _ in range(64):
                number = number << 1 | next(bits)
            if number < MODULUS:
                return number

    first = [[constant() for _ in range(WIDTH)] for _ in range(EXTERNAL_ROUNDS_HALF)]
    internal = [constant() for _ in range(INTERNAL_ROUNDS)]
    last = [[constant() for _ in range(WIDTH)] for _ in range(EXTERNAL_ROUNDS_HALF)]
    return first, internal, last


def external_layer(state: list[int]) -> list[int]:
    """The layer `E`. Takes any integers, gives canonical ones."""
    mixed = []
    for start in (0, 4, 8):
        a, b, c, d = state[start : start + 4]
        total = a + b + c + d
        mixed += [total + a + 2 * b, total + b + 2 * c, total + c + 2 * d, total + d + 2 * a]
    columns = [mixed[k] + mixed[4 + k] + mixed[8 + k] for k in range(4)]
    return [(value + columns[i & 3]) % MODULUS for i, value in enumerate(mixed)]


def external_round(state: list[int], constants: list[int]) -> list[int]:
    """One external round."""
    return external_layer([pow(value + constant, 7, MODULUS) for value, constant in zip(state, constants)])


def internal_round(state: list[int], constant: int) -> list[int]:
    """One internal round."""
    state[0] = pow(state[0] + constant, 7, MODULUS)
    total = sum(state)
    return [(total + factor * value) % MODULUS for factor, value in zip(INTERNAL_DIAGONAL, state)]


def permute(state: list[int]) -> list[int]:
    """The permutation of a state of 12 canonical elements."""
    first, internal, last = round_constants()
    state = external_layer(state)
    for constants in first:
        state = external_round(state, constants)
    for constant in internal:
        state = internal_round(state, constant)
    for constants in last:
        state = external_round(state, constants)
    return state


# Chapter 2: hashing. A digest is a list of four canonical elements.

RATE = 8
DIGEST_ELEMENTS = 4
LIMB_SIZE_BYTES = 7
LEAF_SIZE_BYTES = 1024
LEAF_SIZE_LOG2 = 10


def domain_number(domain: str) -> int:
    """A domain as an element; the empty text, which no object has, is 0."""
    if not domain.isascii() or len(domain) > 7:
        raise FormError(f"the domain `{domain}` is not a text of at most seven ASCII bytes")
    return int.from_bytes(domain.encode(), "little")


def sponge(tag: int, domain: int, elements: list[int]) -> list[int]:
    """Absorbs canonical elements, block by block, and gives the digest."""
    state = [0] * RATE + [tag, domain, 0, 0]
    for start in range(0, len(elements), RATE):
        block = elements[start : start + RATE]
        state = permute(block + [0] * (RATE - len(block)) + state[RATE:])
    return state[:DIGEST_ELEMENTS]


def hash_bytes(domain: int, data: bytes) -> list[int]:
    """`bytes(domain, b)`."""
    last = (max(len(data), 1) - 1) // LIMB_SIZE_BYTES * LIMB_SIZE_BYTES
    limbs = [data[start : start + LIMB_SIZE_BYTES] for start in range(0, last, LIMB_SIZE_BYTES)]
    limbs.append(data[last:] + b"\x01")
    return sponge(8 + len(limbs) % 8, domain, [int.from_bytes(limb, "little") for limb in limbs])


def hash_elements(domain: int, elements: list[int]) -> list[int]:
    """`elements(domain, e)`."""
    if not elements or any(not 0 <= element < MODULUS for element in elements):
        raise FormError("only one or more canonical elements can be hashed")
    return sponge(len(elements) % 8, domain, elements)


def merge(domain: int, left: list[int], right: list[int]) -> list[int]:
    """`merge(domain, left, right)`."""
    return sponge(0, domain, left + right)


def blob(domain: str, data: bytes) -> list[int]:
    """`blob(domain, b)`, which names objects."""
    leaf, node = domain_number("p2leaf1"), domain_number("p2node1")
    starts = range(0, max(len(data), 1), LEAF_SIZE_BYTES)
    level = [hash_bytes(leaf, data[start : start + LEAF_SIZE_BYTES]) for start in starts]
    while len(level) > 1:
        pairs = [merge(node, left, right) for left, right in zip(level[::2], level[1::2])]
        level = pairs + level[len(pairs) * 2 :]
    return hash_elements(domain_number(domain), [len(data), LEAF_SIZE_LOG2, *level[0]])


def digest_bytes(digest: list[int]) -> bytes:
    """A digest as 32 bytes."""
    return b"".join(element.to_bytes(8, "little") for element in digest)


def digest_text(digest: list[int]) -> str:
    """A digest as 64 hexadecimal digits."""
    return digest_bytes(digest).hex()


def parse_digest(text: Any) -> list[int]:
    """Reads the text form of a digest."""
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
        raise FormError(f"`{text}` is not a digest of 64 lowercase hexadecimal digits")
    data = bytes.fromhex(text)
    digest = [int.from_bytes(data[start : start + 8], "little") for start in range(0, 32, 8)]
    if any(element >= MODULUS for element in digest):
        raise FormError(f"`{text}` has an element that is not below the modulus")
    return digest


def name_text(letter: str, digest: list[int]) -> str:
    """The text form of a name, such as `p2:w…`."""
    return f"p2:{letter}{digest_text(digest)}"


# The JSON form of a `Resolve`


def parse_json(path: str) -> Any:
    """Reads a JSON file. A key that is there twice is an error, since one of its values would be lost."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise FormError(f"`{path}` has an object with a repeated key among {sorted(members)}")
        return members

    with open(path, encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=unique)


def check_members(value: Any, required: str, optional: str = "") -> None:
    """Makes sure that a JSON object has all the required members and none that is unknown."""
    if not isinstance(value, dict):
        raise FormError(f"expected an object with {required}, found {value!r}")
    missing = set(required.split()) - value.keys()
    unknown = value.keys() - set(required.split()) - set(optional.split())
    if missing or unknown:
        raise FormError(f"members missing: {sorted(missing)}, unknown: {sorted(unknown)}, in {value!r}")


def single_member(value: Any) -> tuple[str, Any]:
    """The key and the value of a JSON object that has one member, as `serde` writes the cases of an enum."""
    if not isinstance(value, dict) or len(value) != 1:
        raise FormError(f"expected an object with one member, found {value!r}")
    return next(iter(value.items()))


@dataclass(frozen=True)
class PackageName:
    """The parts of `namespace:name[@version]`."""

    namespace: str
    name: str
    version: str | None

    @staticmethod
    def parse(full: str) -> "PackageName":
        """Reads a package's name."""
        match = re.fullmatch("([^:/@]+):([^:/@]+)(?:@(.+))?", full)
        if not match:
            raise FormError(f"`{full}` is not a package name")
        return PackageName(*match.groups())

    def interface(self, interface: str) -> str:
        """The full name of an interface of this package."""
        version = f"@{self.version}" if self.version is not None else ""
        return f"{self.namespace}:{self.name}/{interface}{version}"


@dataclass(frozen=True)
class Item:
    """An import or export of a world. `value` is an interface's or type's index, or a function's JSON object."""

    exported: bool
    under_own_name: bool
    key: str
    form: str
    value: Any
    attributes: dict[str, Any]


class Resolve:
    """The packages that were parsed or decoded together."""

    def __init__(self, document: Any):
        check_members(document, "worlds interfaces types packages")
        self.document = document
        for world in document["worlds"]:
            check_members(world, "name imports exports package", "docs stability")
        for interface in document["interfaces"]:
            check_members(interface, "name types functions package", "docs stability clone_of")
        for type_definition in document["types"]:
            check_members(type_definition, "name kind owner", "docs stability external_id")
        for package in document["packages"]:
            check_members(package, "name interfaces worlds", "docs")
        self.package_names = [PackageName.parse(package["name"]) for package in document["packages"]]

    def member(self, arena: str, index: Any) -> Any:
        """The member of an arena that an index refers to."""
        if type(index) is not int or not 0 <= index < len(self.document[arena]):
            raise FormError(f"{index!r} is not an index into `{arena}`")
        return self.document[arena][index]

    def world(self, index: int) -> Any:
        """A world."""
        return self.member("worlds", index)

    def interface(self, index: int) -> Any:
        """An interface, named or inline."""
        return self.member("interfaces", index)

    def type(self, index: int) -> Any:
        """A type, named or not."""
        return self.member("types", index)

    def original(self, index: int) -> int:
        """The interface that stands in its package, if this is wit-parser's clone of a named one."""
        while self.interface(index)["name"] is not None and self.interface(index).get("clone_of") is not None:
            index = self.interface(index)["clone_of"]
        return index

    def package_of(self, interface: int) -> int:
        """The package of a named interface, which must know the interface under its name."""
        value = self.interface(interface)
        package = self.member("packages", value["package"])
        if package["interfaces"].get(value["name"]) != interface:
            raise FormError(f"interface {interface} is not `{value['name']}` of package `{package['name']}`")
        return value["package"]

    def full_name(self, interface: int) -> str:
        """The full name of a named interface."""
        return self.package_names[self.package_of(interface)].interface(self.interface(interface)["name"])

    def items(self, world: int) -> list[Item]:
        """The imports of a world, then its exports, each in their order in the JSON."""
        value = self.world(world)
        imports = [self.item(False, key, item) for key, item in value["imports"].items()]
        return imports + [self.item(True, key, item) for key, item in value["exports"].items()]

    def item(self, exported: bool, key: str, item: Any) -> Item:
        """One item of a world. The key of an interface under its own name is `interface-` and its index."""
        form, value = single_member(item)
        if form == "interface":
            check_members(value, "id", "stability docs external_id")
            interface = self.original(value["id"])
            under_own_name = key == f"interface-{value['id']}" and self.interface(interface)["name"] is not None
            item_key = self.full_name(interface) if under_own_name else key
            return Item(exported, under_own_name, item_key, form, interface, value)
        if form == "function":
            self.check_function(key, value)
            return Item(exported, False, key, form, value, value)
        if form == "type":
            return Item(exported, False, key, form, value, self.type(value))
        raise FormError(f"unknown form of world item `{form}`")

    def check_function(self, name: str, function: Any) -> None:
        """Makes sure that a function has the members that are known, and the name under which it is listed."""
        check_members(function, "name kind params", "result docs stability external_id")
        if function["name"] != name:
            raise FormError(f"the function `{function['name']}` is listed as `{name}`")


# 3.2 Primitives


def count(number: int) -> bytes:
    """An unsigned integer in LEB128."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def text(value: str) -> bytes:
    """A text."""
    if not isinstance(value, str):
        raise FormError(f"expected a text, found {value!r}")
    encoded = value.encode()
    return count(len(encoded)) + encoded


def option(encode: Callable[[Any], bytes], value: Any) -> bytes:
    """Nothing for `None`, else the encoded value."""
    return b"\x00" if value is None else b"\x01" + encode(value)


def sequence(encoded: list[bytes]) -> bytes:
    """A list of items that are already encoded."""
    return count(len(encoded)) + b"".join(encoded)


def by_name(members: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members of an object, sorted by the UTF-8 bytes of their names."""
    return sorted(members.items(), key=lambda member: member[0].encode())


# 3.3 and 3.4 Types and functions

PRIMITIVES = "bool u8 u16 u32 u64 s8 s16 s32 s64 f32 f64 char string error-context".split()

FUNCTION_KINDS = {
    "freestanding": b"\x40",
    "async-freestanding": b"\x41",
    "method": b"\x42",
    "async-method": b"\x43",
    "static": b"\x44",
    "async-static": b"\x45",
    "constructor": b"\x46",
}

# Kinds that only a type with a name can have.
NAMED_KINDS = (0x20, 0x21, 0x2F)


@dataclass
class Scope:
    """The place in which references stand: an interface, a world, or an inline interface, which has both.

    `references` collects the named interfaces that were referred to, in order and with repeats.
    """

    interface: int | None = None
    world: int | None = None
    references: list[int] = field(default_factory=list)

    def fresh(self) -> "Scope":
        """The same place without references."""
        return Scope(self.interface, self.world)


class Encoder:
    """Encodes what packages and views have in common; a subclass says how other interfaces are named."""

    def __init__(self, resolve: Resolve):
        self.resolve = resolve

    def foreign_type(self, interface: int, name: str) -> bytes:
        """A reference to a named type of another named interface."""
        raise NotImplementedError

    def external_id_of_type(self, definition: Any) -> bytes:
        """What follows a kind that defines a named type."""
        raise NotImplementedError

    def item_under_own_name(self, item: Item) -> bytes:
        """Item `0x30`."""
        raise NotImplementedError

    def item_under_plain_name(self, item: Item) -> bytes:
        """Item `0x31`."""
        raise NotImplementedError

    def type(self, value: Any, scope: Scope) -> bytes:
        """A type in a function, field, case, …: a primitive, a reference, or a type without a name."""
        if isinstance(value, str):
            if value not in PRIMITIVES:
                raise FormError(f"unknown primitive type `{value}`")
            return bytes([1 + PRIMITIVES.index(value)])
        if self.resolve.type(value)["name"] is not None:
            return self.reference(value, scope)
        encoded = self.kind(value, scope)
        if encoded[0] in NAMED_KINDS:
            raise FormError(f"type {value} needs a name to be what it is")
        return encoded

    def reference(self, index: Any, scope: Scope) -> bytes:
        """A reference to a named type, seen from `scope`."""
        owner_form, owner = single_member(self.resolve.type(index)["owner"])
        name = self.resolve.type(index)["name"]
        if owner_form == "world":
            return self.world_type(owner, index, scope)
        if owner_form != "interface":
            raise FormError(f"unknown owner `{owner_form}` of type {index}")
        if self.resolve.interface(owner)["types"].get(name) != index:
            raise FormError(f"type {index} is not `{name}` of its interface")
        owner = self.resolve.original(owner)
        if owner == scope.interface:
            return b"\x10" + text(name)
        if self.resolve.interface(owner)["name"] is None:
            return self.inline_type(owner, name, scope)
        scope.references.append(owner)
        return self.foreign_type(owner, name)

    def world_type(self, owner: int, index: int, scope: Scope) -> bytes:
        """A reference to a type of a world, which must be the one around."""
        name = self.resolve.type(index)["name"]
        if owner != scope.world:
            raise FormError(f"the type `{name}` of world {owner} is used outside of it")
        world = self.resolve.world(owner)
        listed = [items[name] for items in (world["imports"], world["exports"]) if "type" in items.get(name, {})]
        if listed != [{"type": index}]:
            raise FormError(f"type {index} is not the only type `{name}` of world {owner}")
        return (b"\x10" if scope.interface is None else b"\x12") + text(name)

    def inline_type(self, owner: int, name: str, scope: Scope) -> bytes:
        """A reference to a type of another inline interface of the world around."""
        items = [] if scope.world is None else self.resolve.items(scope.world)
        places = [item for item in items if item.form == "interface" and item.value == owner]
        if len(places) != 1:
            raise FormError(f"the type `{name}` of inline interface {owner} is used outside of its world")
        return b"\x13" + bytes([places[0].exported]) + text(places[0].key) + text(name)

    def resource(self, index: Any, scope: Scope) -> bytes:
        """The resource of a handle or of a method, which is always a reference."""
        if self.resolve.type(index)["name"] is None:
            raise FormError(f"type {index} is not a resource")
        return self.reference(index, scope)

    def optional_type(self, value: Any, scope: Scope) -> bytes:
        """An option of a type."""
        return option(lambda present: self.type(present, scope), value)

    def kind(self, index: Any, scope: Scope) -> bytes:
        """A kind: what the type with this index is defined as."""
        kind = self.resolve.type(index)["kind"]
        if kind == "resource":
            return b"\x21"
        form, value = single_member(kind)
        if form == "record":
            return b"\x20" + sequence([text(f["name"]) + self.type(f["type"], scope) for f in members_of(kind)])
        if form == "handle":
            handle, resource = single_member(value)
            if handle not in ("own", "borrow"):
                raise FormError(f"unknown handle `{handle}`")
            return (b"\x22" if handle == "own" else b"\x23") + self.resource(resource, scope)
        if form == "flags":
            return b"\x24" + sequence([text(flag["name"]) for flag in members_of(kind)])
        if form == "tuple":
            check_members(value, "types")
            return b"\x25" + sequence([self.type(element, scope) for element in value["types"]])
        if form == "variant":
            cases = [text(case["name"]) + self.optional_type(case["type"], scope) for case in members_of(kind)]
            return b"\x26" + sequence(cases)
        if form == "enum":
            return b"\x27" + sequence([text(case["name"]) for case in members_of(kind)])
        if form == "option":
            return b"\x28" + self.type(value, scope)
        if form == "result":
            check_members(value, "ok err")
            return b"\x29" + self.optional_type(value["ok"], scope) + self.optional_type(value["err"], scope)
        if form == "list":
            return b"\x2a" + self.type(value, scope)
        if form == "map":
            key, mapped = value
            return b"\x2b" + self.type(key, scope) + self.type(mapped, scope)
        if form == "fixed-length-list":
            element, length = value
            return b"\x2c" + self.type(element, scope) + count(length)
        if form == "future":
            return b"\x2d" + self.optional_type(value, scope)
        if form == "stream":
            return b"\x2e" + self.optional_type(value, scope)
        if form == "type":
            return b"\x2f" + self.type(value, scope)
        raise FormError(f"unknown kind of type `{form}`")

    def function(self, function: Any, scope: Scope) -> bytes:
        """A function."""
        kind = function["kind"]
        form, resource = (kind, None) if isinstance(kind, str) else single_member(kind)
        is_free = form in ("freestanding", "async-freestanding")
        if form not in FUNCTION_KINDS or is_free != (resource is None):
            raise FormError(f"unknown kind of function {kind!r}")
        encoded = text(function["name"]) + FUNCTION_KINDS[form]
        if not is_free:
            encoded += self.resource(resource, scope)
        parameters = []
        for parameter in function["params"]:
            check_members(parameter, "type", "name")
            parameters.append(text(parameter.get("name", "")) + self.type(parameter["type"], scope))
        encoded += sequence(parameters) + self.optional_type(function.get("result"), scope)
        return encoded + option(text, function.get("external_id"))

    # 3.5 and 3.6 Interfaces and worlds

    def type_definition(self, index: Any, scope: Scope) -> bytes:
        """The kind that defines a named type, and what follows it."""
        return self.kind(index, scope) + self.external_id_of_type(self.resolve.type(index))

    def body(self, interface: int, scope: Scope) -> bytes:
        """The types and functions of an interface."""
        value = self.resolve.interface(interface)
        types = []
        for name, index in by_name(value["types"]):
            definition = self.resolve.type(index)
            if definition["name"] != name or definition["owner"] != {"interface": interface}:
                raise FormError(f"type {index} is not `{name}` of interface {interface}")
            types.append(text(name) + self.type_definition(index, scope))
        functions = []
        for name, function in by_name(value["functions"]):
            self.resolve.check_function(name, function)
            functions.append(self.function(function, scope))
        return sequence(types) + sequence(functions)

    def items(self, world: int, exported: bool) -> bytes:
        """The list of a world's imports or exports."""
        items = [item for item in self.resolve.items(world) if item.exported == exported]
        items.sort(key=lambda item: (item.under_own_name, item.key.encode()))
        return sequence([bytes([i.under_own_name]) + text(i.key) + self.item(i, world) for i in items])

    def item(self, item: Item, world: int) -> bytes:
        """A world item without its key."""
        if item.form == "function":
            return b"\x33" + self.function(item.value, Scope(world=world))
        if item.form == "type":
            definition = self.resolve.type(item.value)
            if definition["name"] != item.key or definition["owner"] != {"world": world}:
                raise FormError(f"type {item.value} is not `{item.key}` of world {world}")
            return b"\x34" + self.type_definition(item.value, Scope(world=world))
        if item.under_own_name:
            return b"\x30" + self.item_under_own_name(item)
        if self.resolve.interface(item.value)["name"] is not None:
            return b"\x31" + self.item_under_plain_name(item)
        external_id = option(text, item.attributes.get("external_id"))
        return b"\x32" + external_id + self.body(item.value, Scope(item.value, world))


def members_of(kind: Any) -> list[Any]:
    """The fields, cases or flags of a type, which have names and docs of their own; none for other types."""
    if kind == "resource":
        return []
    form, value = single_member(kind)
    shapes = {
        "record": ("fields", "name type"),
        "flags": ("flags", "name"),
        "variant": ("cases", "name type"),
        "enum": ("cases", "name"),
    }
    if form not in shapes:
        return []
    member, required = shapes[form]
    check_members(value, member)
    for entry in value[member]:
        check_members(entry, required, "docs")
    return value[member]


# Chapters 3 and 4: ids and package hashes

DOMAIN_INTERFACE = "p2ifc01"
DOMAIN_WORLD = "p2wld01"
DOMAIN_PACKAGE = "p2pkg01"
DOMAIN_META = "p2meta1"
DOMAIN_DOCS = "p2docs1"
DOMAIN_VIEW = "p2view1"

# A path of chapter 4.1: its encoded steps.
Path = tuple[bytes, ...]


def step(tag: int, name: str) -> bytes:
    """One step of a path."""
    return bytes([tag]) + text(name)


def item_step(item: Item) -> bytes:
    """The step to a world item: `0x75` to `0x78`."""
    return step(0x75 + item.under_own_name + 2 * item.exported, item.key)


def leaf(domain: str, entries: list[tuple[Path, bytes]]) -> bytes:
    """The meta or docs leaf: entries sorted by their encoded paths."""
    encoded = sorted((sequence(list(path)), value) for path, value in entries)
    return domain.encode() + sequence([path + value for path, value in encoded])


@dataclass(frozen=True)
class Definition:
    """A type or function of a package, at its path. `encode` gives its encoding and records its references."""

    path: Path
    attributes: Any
    is_type: bool
    scope: Scope
    encode: Callable[[Scope], bytes]

    def references(self) -> list[int]:
        """The named interfaces that the encoding refers to, in order and with repeats."""
        scope = self.scope.fresh()
        self.encode(scope)
        return scope.references


class PackageEncoder(Encoder):
    """Computes ids and hashes. Every package of the `Resolve` has to be there in full."""

    def __init__(self, resolve: Resolve):
        super().__init__(resolve)
        self.known: dict[tuple[str, int], list[int] | None] = {}

    def digest(self, domain: str, index: int, encode: Callable[[int], bytes]) -> list[int]:
        """The digest of an object, computed once; an object that contains itself is an error."""
        if (domain, index) not in self.known:
            self.known[domain, index] = None
            self.known[domain, index] = blob(domain, encode(index))
        digest = self.known[domain, index]
        if digest is None:
            raise FormError(f"object {index} of domain `{domain}` refers to itself")
        return digest

    def interface_id(self, interface: int) -> list[int]:
        """The id of a named interface."""
        return self.digest(DOMAIN_INTERFACE, interface, self.interface_encoding)

    def world_id(self, world: int) -> list[int]:
        """The id of a world."""
        return self.digest(DOMAIN_WORLD, world, self.world_encoding)

    def package_hash(self, package: int) -> list[int]:
        """The hash of a package."""
        return self.digest(DOMAIN_PACKAGE, package, self.package_encoding)

    def foreign_type(self, interface: int, name: str) -> bytes:
        return b"\x11" + digest_bytes(self.interface_id(interface)) + text(name)

    def external_id_of_type(self, definition: Any) -> bytes:
        # It is in the meta leaf.
        return b""

    def item_under_own_name(self, item: Item) -> bytes:
        return digest_bytes(self.interface_id(item.value))

    def item_under_plain_name(self, item: Item) -> bytes:
        interface_id = digest_bytes(self.interface_id(item.value))
        external_id = option(text, item.attributes.get("external_id"))
        return text(self.resolve.full_name(item.value)) + interface_id + external_id

    def head(self, domain: str, package: int) -> bytes:
        """What the encodings of packages, interfaces and worlds begin with."""
        name = self.resolve.package_names[package]
        return domain.encode() + text(name.namespace) + text(name.name)

    def interface_encoding(self, interface: int) -> bytes:
        """The encoding of 3.5."""
        head = self.head(DOMAIN_INTERFACE, self.resolve.package_of(interface))
        return head + text(self.resolve.interface(interface)["name"]) + self.body(interface, Scope(interface))

    def world_encoding(self, world: int) -> bytes:
        """The encoding of 3.6."""
        value = self.resolve.world(world)
        self.resolve.member("packages", value["package"])
        head = self.head(DOMAIN_WORLD, value["package"]) + text(value["name"])
        return head + self.items(world, False) + self.items(world, True)

    def package_encoding(self, package: int) -> bytes:
        """The encoding of chapter 4."""
        value = self.resolve.member("packages", package)
        interfaces = [(name, self.interface_id(index)) for name, index in by_name(value["interfaces"])]
        worlds = [(name, self.world_id(index)) for name, index in by_name(value["worlds"])]
        leaves = [blob(DOMAIN_META, self.meta_encoding(package)), blob(DOMAIN_DOCS, self.docs_encoding(package))]
        return b"".join(
            [
                self.head(DOMAIN_PACKAGE, package),
                option(text, self.resolve.package_names[package].version),
                sequence([text(name) + digest_bytes(digest) for name, digest in interfaces]),
                sequence([text(name) + digest_bytes(digest) for name, digest in worlds]),
                *map(digest_bytes, leaves),
                sequence([text(n) + digest_bytes(digest) for n, digest in by_name(self.dependencies(package))]),
            ]
        )

    def dependencies(self, package: int) -> dict[str, list[int]]:
        """The package hashes of the direct dependencies, by name."""
        interfaces = [index for definition in self.definitions(package) for index in definition.references()]
        for _, item in self.world_items(package):
            if item.form == "interface" and self.resolve.interface(item.value)["name"] is not None:
                interfaces.append(item.value)
        others = {self.resolve.package_of(interface) for interface in interfaces} - {package}
        return {self.resolve.member("packages", other)["name"]: self.package_hash(other) for other in others}

    def interfaces(self, package: int) -> list[tuple[Path, int]]:
        """The named interfaces of a package with their paths."""
        members = self.resolve.member("packages", package)["interfaces"]
        return [((step(0x70, name),), index) for name, index in members.items()]

    def worlds(self, package: int) -> list[tuple[Path, int]]:
        """The worlds of a package with their paths."""
        members = self.resolve.member("packages", package)["worlds"]
        return [((step(0x71, name),), index) for name, index in members.items()]

    def world_items(self, package: int) -> list[tuple[Path, Item]]:
        """The items of all worlds of a package with their paths."""
        worlds = self.worlds(package)
        return [((*path, item_step(item)), item) for path, world in worlds for item in self.resolve.items(world)]

    def definitions(self, package: int) -> Iterator[Definition]:
        """The types and functions of a package: of its interfaces, its worlds, and their inline interfaces."""
        for path, interface in self.interfaces(package):
            yield from self.body_definitions(path, interface, Scope(interface))
        for path, world in self.worlds(package):
            for item in self.resolve.items(world):
                item_path = (*path, item_step(item))
                if item.form == "type":
                    yield self.definition_of_type(item_path, item.value, Scope(world=world))
                elif item.form == "function":
                    yield self.definition_of_function(item_path, item.value, Scope(world=world))
                elif self.resolve.interface(item.value)["name"] is None:
                    yield from self.body_definitions(item_path, item.value, Scope(item.value, world))

    def body_definitions(self, path: Path, interface: int, scope: Scope) -> Iterator[Definition]:
        """The types and functions of an interface."""
        value = self.resolve.interface(interface)
        for name, index in value["types"].items():
            yield self.definition_of_type((*path, step(0x72, name)), index, scope)
        for name, function in value["functions"].items():
            yield self.definition_of_function((*path, step(0x73, name)), function, scope)

    def definition_of_type(self, path: Path, index: int, scope: Scope) -> Definition:
        """A type at its path."""
        return Definition(path, self.resolve.type(index), True, scope, lambda place: self.kind(index, place))

    def definition_of_function(self, path: Path, function: Any, scope: Scope) -> Definition:
        """A function at its path."""
        return Definition(path, function, False, scope, lambda place: self.function(function, place))

    # 4.2 Meta leaf

    def meta_encoding(self, package: int) -> bytes:
        """The meta leaf of a package."""
        entries: list[tuple[Path, bytes]] = []

        def add(path: Path, attributes: Any, external_id: str | None, packages: list[str]) -> None:
            stability = gate(attributes.get("stability", "unknown"))
            value = stability + option(text, external_id) + sequence([text(name) for name in packages])
            if value != b"\x00\x00\x00":
                entries.append((path, value))

        for path, interface in self.interfaces(package):
            add(path, self.resolve.interface(interface), None, [])
        for path, world in self.worlds(package):
            add(path, self.resolve.world(world), None, [])
        for path, item in self.world_items(package):
            if item.form == "interface":
                add(path, item.attributes, item.attributes.get("external_id") if item.under_own_name else None, [])
        for definition in self.definitions(package):
            external_id = definition.attributes.get("external_id") if definition.is_type else None
            add(definition.path, definition.attributes, external_id, self.foreign_packages(definition, package))
        return leaf(DOMAIN_META, entries)

    def foreign_packages(self, definition: Definition, package: int) -> list[str]:
        """The names of the other packages that a type or function refers to."""
        packages = [self.resolve.package_of(interface) for interface in definition.references()]
        return [self.resolve.member("packages", other)["name"] for other in packages if other != package]

    # 4.3 Docs leaf

    def docs_encoding(self, package: int) -> bytes:
        """The docs leaf of a package."""
        entries: list[tuple[Path, bytes]] = []

        def add(path: Path, *candidates: Any) -> None:
            found = next(filter(None, map(normal_docs, candidates)), None)
            if found is not None:
                entries.append((path, text(found)))

        add((), self.resolve.member("packages", package))
        for path, interface in self.interfaces(package):
            add(path, self.resolve.interface(interface))
        for path, world in self.worlds(package):
            add(path, self.resolve.world(world))
        for path, item in self.world_items(package):
            if item.form == "interface" and self.resolve.interface(item.value)["name"] is None:
                add(path, item.attributes, self.resolve.interface(item.value))
        for definition in self.definitions(package):
            add(definition.path, definition.attributes)
            for member in members_of(definition.attributes["kind"]) if definition.is_type else []:
                add((*definition.path, step(0x74, member["name"])), member)
        return leaf(DOMAIN_DOCS, entries)


def gate(stability: Any) -> bytes:
    """A gate of 4.2."""
    if stability == "unknown":
        return b"\x00"
    form, value = single_member(stability)
    if form == "unstable":
        check_members(value, "feature", "deprecated")
        return b"\x01" + text(value["feature"]) + option(text, value.get("deprecated"))
    if form == "stable":
        check_members(value, "since", "deprecated")
        return b"\x02" + text(value["since"]) + option(text, value.get("deprecated"))
    raise FormError(f"unknown stability `{form}`")


# Python's own idea of white space has more members (U+001C to U+001F).
WHITE_SPACE_RANGES = [range(0x9, 0xE), range(0x2000, 0x200B)]
WHITE_SPACE_SINGLE = [0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
WHITE_SPACE = "".join(map(chr, [*WHITE_SPACE_SINGLE, *(point for points in WHITE_SPACE_RANGES for point in points)]))


def normal_docs(attributes: Any) -> str | None:
    """The docs of something in normal form, `None` if nothing is left of them."""
    docs = attributes.get("docs", {"contents": None})
    check_members(docs, "contents")
    contents = docs["contents"] or ""
    lines = [line.rstrip(WHITE_SPACE) for line in contents.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    if not lines:
        return None
    indentation = min(len(line) - len(line.lstrip(" \t")) for line in lines if line)
    return "\n".join(line[indentation:] for line in lines)


# Chapter 5: views


class ViewEncoder(Encoder):
    """Encodes a component's own world, in which references are names."""

    def foreign_type(self, interface: int, name: str) -> bytes:
        return b"\x14" + text(self.resolve.full_name(interface)) + text(name)

    def external_id_of_type(self, definition: Any) -> bytes:
        return option(text, definition.get("external_id"))

    def item_under_own_name(self, item: Item) -> bytes:
        return option(text, item.attributes.get("external_id"))

    def item_under_plain_name(self, item: Item) -> bytes:
        return text(self.resolve.full_name(item.value)) + option(text, item.attributes.get("external_id"))

    def view_id(self, world: int, registered: dict[str, list[int]]) -> list[int]:
        """The view id, given the ids of the registered interfaces by full name."""
        embedded, versioned = self.named_interfaces()
        missing = sorted(versioned.keys() - registered.keys())
        if missing:
            raise FormError(f"no registered id is given for {missing}")
        bodies = [text(name) + self.body(index, Scope(index)) for name, index in by_name(embedded)]
        ids = [text(name) + digest_bytes(registered[name]) for name, _ in by_name(versioned)]
        lists = [self.items(world, False), self.items(world, True), sequence(bodies), sequence(ids)]
        return blob(DOMAIN_VIEW, DOMAIN_VIEW.encode() + b"".join(lists))

    def named_interfaces(self) -> tuple[dict[str, int], dict[str, int]]:
        """The interfaces of packages without a version, and of those with one, by full name."""
        embedded: dict[str, int] = {}
        versioned: dict[str, int] = {}
        for package, name in zip(self.resolve.document["packages"], self.resolve.package_names):
            target = embedded if name.version is None else versioned
            target.update({name.interface(interface): index for interface, index in package["interfaces"].items()})
        return embedded, versioned


# The commands


def describe_package(encoder: PackageEncoder, package: int, with_encodings: bool) -> dict[str, Any]:
    """What `packages` prints of one package."""
    value = encoder.resolve.member("packages", package)
    interfaces, worlds = value["interfaces"], value["worlds"]
    described = {
        "name": value["name"],
        "hash": name_text("w", encoder.package_hash(package)),
        "interfaces": {name: name_text("i", encoder.interface_id(index)) for name, index in interfaces.items()},
        "worlds": {name: name_text("i", encoder.world_id(index)) for name, index in worlds.items()},
        "dependencies": {name: name_text("w", digest) for name, digest in by_name(encoder.dependencies(package))},
    }
    if with_encodings:
        described |= {
            "encoding": encoder.package_encoding(package).hex(),
            "meta": encoder.meta_encoding(package).hex(),
            "docs": encoder.docs_encoding(package).hex(),
            "interface_encodings": {n: encoder.interface_encoding(i).hex() for n, i in interfaces.items()},
            "world_encodings": {n: encoder.world_encoding(i).hex() for n, i in worlds.items()},
        }
    return described


def print_packages(path: str, with_encodings: bool) -> None:
    """The command `packages`."""
    encoder = PackageEncoder(Resolve(parse_json(path)))
    packages = range(len(encoder.resolve.package_names))
    described = [describe_package(encoder, package, with_encodings) for package in packages]
    print(json.dumps(described, indent=2, ensure_ascii=False))


def print_view(path: str, world: int, registered_path: str) -> None:
    """The command `view`."""
    registered = {}
    for name, interface_id in parse_json(registered_path).items():
        if not isinstance(interface_id, str) or not interface_id.startswith("p2:i"):
            raise FormError(f"the id of `{name}` does not begin with `p2:i`")
        registered[name] = parse_digest(interface_id.removeprefix("p2:i"))
    view_id = ViewEncoder(Resolve(parse_json(path))).view_id(world, registered)
    print(name_text("v", view_id))


def input_bytes(source: Any) -> bytes:
    """The bytes that a vector describes."""
    form, value = single_member(source)
    if form == "hex":
        return bytes.fromhex(value)
    if form == "text":
        return value.encode()
    if form == "repeat":
        check_members(value, "byte count")
        return bytes([value["byte"]]) * value["count"]
    if form == "counter":
        check_members(value, "modulus count")
        return bytes(index % value["modulus"] for index in range(value["count"]))
    raise FormError(f"unknown form of input `{form}`")


def elements_of(source: list[str]) -> list[int]:
    """The elements that a vector gives in 16 hexadecimal digits each."""
    for digits in source:
        if not re.fullmatch("(0x)?[0-9a-f]{16}", digits):
            raise FormError(f"`{digits}` is not an element in 16 hexadecimal digits")
    return [int(digits, 16) for digits in source]


def vector_domain(source: str | int) -> int:
    """A domain that a vector gives as a text or as a number."""
    return source if isinstance(source, int) else domain_number(source)


def merge_vector(vector: Any) -> list[int]:
    """The digest of a vector of `merge`."""
    return merge(vector_domain(vector["domain"]), parse_digest(vector["left"]), parse_digest(vector["right"]))


# For each section of a file of vectors: the members of a vector (the last one is the expected result), and how to
# compute that result.
VECTOR_SECTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "permutation": ("input output", lambda v: permute(elements_of(v["input"]))),
    "leaves": ("input digest", lambda v: digest_text(hash_bytes(domain_number("p2leaf1"), input_bytes(v["input"])))),
    "sponge": (
        "domain input digest",
        lambda v: digest_text(hash_bytes(vector_domain(v["domain"]), input_bytes(v["input"]))),
    ),
    "elements": (
        "domain elements digest",
        lambda v: digest_text(hash_elements(vector_domain(v["domain"]), elements_of(v["elements"]))),
    ),
    "merge": ("domain left right digest", lambda v: digest_text(merge_vector(v))),
    "blobs": ("domain input digest", lambda v: digest_text(blob(v["domain"], input_bytes(v["input"])))),
}


def check_vectors(path: str) -> None:
    """The command `hash`."""
    document = parse_json(path)
    # A text for the reader, not a section.
    document.pop("about", None)
    unknown = document.keys() - VECTOR_SECTIONS.keys()
    if unknown or not any(document.values()):
        raise FormError(f"unknown sections: {sorted(unknown)}" if unknown else "there are no vectors")
    for section, vectors in document.items():
        members, compute = VECTOR_SECTIONS[section]
        for position, vector in enumerate(vectors):
            check_members(vector, members)
            expected = vector[members.split()[-1]]
            expected = elements_of(expected) if section == "permutation" else expected
            expect(f"{section}[{position}]", compute(vector), expected)
        print(f"{section}: {len(vectors)} agree")


def expect(what: str, computed: Any, expected: Any) -> None:
    """Fails if a computed value is not the expected one."""
    if computed != expected:
        raise FormError(f"{what}: computed {computed}, expected {expected}")


KNOWN_ANSWER = """
f292ab67c0f14b03 0a32f1b37656544c 053c61ab895498de 02ff92e55b196ffb 58176e8f6f58cab2 b0aa1206e7aec0f8
e90c13f3dce83ca4 f4da15333edf39c2 23b701c053c2ca6c d233d593dcdfbf58 4effa5f9516fb52e 0aaf4489f1f40166
"""

KNOWN_BLOBS = [
    (b"", "d46ecb2b2059b936657ab110db32fb7ecdd029cd6a3d1f8d9321bd10e66dfd96"),
    (b"abc", "8df020c7b0e55cfb3c2edc4a70ab263afaf489eeb2c0d8544fe53e7ac03d5b97"),
    (
        bytes(index % 251 for index in range(10_000)),
        "57261ea4734b56cd6de661a0da19daefe46808043d7fe79b24cb806f837ab69e",
    ),
]


def self_test() -> None:
    """The command `self-test`."""
    first, internal, last = round_constants()
    expect("the first constant", first[0][0], 0x13DCF33ABA214F46)
    expect("the first internal constant", internal[0], 0x4ADF842AA75D4316)
    expect("the last constant", last[-1][-1], 0x962DEBA3E9A2CD94)
    expect("the known answer", permute(list(range(WIDTH))), [int(word, 16) for word in KNOWN_ANSWER.split()])
    leaf_of_nothing = "9cfe62c514ab84a9dd2022106229f9f085e20e8eacea48d9165274b150b3cafc"
    expect("the leaf of nothing", digest_text(hash_bytes(domain_number("p2leaf1"), b"")), leaf_of_nothing)
    for data, expected in KNOWN_BLOBS:
        expect(f"the blob of {len(data)} bytes", digest_text(blob("p2blob1", data)), expected)
    print("the constants, the known answer and the table of chapter 2 agree")


def main() -> int:
    """Runs the command that the arguments name and returns the exit status."""
    parser = argparse.ArgumentParser(description="A second implementation of docs/hash.md.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("self-test", help="check the values that the specification itself gives")
    vectors = commands.add_parser("hash", help="check a file of vectors")
    vectors.add_argument("vectors")
    packages = commands.add_parser("packages", help="print the hashes of the packages of a Resolve")
    packages.add_argument("resolve")
    packages.add_argument("--encodings", action="store_true", help="also print the encodings in hexadecimal")
    view = commands.add_parser("view", help="print the view id of a component")
    view.add_argument("resolve")
    view.add_argument("world", type=int)
    view.add_argument("registered")
    arguments = parser.parse_args()
    try:
        if arguments.command == "self-test":
            self_test()
        elif arguments.command == "hash":
            check_vectors(arguments.vectors)
        elif arguments.command == "packages":
            print_packages(arguments.resolve, arguments.encodings)
        else:
            print_view(arguments.resolve, arguments.world, arguments.registered)
    except (FormError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # Chains of `use` can be long, and each link is a few calls deep.
    sys.setrecursionlimit(1_000_000)
    sys.exit(main())
