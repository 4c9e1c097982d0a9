"""From our pydantic models to what msgspec reads, by the same bounds and in a fraction of the time."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.customer import NO_CONTROLS

Read = Callable[[bytes], Any]
"""Reads JSON; raises ValueError or RecursionError."""

_VALIDATORS: Final = ("validators", "field_validators", "root_validators", "model_validators")


def form_of(
    model: type[BaseModel],
    needed: Collection[str],
    *,
    base: type[msgspec.Struct] = msgspec.Struct,
    others: Mapping[str, object] = MappingProxyType({}),
) -> type[msgspec.Struct]:
    """
    Return a model's fields as a form that msgspec reads.

    Args:
        model: Whose fields, and whose bounds.
        needed: The names of those that may not be absent or null. Of the others, what does not come is None.
        base: What the form is besides.
        others: Types in place of some, or of more.

    Raises:
        TypeError: A rule of the model would be lost.
    """
    if any(getattr(model.__pydantic_decorators__, kind) for kind in _VALIDATORS):
        raise TypeError(f"the quick way knows no validators, and {model.__name__} has some")
    fields = {
        name: others.get(name) or _kind(field, is_needed=name in needed) for name, field in model.model_fields.items()
    }
    required = {name for name, field in model.model_fields.items() if field.is_required()} | set(needed)
    every = [(name, kind) if name in required else (name, kind, None) for name, kind in {**others, **fields}.items()]
    return msgspec.defstruct(f"Quick{model.__name__}", every, bases=(base,), kw_only=True, frozen=True, gc=False)


def optional_in(form: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names of the fields that may be absent."""
    return tuple(field.name for field in msgspec.structs.fields(form) if not field.required)


def _kind(field: FieldInfo, *, is_needed: bool) -> Any:  # noqa: ANN401  a type as a value
    """Return what msgspec takes for the type of a field; raises TypeError where a rule would be lost."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)
    bounded = [_bounded(kind, field.metadata) for kind in kinds if not (is_needed and kind is NoneType)]
    return Union[tuple(bounded)]  # noqa: UP007  of a tuple


def _bounded(kind: Any, metadata: Iterable[object]) -> Any:  # noqa: ANN401  types as values
    if get_origin(kind) is Annotated:
        kind, *inner = get_args(kind)
        metadata = [*metadata, *(one for info in inner for one in info.metadata)]
    bounds = {name: value for one in metadata for name, value in _bound(one)}
    return Annotated[kind, msgspec.Meta(**bounds)] if bounds and kind is not NoneType else kind


def _bound(rule: object) -> Iterator[tuple[str, Any]]:
    match rule:
        case annotated_types.Ge(ge=least):
            yield "ge", least
        case annotated_types.Le(le=most):
            yield "le", most
        case annotated_types.MinLen(min_length=least):
            yield "min_length", least
        case annotated_types.MaxLen(max_length=most):
            yield "max_length", most
        case object(pattern=pattern) if pattern == NO_CONTROLS:
            pass  # only ids have it, and `worker.quick` lets fewer characters through
        case _:
            raise TypeError(f"the quick way knows no rule like {rule!r}")


def readers_of(form: type[msgspec.Struct]) -> tuple[Read, Read]:
    """Return what reads one from JSON, and many."""

    def model(kind: type[BaseModel], value: object) -> BaseModel:
        return kind.model_validate(value)

    many: Any = list[form]  # type: ignore[valid-type]  # which only a run knows
    return msgspec.json.Decoder(form, dec_hook=model).decode, msgspec.json.Decoder(many, dec_hook=model).decode
