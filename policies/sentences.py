"""Every reason a person can be given, by its stable id: rules of Cedar, and what the flow refuses before any rule."""

from collections.abc import Iterator, Mapping

from messages import errors
from messages.attachment import REFUSALS
from policies import judge
from policies.decide import Engine


def _flow() -> Iterator[tuple[str, str]]:
    stack: list[type[errors.ShareError]] = [errors.RemoteError]
    while stack:
        error = stack.pop()
        yield error.code, error.says
        stack.extend(error.__subclasses__())


def flow() -> Mapping[str, str]:
    """Codes of refusals that no Cedar rule makes, in words."""
    return {
        **dict(_flow()),
        **judge.SENTENCES,
        **REFUSALS,
        "not-permitted": "No recipient of the message may have it.",
        "key-number": "An encryption key carries the next number after the contact's newest one; this one does not.",
        "key-dates": "An encryption key is stated from now on and at most 30 days ahead; these dates are not such.",
        "key-off-schedule": (
            "An encryption key that comes before it is due needs the countersignature of a second contact of the"
            " agency, of its head, or of an officer."
        ),
        "key-unknown": "The contact never stated the encryption key that is said to be destroyed.",
        "consent-withdrawn": "The consent was withdrawn: it holds no longer, and what rests on it is taken away.",
        "message-unknown": "No message of that id was taken from this agency with anybody to get it.",
        "broker-failed": "The broker could not judge the message, and what cannot be judged is refused.",
        "redaction-refused": "The words of this section could not be made safe for this recipient; they are withheld.",
    }


FLOW: Mapping[str, str] = flow()
"""`flow()` as it stands: the error tree is complete once `messages.errors` is imported."""


def says(identifier: str, engine: Engine | None = None) -> str:
    """The sentence for a rule id or a refusal's code."""
    if identifier in FLOW:
        return FLOW[identifier]
    try:
        return (engine or Engine.load()).rule(identifier).says
    except KeyError:
        return f"Rule {identifier} is not part of this edition of the rules."
