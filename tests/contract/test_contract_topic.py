"""What every topic promises, embedded or on SNS."""

from collections.abc import Callable, Sequence

from ports import Topic
from schemas.lead import Lead

MakeLead = Callable[..., Lead]
TopicAndReader = tuple[Topic, Callable[[], Sequence[str]]]


def test_every_lead_arrives_whole_and_as_it_was_published(
    topic_and_reader: TopicAndReader, make_lead: MakeLead
) -> None:
    topic, read = topic_and_reader
    leads = [make_lead(number, score=number / 7) for number in range(3)]

    assert [] == topic.publish(leads)

    assert leads == sorted((Lead.model_validate_json(body) for body in read()), key=lambda lead: lead.id)


def test_a_lead_that_is_published_again_is_the_same_to_the_byte(
    topic_and_reader: TopicAndReader, make_lead: MakeLead
) -> None:
    topic, read = topic_and_reader

    topic.publish([make_lead()])
    topic.publish([make_lead()])

    first, second = read()
    assert first == second


def test_more_than_ten_leads_are_published_in_one_call(topic_and_reader: TopicAndReader, make_lead: MakeLead) -> None:
    topic, read = topic_and_reader

    assert [] == topic.publish([make_lead(number) for number in range(12)])

    assert 12 == len(read())


def test_nothing_to_publish_is_no_failure(topic_and_reader: TopicAndReader) -> None:
    topic, read = topic_and_reader

    assert [] == topic.publish([])
    assert [] == list(read())
