"""Which kind explains which others when a log shows both; read from ``catalogue/precedence.json`` so that order is never code order."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import Kind


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Kind
    symptoms: tuple[Kind, ...] = Field(min_length=1)
    why: str = Field(min_length=8)


class _Exception(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str = Field(min_length=3)
    over: tuple[Kind, ...] = Field(min_length=1)
    why: str = Field(min_length=8)


class _PrecedenceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    rules: tuple[_Rule, ...]
    exceptions: tuple[_Exception, ...] = ()


@dataclass(frozen=True, slots=True)
class Precedence:
    """``why[cause, symptom]`` says why the first kind explains the second.

    ``outranks[pattern, kind]`` says why one pattern, where it speaks loudest for its kind, explains another kind whatever the rule is.
    """

    why: dict[tuple[Kind, Kind], str]
    outranks: dict[tuple[str, Kind], str] = field(default_factory=dict)

    def explains(self, cause: Kind, symptom: Kind) -> bool:
        """Tell whether one kind explains another."""
        return (cause, symptom) in self.why

    def reason(self, cause: tuple[str, Kind], symptom: tuple[str, Kind]) -> str:
        """Say why the pattern and kind of a cause explain those of a symptom; "" when they do not."""
        if (symptom[0], cause[1]) in self.outranks:
            return ""
        return self.outranks.get((cause[0], symptom[1])) or self.why.get((cause[1], symptom[1]), "")


def load_precedence(text: str) -> Precedence:
    """Read the rules; raises pydantic's ValidationError or ValueError for two kinds that explain each other."""
    parsed = _PrecedenceFile.model_validate_json(text)
    why = {(rule.cause, symptom): rule.why for rule in parsed.rules for symptom in rule.symptoms}
    for cause, symptom in why:
        if (symptom, cause) in why:
            message = f"{cause} and {symptom} explain each other"
            raise ValueError(message)
    return Precedence(why, {(one.pattern, kind): one.why for one in parsed.exceptions for kind in one.over})
