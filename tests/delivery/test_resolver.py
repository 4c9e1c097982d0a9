"""What the tests take a template to say is what CloudFormation takes it to say."""

from pathlib import Path

import pytest

from tests.delivery.templates import Template, Unresolved

TEMPLATE = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Stage: {Type: String, Default: prod}
Mappings:
  Sizes: {prod: {Nodes: 3}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsNot: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsNot]
  Either: !Or [!Condition IsProd, !Condition IsNot]
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "q-${Stage}"}}
  Never: {Type: AWS::SQS::Queue, Condition: Both}
  Thing:
    Type: AWS::Some::Thing
    Condition: Either
    Properties:
      Url: !Ref Queue
      Arn: !GetAtt Queue.Arn
      LongForm: {"Fn::GetAtt": [Queue, Arn]}
      Sub: !Sub ["${Queue.Arn}/${Mine}/${AWS::Region}/${!Kept}", {Mine: !Select [1, !Ref Names]}]
      Joined: !Join ["-", [x, !Ref AWS::AccountId]]
      Split: !Select [1, !Split ["//", "https://issuer"]]
      Mapped: !FindInMap [Sizes, !Ref Stage, Nodes]
      Other: !ImportValue leadline-Thing
      Chosen: !If [IsProd, yes-it-is, no-it-is-not]
      Left: !If [IsNot, x, !Ref AWS::NoValue]
      List: [1, !If [IsNot, 2, !Ref AWS::NoValue], 3]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(TEMPLATE)
    return path


def test_functions_are_resolved(file: Path) -> None:
    arn = "arn:aws:sqs:eu-west-1:123456789012:q-prod"

    assert {
        "Url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q-prod",
        "Arn": arn,
        "LongForm": arn,
        "Sub": f"{arn}/b/eu-west-1/${{Kept}}",
        "Joined": "x-123456789012",
        "Split": "issuer",
        "Mapped": 3,
        "Other": "imported",
        "Chosen": "yes-it-is",
        "List": [1, 3],
    } == Template(file, imports={"leadline-Thing": "imported"}).properties("Thing")


def test_conditions_say_what_is_made(file: Path) -> None:
    assert {"Queue", "Thing"} == set(Template(file).resources)


def test_what_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(Unresolved, match="nobody exports"):
        Template(file).properties("Thing")
    with pytest.raises(Unresolved, match="no parameter"):
        Template(file, {"Stgae": "dev"})
    with pytest.raises(Unresolved, match="no resource Nothing"):
        Template(file).resolve({"Ref": "Nothing"})
    with pytest.raises(Unresolved, match="Fn::Transform"):
        Template(file).resolve({"Fn::Transform": {}})
