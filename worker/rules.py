"""What settings must hold together, and what a worker needs of them before it starts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ports import BadAddress
from ports.addresses import check_bundle, check_queue, check_store, check_topic, queue_region
from worker.settings import Settings, variable


class Rule(NamedTuple):
    """One thing that must hold, the settings that it concerns, and what to say where it does not."""

    holds: bool
    names: frozenset[str]
    fault: str


def contradictions(s: Settings) -> list[Rule]:
    """Return the rules that settings must keep among each other."""
    return [
        _rule(
            s.visibility_timeout_s > s.wait_time_s + 5,
            "visibility_timeout_s wait_time_s",
            f"LEADLINE_VISIBILITY_TIMEOUT_S is {s.visibility_timeout_s}: it must exceed LEADLINE_WAIT_TIME_S + 5 "
            f"({s.wait_time_s + 5}), or a lease may end before its receive has answered",
        ),
        _rule(
            s.drain_timeout_s >= s.wait_time_s + 10,
            "drain_timeout_s wait_time_s",
            f"LEADLINE_DRAIN_TIMEOUT_S is {s.drain_timeout_s}: it must be at least LEADLINE_WAIT_TIME_S + 10 "
            f"({s.wait_time_s + 10}), since a receive in flight is awaited",
        ),
        _rule(
            s.retry_cap_s >= s.retry_base_s,
            "retry_cap_s retry_base_s",
            f"LEADLINE_RETRY_CAP_S is {s.retry_cap_s:g}: it must be at least "
            f"LEADLINE_RETRY_BASE_S ({s.retry_base_s:g})",
        ),
        _rule(
            s.batch_max_size <= s.max_in_flight,
            "batch_max_size max_in_flight",
            f"LEADLINE_BATCH_MAX_SIZE is {s.batch_max_size}: it must be at most LEADLINE_MAX_IN_FLIGHT "
            f"({s.max_in_flight})",
        ),
        _rule(
            _all_different(s.queue, s.quarantine, s.dlq),
            "queue quarantine dlq",
            f"LEADLINE_QUEUE is {s.queue}: LEADLINE_QUARANTINE ({s.quarantine}) and LEADLINE_DLQ ({s.dlq}) must be "
            "other queues",
        ),
        *_addresses(s),
    ]


def worker_needs(s: Settings, environ: Mapping[str, str]) -> list[Rule]:
    """Return the rules for a worker: what it cannot run without, and what it must not have where it runs."""
    in_kubernetes = "KUBERNETES_SERVICE_HOST" in environ
    rules = [
        _rule(s.queue is not None, "queue", "LEADLINE_QUEUE is not set; give an SQS queue URL or sqlite:///FILE"),
        _rule(s.model is not None, "model", "LEADLINE_MODEL is not set; give a bundle's folder or s3://bucket/prefix/"),
        _rule(
            s.topic != "none" or s.store != "none",
            "topic store",
            "LEADLINE_TOPIC is not set; give an SNS ARN, a file, or none with LEADLINE_STORE",
        ),
        _rule(
            s.public_key is not None or s.allow_unsigned,
            "public_key allow_unsigned",
            "LEADLINE_PUBLIC_KEY is not set; give the PEM file of the key that signs bundles "
            "(on a laptop LEADLINE_ALLOW_UNSIGNED=true does without)",
        ),
        _rule(
            s.public_key is None or s.public_key.is_file(),
            "public_key",
            f"LEADLINE_PUBLIC_KEY is {s.public_key}: there is no such file; give the PEM file of the key that signs",
        ),
        _rule(
            not (in_kubernetes and s.allow_unsigned),
            "allow_unsigned",
            "LEADLINE_ALLOW_UNSIGNED is true: refused inside Kubernetes; set LEADLINE_PUBLIC_KEY instead",
        ),
    ]
    return rules + [_not_embedded(s, name) for name in ("queue", "quarantine", "dlq", "store") if in_kubernetes]


def _addresses(s: Settings) -> list[Rule]:
    """Return a rule for each address that is set: it must have one of the forms that there are."""
    checks = [
        ("queue", check_queue),
        ("quarantine", check_queue),
        ("dlq", check_queue),
        ("store", check_store),
        ("topic", check_topic),
        ("model", check_bundle),
    ]
    return [_address(name, getattr(s, name), check) for name, check in checks if getattr(s, name) is not None]


def _address(name: str, url: str, check: Callable[[str], None]) -> Rule:
    try:
        check(url)
    except BadAddress as error:
        return _rule(False, name, f"{variable(name)}: {error}")
    return _rule(True, name, "")


def _all_different(*urls: str | None) -> bool:
    """Tell queues apart, whichever way they are spelt: a file by another path, or SQS by another of its hosts."""
    named = [_plain(url) for url in urls if url is not None]
    return len(named) == len(set(named))


def _plain(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path != url:
        return str(Path(path).resolve())
    try:
        region = queue_region(url)
    except ValueError:  # it is no URL, as another rule says
        return url
    return url if region is None else f"{region}{urlsplit(url).path}"


def _not_embedded(s: Settings, name: str) -> Rule:
    value = str(getattr(s, name))
    return _rule(
        not value.startswith("sqlite:"),
        name,
        f"{variable(name)} is {value}: refused inside Kubernetes, where a pod's files go with it; give the AWS service",
    )


def _rule(holds: bool, names: str, fault: str) -> Rule:
    return Rule(holds, frozenset(names.split()), fault)
