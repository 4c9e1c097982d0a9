"""What can be wrong with compiling a model, and with what came of it."""


class CannotCompile(Exception):
    """The estimator holds a part that has no form as plain arrays; the text names it, and says what is done instead."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; the pickle is served")


class BadFile(Exception):
    """The file is refused; the text says why, as the end of a sentence that begins with its name."""
