"""What is still an example's: values that stand there to be replaced by those of an account."""

import json
import re
from collections.abc import Iterator
from typing import Final

from leadline.doctor.finding import Note, Said
from leadline.doctor.manifests import Manifests, label

_EXAMPLES: Final = {
    "AWS's example account 111122223333": re.compile(r"(?<!\d)111122223333(?!\d)"),
    "the certificate of zeros": re.compile(r":certificate/0{8}(?:-0{4}){3}-0{12}"),
    "a host of bank.example": re.compile(r"(?<![\w-])bank\.example(?![\w-])"),
}


def left_over(manifests: Manifests) -> Iterator[Said]:
    """An account, a certificate or a host that nobody has: right in an example, and of no use in a cluster."""
    texts = [(label(tree), json.dumps(tree, default=str)) for tree in manifests.objects]
    for what, pattern in _EXAMPLES.items():
        places = [place for place, text in texts if pattern.search(text)]
        if places:
            yield Note(f"{what} stands in {', '.join(places)}; give your own in the overlay's environment.env")
