"""(b): boto3 by ten, one prediction for each message, one publish and one delete for each receive."""

from typing import Final

from threadpoolctl import threadpool_limits

from benchmarks.bench.consumers.common import Event, Place, Scored, client, delete, publish, receive_ten

_WAIT_S: Final = 20


def main() -> None:
    """Work until the process is ended."""
    place, sqs, sns = Place.here(), client("sqs"), client("sns")
    with threadpool_limits(1):
        while True:
            messages = receive_ten(sqs, place.queue, _WAIT_S)
            scored = []
            for message in messages:
                event = Event.model_validate_json(message["Body"])
                scored.append(Scored(event, float(place.score([event])[0])))
            publish(sns, place.topic, [one for one in scored if one.score >= place.threshold])
            delete(sqs, place.queue, messages)


if __name__ == "__main__":
    main()
