"""AWS over plain sockets: what the worker calls over and over, at a fraction of the work that boto3 makes of it."""

from ports.aws.direct.side import DirectSide

__all__ = ["DirectSide"]
