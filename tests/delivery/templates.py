"""CloudFormation templates, read with their short tags, and resolved for given parameters to names and ARNs."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.delivery.kinds import KINDS, Kind

INFRA: Final = Path(__file__).parent.parent.parent / "infra"
ACCOUNT: Final = "123456789012"
"""moto's own, so that what is resolved here is what moto makes."""
REGION: Final = "eu-west-1"
PARTITION: Final = "aws"
_NOTHING: Final = object()
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")


class Unresolved(Exception):
    """The template asks for something that is not there."""


class _Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": "x"}`."""


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> Any:  # noqa: ANN401  YAML can be anything
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def read(path: Path) -> dict[str, Any]:
    """Return a template in the long form of its functions."""
    template = yaml.load(path.read_text(), _Loader)  # noqa: S506  a safe loader, with more tags
    assert isinstance(template, dict), f"{path} holds no mapping; a template is one"
    return template


class Template:
    """A template with values for its parameters. What AWS would make up (a key's id) is named by its logical id."""

    def __init__(
        self, path: Path, parameters: Mapping[str, Any] | None = None, imports: Mapping[str, str] | None = None
    ) -> None:
        """
        Take a template.

        Args:
            path: Its file.
            parameters: Values that differ from the defaults; a parameter without either is named by its own name.
            imports: What other stacks export, by name.

        Raises:
            Unresolved: There is no such parameter.
        """
        self.path, self.content, self._imports = path, read(path), dict(imports or {})
        declared = self.content.get("Parameters", {})
        if unknown := set(parameters or {}) - set(declared):
            raise Unresolved(f"{path} has no parameter {sorted(unknown)}; it has {sorted(declared)}")
        self._parameters = {name: _given(name, one, parameters or {}) for name, one in declared.items()}

    @property
    def exports(self) -> dict[str, str]:
        """What the stack exports: name -> value."""
        outputs = [one for one in self.content.get("Outputs", {}).values() if self._is_made(one) and "Export" in one]
        return {self.resolve(one["Export"]["Name"]): self.resolve(one["Value"]) for one in outputs}

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are made for these parameters, as they stand in the template, by logical id."""
        return {name: one for name, one in self.content["Resources"].items() if self._is_made(one)}

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resolved properties of all resources of a type, by logical id."""
        return {name: self.properties(name) for name, one in self.resources.items() if one["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        """Return the resolved properties of a resource."""
        return dict(self.resolve(self._resource(name).get("Properties", {})))

    def arn(self, name: str) -> str:
        """Return a resource's ARN."""
        return str(self._attribute(name, "Arn"))

    def resolve(self, node: Any) -> Any:  # noqa: ANN401  YAML can be anything
        """
        Return a part of the template without functions.

        Raises:
            Unresolved: It names what is not there, or asks for a function that we do not know.
        """
        if isinstance(node, list):
            return [value for one in node if (value := self.resolve(one)) is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        pairs = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in pairs.items() if value is not _NOTHING}

    def _call(self, name: str, argument: Any) -> Any:  # noqa: ANN401  YAML can be anything
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Unresolved(f"{self.path} uses {name}, which tests/delivery/templates.py does not know; teach it")
        return function(self, argument)

    def _ref(self, name: str) -> Any:  # noqa: ANN401  of a parameter
        pseudo = {
            "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": PARTITION, "AWS::NoValue": _NOTHING,
            "AWS::StackName": f"leadline-{self.path.stem}", "AWS::URLSuffix": "amazonaws.com",
        }  # fmt: skip
        if name in pseudo:
            return pseudo[name]
        return self._parameters[name] if name in self._parameters else self._attribute(name, "Ref")

    def _attribute(self, name: str, attribute: str) -> Any:  # noqa: ANN401  of a resource
        resource = self._resource(name)
        kind = KINDS.get(resource["Type"], Kind("", "", "{id}"))
        own = self.resolve(resource.get("Properties", {}).get(kind.name)) if kind.name else None
        words = {"id": name, "name": own or f"leadline-{self.path.stem}-{name}", "account": ACCOUNT, "region": REGION}
        arn = kind.arn.format(**words) or f"arn:aws:{resource['Type']}:{REGION}:{ACCOUNT}:{name}"
        known = {"Ref": kind.ref.format(arn=arn, **words), "Arn": arn, "TopicArn": arn}
        known |= {"QueueName": words["name"], "TopicName": words["name"]}
        return known.get(attribute, f"{name}.{attribute}")

    def _resource(self, name: str) -> dict[str, Any]:
        if name not in self.content["Resources"]:
            raise Unresolved(f"{self.path} has no parameter and no resource {name}")
        return dict(self.content["Resources"][name])

    def _is_made(self, part: Mapping[str, Any]) -> bool:
        return self._holds({"Condition": part["Condition"]}) if "Condition" in part else True

    def _holds(self, node: Any) -> bool:  # noqa: ANN401  YAML can be anything
        if isinstance(node, str):
            return self._holds(self.content["Conditions"][node])
        [(name, argument)] = node.items()
        if name == "Condition":
            return self._holds(argument)
        if name == "Fn::Equals":
            return bool(self.resolve(argument[0]) == self.resolve(argument[1]))
        hold = [self._holds(one) for one in argument]
        return {"Fn::Not": not hold[0], "Fn::And": all(hold), "Fn::Or": any(hold)}[name]

    def _sub(self, argument: Any) -> str:  # noqa: ANN401  a text, or a text and its variables
        text, more = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in more:
                return str(self.resolve(more[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return _VARIABLE.sub(value, text)

    def _import(self, argument: Any) -> str:  # noqa: ANN401  a name, or what makes one
        name = self.resolve(argument)
        if name not in self._imports:
            raise Unresolved(f"{self.path} imports {name}, which nobody exports; there is {sorted(self._imports)}")
        return self._imports[name]


_Function = Callable[[Template, Any], Any]
_FUNCTIONS: Final[dict[str, _Function]] = {
    "Ref": lambda t, a: t._ref(a),
    "Fn::GetAtt": lambda t, a: t._attribute(a[0], ".".join(a[1:])),
    "Fn::Sub": lambda t, a: t._sub(a),
    "Fn::ImportValue": lambda t, a: t._import(a),
    "Fn::If": lambda t, a: t.resolve(a[1] if t._holds(a[0]) else a[2]),
    "Fn::Join": lambda t, a: a[0].join(map(str, t.resolve(a[1]))),
    "Fn::Split": lambda t, a: t.resolve(a[1]).split(a[0]),
    "Fn::Select": lambda t, a: t.resolve(a[1])[int(t.resolve(a[0]))],
    "Fn::FindInMap": lambda t, a: t.content["Mappings"][t.resolve(a[0])][t.resolve(a[1])][t.resolve(a[2])],
    "Fn::Base64": lambda t, a: t.resolve(a),
    "Fn::GetAZs": lambda _t, _a: [f"{REGION}{zone}" for zone in "abc"],
    "Fn::Cidr": lambda t, a: [f"{t.resolve(a[0])}#{number}" for number in range(int(t.resolve(a[1])))],
}


def _given(name: str, declared: Mapping[str, Any], given: Mapping[str, Any]) -> Any:  # noqa: ANN401  of any type
    value = given.get(name, declared.get("Default", name))
    is_list = declared["Type"] == "CommaDelimitedList" or declared["Type"].startswith("List<")
    return str(value).split(",") if is_list and not isinstance(value, list) else value
