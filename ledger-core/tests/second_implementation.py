#!/usr/bin/env python3
"""A second implementation of `docs/ledger.md`; chapter numbers below refer to that text.

    second_implementation.py VECTORS.json
        checks every vector: encodings, ids, leaves, trees, lists, and a chain, block by block, with the ways of its
        tokens, their supplies, and what its contracts import

The sponge is that of the second implementation of `docs/hash.md`. A digest is a list of four elements here as there.

Exit status: 0 if all is well, 1 if something differs, 2 for wrong usage.
Only the standard library of Python 3.11 is needed.
"""

import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

HASH_PATH = Path(__file__).resolve().parents[2] / "registry-core" / "tests" / "second_implementation.py"
_specification = importlib.util.spec_from_file_location("second_implementation_of_hash", HASH_PATH)
hashing = importlib.util.module_from_spec(_specification)
sys.modules[_specification.name] = hashing
_specification.loader.exec_module(hashing)

Digest = list[int]
ZERO: Digest = [0, 0, 0, 0]
TREE_DEPTH = 32
STEPS_MAX = 64


class Difference(Exception):
    """What is computed here is not what the vectors say."""


# Chapter 1: encoding. A type is a name of this table, or a tuple of a form and its parts.

RECORDS: dict[str, list[tuple[str, Any]]] = {
    "moment": [("height", "u64"), ("slot", "u64"), ("time", "u64")],
    "input": [("utxo", "digest"), ("version", ("option", "u64"))],
    "transaction": [
        ("chain", "chain"),
        ("nonce", "u64"),
        ("valid from", "u64"),
        ("valid until", "u64"),
        ("inputs", ("list", "input")),
        ("references", ("list", "input")),
        ("call", "call"),
        ("arguments", "bytes"),
        ("gas limit", "u64"),
    ],
    "function call": [("contract", "digest"), ("function", "text")],
    "main call": [("contract", "digest"), ("type", "text"), ("main", "text")],
    "method call": [("utxo", "digest"), ("method", "text")],
    "deploy call": [("contract", "digest"), ("greatest gas limit", ("option", "u64"))],
    "step": [("call", "step call"), ("arguments", "bytes")],
    "method step": [("utxo", "utxo reference"), ("method", "text")],
    "mint step": [("contract", "digest"), ("type", "text"), ("function", "text")],
    "token step": [("token", "token reference"), ("method", "text")],
    "burn step": [("token", "token reference"), ("function", "text")],
    "discard step": [("token", "token reference")],
    "token": [
        ("id", "digest"),
        ("contract", "digest"),
        ("type", "text"),
        ("state", "bytes"),
    ],
    "content": [
        ("state", "bytes"),
        ("callable", "callable"),
        ("tokens", ("list", "token")),
        ("owner", ("option", "digest")),
        ("deposit", "u64"),
    ],
    "utxo": [
        ("id", "digest"),
        ("slot", "u32"),
        ("contract", "digest"),
        ("serial", "u64"),
        ("type", "text"),
        ("version", "u64"),
        ("content", "content"),
    ],
    "contract record": [
        ("contract", "digest"),
        ("view", "digest"),
        ("packages", ("map", "text", "digest")),
        ("imports", ("map", "text", "digest")),
        ("host interface", "digest"),
        ("greatest gas limit", ("option", "u64")),
        ("slot", "u32"),
    ],
    "supply": [("minted", "u64"), ("burned", "u64")],
    "contract counters": [("next serial", "u64"), ("tokens", ("map", "text", "supply"))],
    "failure": [("kind", "failure kind"), ("detail", "text"), ("frames", ("list", "frame"))],
    "frame": [("contract", "digest"), ("object", ("option", "typed object")), ("function", "text")],
    "typed object": [("id", "object"), ("type", "text")],
    "created": [("utxo", "digest"), ("contract", "digest"), ("serial", "u64"), ("slot", "u32"), ("leaf", "digest")],
    "changed": [("utxo", "digest"), ("version", "u64"), ("slot", "u32"), ("leaf", "digest")],
    "consumed": [("utxo", "digest"), ("slot", "u32")],
    "token change": [
        ("token", "digest"),
        ("contract", "digest"),
        ("type", "text"),
        ("from", ("option", "digest")),
        ("to", ("option", "digest")),
    ],
    "event": [
        ("contract", "digest"),
        ("object", ("option", "object")),
        ("interface", "text"),
        ("name", "text"),
        ("arguments", "bytes"),
    ],
    "receipt": [
        ("transaction", "digest"),
        ("outcome", "outcome"),
        ("gas used", "u64"),
        ("created", ("list", "created")),
        ("changed", ("list", "changed")),
        ("consumed", ("list", "consumed")),
        ("ephemeral", ("list", "digest")),
        ("read", ("list", "digest")),
        ("deployed", ("option", "digest")),
        ("tokens", ("list", "token change")),
        ("events", ("list", "event")),
    ],
    "row": [
        ("transaction", "u32"),
        ("timestamp", "u32"),
        ("previous", "u32"),
        ("object", ("option", "object")),
        ("contract", "digest"),
        ("function", "text"),
        ("input", "digest"),
        ("old state", "digest"),
        ("output", "digest"),
        ("new state", "digest"),
        ("gas", "u64"),
        ("host", "digest"),
        ("end", "end"),
    ],
    "header": [
        ("hash version", "u32"),
        ("chain", "chain"),
        ("profile", "digest"),
        ("moment", "moment"),
        ("parent", "digest"),
        ("old root", "digest"),
        ("new root", "digest"),
        ("next slot", "u32"),
        ("contracts root", "digest"),
        ("next contract slot", "u32"),
        ("transactions root", "digest"),
        ("receipts root", "digest"),
        ("claims root", "digest"),
    ],
    "package": [("name", "text"), ("package", "digest"), ("wit", "text")],
    "deployment": [
        ("contract", "digest"),
        ("component", "bytes"),
        ("packages", ("list", "package")),
        ("imports", ("map", "text", "digest")),
    ],
    "block": [
        ("header", "header"),
        ("transactions", ("list", "transaction")),
        ("deployments", ("list", "deployment")),
    ],
}

