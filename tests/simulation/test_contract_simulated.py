"""The simulated ports keep what every port promises: the sentences are those of tests/contract, word for word."""

from tests.contract.test_contract_queue import *  # noqa: F403
from tests.contract.test_contract_store import *  # noqa: F403
from tests.contract.test_contract_topic import *  # noqa: F403
