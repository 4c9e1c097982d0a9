"""(c): the batch processor of Powertools for AWS Lambda, with a pydantic model and one prediction for each message."""

from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from threadpoolctl import threadpool_limits

from benchmarks.bench.consumers.common import Event, Message, Place, Scored, client, delete, publish, receive_ten

_WAIT_S: Final = 20


def main() -> None:
    """Do in a loop what Lambda does around a handler: receive ten, call it, delete what it has not named as failed."""
    place, sqs, sns = Place.here(), client("sqs"), client("sns")
    processor = BatchProcessor(event_type=EventType.SQS)

    def handle(record: SQSRecord) -> None:
        event = Event.model_validate_json(record.body)
        scored = Scored(event, float(place.score([event])[0]))
        if scored.score >= place.threshold:
            publish(sns, place.topic, [scored])

    with threadpool_limits(1):
        while True:
            messages = receive_ten(sqs, place.queue, _WAIT_S)
            if messages:
                event: Any = {"Records": [record_of(message) for message in messages]}
                response = process_partial_response(event, handle, processor, context=None)
                failed = {one["itemIdentifier"] for one in response["batchItemFailures"]}
                delete(sqs, place.queue, [message for message in messages if message["MessageId"] not in failed])


def record_of(message: Message) -> dict[str, Any]:
    """Return a message as Lambda hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:leadline-events",
        "awsRegion": "eu-west-1",
    }


if __name__ == "__main__":
    main()