# The cases of what is one of several; None has no fields.
CASES: dict[str, list[Any]] = {
    "call": ["function call", "main call", "method call", "deploy call", ("list", "step")],
    "step call": ["function call", "main call", "method step", "mint step", "token step", "burn step", "discard step"],
    "utxo reference": ["digest", "u32"],
    "token reference": ["digest", "u32"],
    "object": ["digest", "digest"],
    "callable": [None, ("set", "method id")],
    "outcome": ["failure", "bytes"],
    "failure kind": [None] * 5,
    "end": [None] * 4,
}

DOMAINS = {
    "transaction": "p2txn01",
    "contract record": "p2ctrc1",
    "contract counters": "p2ctrs1",
    "receipt": "p2rcpt1",
    "row": "p2row01",
    "header": "p2blok1",
    "callable": "p2call1",
    "tokens": "p2tokn1",
}


class Reader:
    """Reads an encoding from its first byte to its last."""

    def __init__(self, data: bytes):
        self.data = data
        self.place = 0

    def take(self, size_bytes: int) -> bytes:
        """The next bytes."""
        taken = self.data[self.place : self.place + size_bytes]
        if len(taken) != size_bytes:
            raise Difference("an encoding ends too early")
        self.place += size_bytes
        return taken

    def number(self, size_bytes: int) -> int:
        """An unsigned number."""
        return int.from_bytes(self.take(size_bytes), "little")

    def value(self, kind: Any) -> Any:
        """A value of a type."""
        match kind:
            case "u32":
                return self.number(4)
            case "u64":
                return self.number(8)
            case "digest":
                return hashing.parse_digest(self.take(32).hex())
            case "method id":
                return self.take(32)
            case "bytes":
                return self.take(self.number(4))
            case "text":
                return self.value("bytes").decode("utf-8")
            case "chain":
                return checked_chain(self.value("text"))
            case ("option", part):
                return self.case([None, part])[1]
            case ("list", part):
                return [self.value(part) for _ in range(self.number(4))]
            case ("set", part):
                return ascending([self.value(part) for _ in range(self.number(4))])
            case ("map", key, part):
                entries = [(self.value(key).encode(), self.value(part)) for _ in range(self.number(4))]
                ascending([key for key, _ in entries])
                return {key.decode(): value for key, value in entries}
            case str() if kind in CASES:
                return self.case(CASES[kind])
        return {name: self.value(part) for name, part in RECORDS[kind]}

    def case(self, cases: list[Any]) -> tuple[int, Any]:
        """The number of a case, and its fields."""
        number = self.number(1)
        if number >= len(cases):
            raise Difference(f"there is no case {number}")
        return number, None if cases[number] is None else self.value(cases[number])


