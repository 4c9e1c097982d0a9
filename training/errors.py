"""What training raises on purpose. In each case nothing was written, and a bundle that was there stays as it was."""


class TrainingError(Exception):
    """Base of the errors below: one line that names the thing, the value and the way out."""


class DataError(TrainingError):
    """The data cannot be used."""


class UnknownCandidate(TrainingError):
    """No candidate has that name."""


class NonePackable(TrainingError):
    """All candidates keep rows of customers inside, and nobody has allowed that; or no worker would load them."""


class DestinationError(TrainingError):
    """The bundle cannot be written there."""
