"""Write the JSON Schemas: `python -m schemas [FOLDER]`, by default beside the classes that they come from."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from schemas.customer import Customer
from schemas.decision import Decision
from schemas.event import CustomerUpdated, PlainCustomerUpdated
from schemas.lead import Lead
from schemas.manifest import Manifest
from schemas.release import Release

CONTRACTS: Mapping[str, TypeAdapter[BaseModel]] = {
    "customer": TypeAdapter(Customer),
    "event": TypeAdapter(CustomerUpdated | PlainCustomerUpdated),
    "decision": TypeAdapter(Decision),
    "lead": TypeAdapter(Lead),
    "manifest": TypeAdapter(Manifest),
    "release": TypeAdapter(Release),
}


def json_schema(name: str) -> str:
    """Return the JSON Schema of one contract as the text of its file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **CONTRACTS[name].json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    """Write every schema."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name in CONTRACTS:
        (folder / f"{name}.schema.json").write_text(json_schema(name), encoding="utf-8")


if __name__ == "__main__":
    main()