def decode(kind: Any, encoding: bytes) -> Any:
    """The object of an encoding; nothing may follow."""
    reader = Reader(encoding)
    value = reader.value(kind)
    if reader.place != len(encoding):
        raise Difference(f"bytes follow the encoding of {kind}")
    return value


def encode(kind: Any, value: Any) -> bytes:
    """The encoding of what `decode` gives."""
    match kind:
        case "u32":
            return value.to_bytes(4, "little")
        case "u64":
            return value.to_bytes(8, "little")
        case "digest":
            return hashing.digest_bytes(value)
        case "method id":
            return value
        case "bytes":
            return encode("u32", len(value)) + value
        case "text" | "chain":
            return encode("bytes", value.encode())
        case ("option", part):
            return b"\x00" if value is None else b"\x01" + encode(part, value)
        case ("list" | "set", part):
            return encode("u32", len(value)) + b"".join(encode(part, item) for item in value)
        case ("map", key, part):
            entries = (encode(key, name) + encode(part, item) for name, item in value.items())
            return encode("u32", len(value)) + b"".join(entries)
        case str() if kind in CASES:
            number, fields = value
            part = CASES[kind][number]
            return bytes([number]) + (b"" if part is None else encode(part, fields))
    return b"".join(encode(part, value[name]) for name, part in RECORDS[kind])


def ascending(keys: list[bytes]) -> list[bytes]:
    """Keys that are sorted and have none twice."""
    if any(first >= second for first, second in zip(keys, keys[1:])):
        raise Difference("a set or map is not strictly ascending")
    return keys


def checked_chain(name: str) -> str:
    """The name of a chain."""
    if not re.fullmatch("[a-z0-9-]{1,64}", name):
        raise Difference(f"`{name}` is not the name of a chain")
    return name


def digest_of(kind: Any, value: Any, domain: str | None = None) -> Digest:
    """`hash(domain, object)`."""
    return hashing.blob(domain or DOMAINS[kind], encode(kind, value))


def elements(domain: str, parts: list[int]) -> Digest:
    """`elements(domain, e)` of hash.md."""
    return hashing.hash_elements(hashing.domain_number(domain), parts)


def merge(domain: str, left: Digest, right: Digest) -> Digest:
    """`merge(domain, left, right)` of hash.md."""
    return hashing.merge(hashing.domain_number(domain), left, right)


