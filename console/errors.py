"""The one error that a request can meet on purpose."""

from collections.abc import Mapping


class Refused(Exception):
    """The request is not answered, and the client is told why. The text never quotes what it sent: that is data."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        field: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        Say what is wrong.

        Args:
            status: The status of the answer.
            reason: A code for programs.
            message: The thing and the way out, for people.
            field: JSON pointer, or the name of a parameter.
            headers: Further headers of the answer.
        """
        super().__init__(message)
        self.status, self.reason, self.field, self.headers = status, reason, field, headers or {}
