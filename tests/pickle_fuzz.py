"""
Pickles damaged by chance and correctly signed: what the loader accepts must score the golden rows as the manifest says.

    python -m tests.pickle_fuzz [--count 10000] [--seed 1]

Prints how many were accepted, and which of the walls refused the others. Exit 3: an accepted one scores otherwise.
"""

import argparse
import json
import pickle
import pickletools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from propensity.bundle import BundleError, load
from propensity.scoring import score
from tests.bundles import Keys, make_bundle, new_keys, replace_model
from tests.good_models import packed

KINDS: Final = (
    "tree",
    "forest",
    "boosting of bins",
    "gradient boosting",
    "naive Bayes",
    "support vectors",
    "engineered columns",
    "vote",
)
WALLS: Final = {
    "does not pass inspection": "inspection",
    "the process that tried it": "child",
    "golden row": "golden rows",
    "does not load": "unpickling in the child",
    "no fitted classifier": "unpickling in the child",
}


class Model(NamedTuple):
    """A bundle whose pickle is to be damaged, and the pickle as it was."""

    folder: Path
    pickled: bytes


Mutation = Callable[[bytes, bytes, random.Random], bytes]


def main() -> None:
    """Run by the command line's arguments, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), arguments.count, arguments.seed)
    print(json.dumps({"right": counts["scores otherwise"] == 0, **counts}))
    sys.exit(3 if counts["scores otherwise"] else 0)


def run(folder: Path, count: int, seed: int) -> Counter[str]:
    """Damage, sign and load so many pickles, and count what became of them."""
    keys = new_keys(folder)
    models = [_model(folder / kind, kind, keys) for kind in KINDS]
    # No progress bar: it would be a second thread, and every child a new interpreter.
    return Counter(fate(model, damaged, keys) for model, damaged in mutants(models, count, seed))


def mutants(models: Sequence[Model], count: int, seed: int) -> Iterator[tuple[Model, bytes]]:
    """Damage the models in turn; a third of them twice or more."""
    chance = random.Random(seed)  # noqa: S311  no secret
    for index in range(count):
        model, other = models[index % len(models)], chance.choice(models)
        damaged = model.pickled
        for _ in range(chance.choice((1, 1, 2, 4))):
            damaged = chance.choice(MUTATIONS)(damaged, other.pickled, chance)
        yield model, damaged


def fate(model: Model, damaged: bytes, keys: Keys) -> str:
    """Sign and load a damaged pickle, and say what became of it."""
    replace_model(model.folder, keys, damaged)
    try:
        bundle = load(model.folder, keys.public)
    except BundleError as error:
        return next(wall for words, wall in WALLS.items() if words in str(error))
    golden = bundle.manifest.golden
    found = score(bundle.model, np.array([one.row for one in golden]))
    worst = np.abs(found - [one.score for one in golden]).max()
    return "accepted" if worst <= bundle.manifest.tolerance else "scores otherwise"


def _model(folder: Path, kind: str, keys: Keys) -> Model:
    model = packed(kind)
    make_bundle(folder, model, keys, tolerance=0.0 if kind in ("tree", "forest") else 1e-12)
    return Model(folder, pickle.dumps(model, protocol=5))


def _flip(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Change one bit."""
    damaged = bytearray(data)
    if damaged:
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _number(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Overwrite eight bytes by an uneasy number: counts, indices and lengths are of that size."""
    number = chance.choice((0, 1, -1, 2**31, 2**63 - 1, -(2**63), chance.getrandbits(62)))
    return _overwrite(data, number.to_bytes(8, "little", signed=True), chance)


def _cut(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """End early, and sometimes with a STOP."""
    return data[: chance.randrange(len(data) + 1)] + chance.choice((b"", b"."))


def _without(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Take a piece out."""
    begin = chance.randrange(len(data) + 1)
    return data[:begin] + data[begin + chance.randrange(1, 40) :]


def _twice(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Repeat a piece."""
    begin = chance.randrange(len(data) + 1)
    return data[:begin] + data[begin : begin + chance.randrange(1, 400)] + data[begin:]


def _splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Put a piece of another model in."""
    begin, size = chance.randrange(len(other)), chance.randrange(1, 400)
    return _overwrite(data, other[begin : begin + size], chance)


def _opcode(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Put any opcode in the place of any other."""
    code = chance.choice(pickletools.opcodes).code.encode("latin-1")
    place = chance.choice(_places(data) or [0])
    return data[:place] + code + data[place + 1 :]


def _swap(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Exchange two opcodes and leave their arguments."""
    damaged, places = bytearray(data), _places(data)
    if places:
        one, two = chance.choice(places), chance.choice(places)
        damaged[one], damaged[two] = damaged[two], damaged[one]
    return bytes(damaged)


def _overwrite(data: bytes, piece: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(data) + 1)
    return data[:begin] + piece + data[begin + len(piece) :]


def _places(data: bytes) -> list[int]:
    """Return where opcodes begin, as far as they can be read."""
    places = []
    try:
        for _, _, place in pickletools.genops(data):
            places.append(place or 0)
    except Exception:  # noqa: BLE001  what is damaged can end in any way
        return places
    return places


MUTATIONS: Final[tuple[Mutation, ...]] = (_flip, _flip, _number, _cut, _without, _twice, _splice, _opcode, _swap)


if __name__ == "__main__":
    main()