def limbs(number: int) -> list[int]:
    """A number as two elements."""
    return [number % 2**32, number // 2**32]


# Chapters 3 and 4: ids and leaves


def utxo_id(chain: str, transaction: Digest, index: int) -> Digest:
    """The id of what a transaction made."""
    return elements("p2utxo1", hashing.blob("p2chai1", chain.encode()) + transaction + [index])


def token_id(chain: str, transaction: Digest, index: int) -> Digest:
    """The id of what a transaction minted."""
    return elements("p2toki1", hashing.blob("p2chai1", chain.encode()) + transaction + [index])


def utxo_leaf(utxo: dict[str, Any]) -> Digest:
    """What stands for a UTXO in the tree."""
    name = hashing.blob("p2type1", utxo["type"].encode())
    identity = elements("p2uidn1", utxo["id"] + utxo["contract"] + name + limbs(utxo["serial"]))
    content = utxo["content"]
    parts = limbs(utxo["version"]) + hashing.blob("p2stat1", content["state"])
    parts += digest_of("callable", content["callable"])
    parts += digest_of(("list", "token"), content["tokens"], "p2tokn1")
    parts += (content["owner"] or ZERO) + limbs(content["deposit"])
    return merge("p2ulea1", identity, elements("p2ucon1", parts))


def tombstone(utxo: Digest) -> Digest:
    """What stands for a consumed UTXO in the tree."""
    return elements("p2utom1", utxo)


def contract_leaf(record: dict[str, Any], counters: dict[str, Any]) -> Digest:
    """What stands for a contract in the tree."""
    return merge("p2ulea1", digest_of("contract record", record), digest_of("contract counters", counters))


# Chapters 5 and 6: trees, lists, chains


def tree_levels(leaves: dict[int, Digest]) -> list[dict[int, Digest]]:
    """Every node that has a used leaf below it, by level; the empty ones stand under the number -1."""
    levels = [leaves | {-1: ZERO}]
    for _ in range(TREE_DEPTH):
        below = levels[-1]
        empty = below[-1]
        above = {-1: merge("p2tree1", empty, empty)}
        for index in sorted({index // 2 for index in below if index >= 0}):
            above[index] = merge("p2tree1", below.get(2 * index, empty), below.get(2 * index + 1, empty))
        levels.append(above)
    return levels


def tree_root(leaves: dict[int, Digest]) -> Digest:
    """The root of a positional tree."""
    root = tree_levels(leaves)[TREE_DEPTH]
    return root.get(0, root[-1])


def siblings(leaves: dict[int, Digest], slot: int) -> list[Digest]:
    """The opening of a slot."""
    levels = tree_levels(leaves)[:TREE_DEPTH]
    return [nodes.get((slot >> level) ^ 1, nodes[-1]) for level, nodes in enumerate(levels)]


def list_root(digests: list[Digest]) -> Digest:
    """The root of a list."""
    level = digests or [ZERO]
    while len(level) > 1:
        pairs = [merge("p2list1", left, right) for left, right in zip(level[::2], level[1::2])]
        level = pairs + level[len(pairs) * 2 :]
    return elements("p2list1", [len(digests), *level[0]])


def chain_root(digests: list[Digest]) -> Digest:
    """The end of a chain of digests."""
    end = ZERO
    for digest in digests:
        end = merge("p2clms1", end, digest)
    return end


# The vectors


def same(what: str, computed: Any, expected: Any) -> None:
    """Compares a result with a vector."""
    if isinstance(computed, list):
        computed = hashing.digest_text(computed)
    if computed != expected:
        raise Difference(f"{what} is {computed}, and the vectors have {expected}")


def decoded(kind: Any, encoding: str) -> Any:
    """The object of an encoding in hexadecimal digits, which must be what it is encoded as again."""
    value = decode(kind, bytes.fromhex(encoding))
    same(f"the encoding of a {kind}", encode(kind, value).hex(), encoding)
    return value


def check_objects(vectors: list[dict[str, Any]]) -> None:
    """Encodings and hashes of single objects."""
    for vector in vectors:
        value = decoded(vector["type"], vector["encoding"])
        same(f"the hash of {vector['name']}", digest_of(vector["type"], value), vector["hash"])


def check_trees(vectors: list[dict[str, Any]]) -> None:
    """Roots and openings of trees."""
    for vector in vectors:
        leaves = {int(slot): hashing.parse_digest(leaf) for slot, leaf in vector["leaves"].items()}
        same("the root of a tree", tree_root(leaves), vector["root"])
        for opening in vector["openings"]:
            found = [hashing.digest_text(sibling) for sibling in siblings(leaves, opening["slot"])]
            same(f"the opening of slot {opening['slot']}", " ".join(found), " ".join(opening["siblings"]))


def check_lists(vectors: list[dict[str, Any]]) -> None:
    """Roots and chains of lists."""
    for vector in vectors:
        digests = [hashing.parse_digest(digest) for digest in vector["digests"]]
        same(f"the root of {len(digests)} digests", list_root(digests), vector["root"])
        same(f"the chain of {len(digests)} digests", chain_root(digests), vector["chain"])


class Tokens:
    """Where each token is, and how many there are of each type, as receipts tell it."""

    def __init__(self) -> None:
        self.holders: dict[str, Digest] = {}
        self.supplies: dict[tuple[str, str], dict[str, int]] = {}

    def follow(self, chain: str, receipt: dict[str, Any]) -> None:
        """What a transaction did to tokens: those that it minted come first."""
        changes = receipt["tokens"]
        minted = [change["token"] for change in changes if change["from"] is None]
        if [change["token"] for change in changes[: len(minted)]] != minted:
            raise Difference("what was minted is not told of first")
        for place, token in enumerate(minted):
            computed = token_id(chain, receipt["transaction"], place)
            same(f"the token at place {place}", computed, hashing.digest_text(token))
        for change in changes:
            self.change(change)

    def change(self, change: dict[str, Any]) -> None:
        """What became of one token."""
        token, kind = hashing.digest_text(change["token"]), (hashing.digest_text(change["contract"]), change["type"])
        if self.holders.pop(token, None) != change["from"]:
            raise Difference(f"the token {token} was somewhere else")
        supply = self.supplies.setdefault(kind, {"minted": 0, "burned": 0})
        supply["minted"] += change["from"] is None
        if change["to"] is None:
            supply["burned"] += 1
        else:
            self.holders[token] = change["to"]

    def check(self, utxos: list[dict[str, Any]], contracts: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """UTXOs hold what was told, and contracts have counted it."""
        held = [(hashing.digest_text(token["id"]), utxo["id"]) for utxo in utxos for token in utxo["content"]["tokens"]]
        if len(held) != len(self.holders) or dict(held) != self.holders:
            raise Difference("UTXOs do not hold the tokens of which receipts tell")
        counted = {
            (hashing.digest_text(record["contract"]), kind): supply
            for record, counters in contracts
            for kind, supply in counters["tokens"].items()
        }
        if counted != self.supplies:
            raise Difference("the supplies of tokens are not those of which receipts tell")


def check_chain(vectors: list[dict[str, Any]]) -> None:
    """Blocks from the genesis on, with everything that was live after each."""
    parent, old_root, height = ZERO, tree_root({}), 0
    deployed: dict[str, dict[str, Any]] = {}
    tokens = Tokens()
    for vector in vectors:
        block = decoded("block", vector["block"])
        header, transactions = block["header"], block["transactions"]
        receipts = [decoded("receipt", receipt) for receipt in vector["receipts"]]
        rows = [decoded("row", row) for row in vector["rows"]]
        same("the version", header["hash version"], 1)
        same("the height", header["moment"]["height"], height)
        same("the parent", header["parent"], hashing.digest_text(parent))
        same("the old root", header["old root"], hashing.digest_text(old_root))
        check_roots(header, transactions, receipts, rows)
        check_transactions(transactions)
        check_deployments(block, deployed)
        for receipt in receipts:
            tokens.follow(header["chain"], receipt)
        check_state(header, vector, deployed, tokens)
        parent, old_root, height = digest_of("header", header), header["new root"], height + 1
        same("the block's id", parent, vector["id"])


def check_roots(header: dict[str, Any], transactions: list[Any], receipts: list[Any], rows: list[Any]) -> None:
    """The roots of what a block's transactions were and did."""
    ids = [digest_of("transaction", transaction) for transaction in transactions]
    same("the transactions root", list_root(ids), hashing.digest_text(header["transactions root"]))
    if [receipt["transaction"] for receipt in receipts] != ids:
        raise Difference("the receipts are not those of the transactions")
    digests = [digest_of("receipt", receipt) for receipt in receipts]
    same("the receipts root", list_root(digests), hashing.digest_text(header["receipts root"]))
    digests = [digest_of("row", row) for row in rows]
    same("the claims root", chain_root(digests), hashing.digest_text(header["claims root"]))
    for place, row in enumerate(rows):
        same("a row's timestamp", row["timestamp"], place + 1)
        same("a row's previous", row["previous"], previous(rows, place, receipts))


def previous(rows: list[Any], place: int, receipts: list[Any]) -> int:
    """The last row of the same object whose effects a row's call could see."""
    row = rows[place]
    for earlier in reversed(rows[:place]):
        same_transaction = earlier["transaction"] == row["transaction"]
        succeeded = receipts[earlier["transaction"]]["outcome"][0] == 1
        if row["object"] is not None and earlier["object"] == row["object"] and (same_transaction or succeeded):
            return earlier["timestamp"]
    return 0


def check_transactions(transactions: list[Any]) -> None:
    """What transactions call stands in the form that it must have: chapter 10, rule 1."""
    for transaction in transactions:
        case, fields = transaction["call"]
        named = [item["utxo"] for item in transaction["inputs"] + transaction["references"]]
        called = [fields["utxo"]] if case == 2 else []
        if case == 4:
            if not 1 <= len(fields) <= STEPS_MAX or transaction["arguments"]:
                raise Difference("a transaction of several calls has no form")
            references = [step["call"][1]["utxo"] for step in fields if step["call"][0] == 2]
            called = [reference for kind, reference in references if kind == 0]
        if case == 3 and (named or transaction["arguments"]) or any(utxo not in named for utxo in called):
            raise Difference("a transaction calls what it does not name")


def check_deployments(block: dict[str, Any], deployed: dict[str, dict[str, Any]]) -> None:
    """What was deployed is what was asked for, and what its hash says; it imports what was deployed before."""
    asked = [fields["contract"] for case, fields in (item["call"] for item in block["transactions"]) if case == 3]
    if asked != [deployment["contract"] for deployment in block["deployments"]]:
        raise Difference("the deployments are not those of the transactions")
    for deployment in block["deployments"]:
        contract = hashing.digest_text(deployment["contract"])
        same("a component's hash", hashing.blob("p2comp1", deployment["component"]), contract)
        for external_id, imported in deployment["imports"].items():
            check_import(external_id, hashing.digest_text(imported), deployed)
        deployed[contract] = deployment


def check_import(external_id: str, imported: str, deployed: dict[str, dict[str, Any]]) -> None:
    """An external id names the contract that is imported."""
    if imported not in deployed:
        raise Difference(f"the contract {imported} is imported and was not deployed")
    sha256 = hashlib.sha256(deployed[imported]["component"]).hexdigest()
    if external_id not in (f"p2:c{imported}", f"sha256:{sha256}"):
        raise Difference(f"`{external_id}` does not name the contract {imported}")


def check_state(
    header: dict[str, Any], vector: dict[str, Any], deployed: dict[str, dict[str, Any]], tokens: Tokens
) -> None:
    """The roots of the state after a block, from everything that is in it."""
    utxos = [decoded("utxo", utxo) for utxo in vector["utxos"]]
    leaves = {utxo["slot"]: utxo_leaf(utxo) for utxo in utxos}
    for consumed in vector["consumed"]:
        leaves[consumed["slot"]] = tombstone(hashing.parse_digest(consumed["utxo"]))
    same("the new root", tree_root(leaves), hashing.digest_text(header["new root"]))
    same("the next slot", header["next slot"], len(leaves))
    contracts = [
        (decoded("contract record", contract["record"]), decoded("contract counters", contract["counters"]))
        for contract in vector["contracts"]
    ]
    leaves = {record["slot"]: contract_leaf(record, counters) for record, counters in contracts}
    same("the contracts root", tree_root(leaves), hashing.digest_text(header["contracts root"]))
    for record, _ in contracts:
        deployment = deployed[hashing.digest_text(record["contract"])]
        packages = {package["name"]: package["package"] for package in deployment["packages"]}
        if (record["imports"], record["packages"]) != (deployment["imports"], packages):
            raise Difference("a contract's record is not that of its deployment")
    tokens.check(utxos, contracts)
    same("the next contract slot", header["next contract slot"], len(contracts))


def check(vectors: dict[str, Any]) -> None:
    """Checks every vector of a file."""
    hashing.check_members(vectors, "objects utxo_ids token_ids leaves trees lists chain")
    check_objects(vectors["objects"])
    for vector in vectors["utxo_ids"]:
        transaction = hashing.parse_digest(vector["transaction"])
        same("the id of a UTXO", utxo_id(vector["chain"], transaction, vector["index"]), vector["id"])
    for vector in vectors["token_ids"]:
        transaction = hashing.parse_digest(vector["transaction"])
        same("the id of a token", token_id(vector["chain"], transaction, vector["index"]), vector["id"])
    for vector in vectors["leaves"]:
        utxo = decoded("utxo", vector["utxo"])
        same("a leaf", utxo_leaf(utxo), vector["leaf"])
        same("a tombstone", tombstone(utxo["id"]), vector["tombstone"])
    check_trees(vectors["trees"])
    check_lists(vectors["lists"])
    check_chain(vectors["chain"])


def main() -> int:
    """The command."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        check(hashing.parse_json(sys.argv[1]))
    except (Difference, hashing.FormError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
