"""Which kind explains which others when a log shows both; read from ``catalogue/precedence.json`` so that order is never code order."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import Kind


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Kind
    symptoms: tuple[Kind, ...] = Field(min_length=1)
    why: str = Field(min_length=8)


class _PrecedenceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    rules: tuple[_Rule, ...]


@dataclass(frozen=True, slots=True)
class Precedence:
    """``why[cause, symptom]`` says why the first kind explains the second."""

    why: dict[tuple[Kind, Kind], str]

    def explains(self, cause: Kind, symptom: Kind) -> bool:
        """Tell whether one kind explains another."""
        return (cause, symptom) in self.why


def load_precedence(text: str) -> Precedence:
    """Read the rules; raises pydantic's ValidationError or ValueError for two kinds that explain each other."""
    parsed = _PrecedenceFile.model_validate_json(text)
    why = {(rule.cause, symptom): rule.why for rule in parsed.rules for symptom in rule.symptoms}
    for cause, symptom in why:
        if (symptom, cause) in why:
            message = f"{cause} and {symptom} explain each other"
            raise ValueError(message)
    return Precedence(why)
