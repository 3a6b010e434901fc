"""Which standard procedure a local name may mean, with the reason and the rule that would say so.

First a code of a published vocabulary, then what the same words are called elsewhere, then words in common: the share
of what both speak of (anatomy and task weigh most), so that a person sees why, and what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dose.naming.codes import code_key
from dose.naming.concepts import concepts, concepts_in, of_group, together
from dose.naming.fields import Values
from dose.naming.modalities import family
from dose.naming.rules import IS, ONE_OF, Condition

CODE, ELSEWHERE, WORDS = "code", "elsewhere", "words"
FORMAL = ("procedure_meaning", "requested_procedure", "description", "clinical_task")
CERTAIN, LEAD, SHOWN = 0.7, 0.05, 0.4  # what may be accepted in bulk, so far before the next; worth looking at
_TOLD = FORMAL[:-1]  # an intent says nothing about anatomy
_ALSO = {"PX": "DX", "IO": "DX", "XA": "RF", "RF": "XA"}  # modalities whose procedures a room may do as well
_DENTAL = frozenset({"PX", "IO"})
_PER_PROTOCOL = frozenset({"DX", "MG", *_DENTAL})  # a protocol there is one projection, not a phase of many


@dataclass(frozen=True, slots=True)
class Known:
    """A procedure that may be suggested; `also`: its names in other languages, where words of them count, too."""

    id: int
    name: str
    modality: str | None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A procedure with its reason and the conditions of a rule that would name it so.

    `reason` is code (`said` is the code), elsewhere (`said` is how many studies) or words: `said` are the concepts in
    common, `missing` those of the procedure that the name does not state, `surplus` those of the name that the
    procedure does not have. `score` of 0 to 1.
    """

    procedure_id: int
    score: float
    reason: str
    said: tuple[str, ...]
    conditions: tuple[Condition, ...]
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()


def is_certain(found: Sequence[Suggestion]) -> bool:
    """Whether the first of some suggestions is good enough, and so far before the next, to be accepted with others."""
    if not found or found[0].score < CERTAIN:
        return False
    return len(found) == 1 or found[0].score - found[1].score >= LEAD


class Suggester:
    """Procedures made ready to be compared with many names; `codes` as `dose.naming.rules.Rules` has them."""

    def __init__(self, procedures: Iterable[Known], codes: Mapping[str, int]) -> None:
        self._codes = codes
        self._by_modality: dict[str | None, list[tuple[Known, frozenset[str]]]] = {}
        for one in procedures:
            texts = (part for name in (one.name, *one.also) for part in name.replace("(generic)", "").split("("))
            said = together(*map(concepts_in, texts))
            if said:
                self._by_modality.setdefault(family(one.modality), []).append((one, said))

    def suggest(
        self, values: Values, elsewhere: Mapping[int, int] | None = None, most: int = 3
    ) -> tuple[Suggestion, ...]:
        """The best suggestions, the best first; none when nothing speaks for any.

        Parameters
        ----------
        values
            Of a local name (`of_local_name`).
        elsewhere
            Studies with the same words that are named already, by procedure.
        """
        found = [*self._by_code(values), *self._elsewhere(values, elsewhere or {}), *self._by_words(values)]
        found.sort(key=lambda one: -one.score)
        best: dict[int, Suggestion] = {}
        for one in found:
            best.setdefault(one.procedure_id, one)
        return tuple(best.values())[:most]

    def _by_code(self, values: Values) -> Iterable[Suggestion]:
        for code in values["procedure_code"]:
            for scheme in (values.get("procedure_scheme"), "LN"):
                procedure = self._codes.get(code_key(code, scheme) or "")
                if procedure is not None:
                    said = (Condition("procedure_code", IS, code),)
                    yield Suggestion(procedure, 1.0, CODE, (code,), said)
                    return

    def _elsewhere(self, values: Values, studies: Mapping[int, int]) -> Iterable[Suggestion]:
        total = sum(studies.values())
        for procedure, count in studies.items():
            yield Suggestion(procedure, 0.98 * count / total, ELSEWHERE, (str(count),), plain_conditions(values))

    def _by_words(self, values: Values) -> Iterable[Suggestion]:
        formal, views, contrast = _said(values)
        said = together(formal, views, contrast)
        if not of_group(said, "anatomy", "task"):
            return
        modality = family(values["modality"])
        others = self._by_modality.get(_ALSO.get(modality or "", ""), ())
        for one, wanted in (*self._by_modality.get(modality, ()), *others):
            score = _score(said, wanted)
            if score >= SHOWN:
                asked = plain_conditions(values, views=bool(wanted & views), contrast=bool(wanted & contrast))
                yield Suggestion(one.id, score, WORDS, _sorted(said & wanted), asked, _sorted(wanted - said),
                                 _sorted(said - wanted))  # fmt: skip


def _said(values: Values) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """What the name speaks of, what only its protocols say about views, what its acquisitions say about contrast."""
    formal = together(*(concepts_in(text) for key in _TOLD for text in values[key]))
    protocols = together(*(concepts_in(text) for text in values["protocol"]))
    if not of_group(formal, "anatomy", "task"):
        formal = together(formal, protocols)
    if not of_group(formal, "anatomy", "task"):
        formal = together(formal, *(concepts_in(text) for text in values["body_region"]))
    views = frozenset() if of_group(formal, "view") else of_group(protocols, "view")
    contrast = frozenset() if of_group(formal, "contrast") else frozenset(values["contrast"])
    return formal, views, contrast


def _score(said: frozenset[str], wanted: frozenset[str]) -> float:
    known = concepts()
    shared = sum(known[key].weight for key in said & wanted)
    lacking = sum(known[key].weight for key in wanted - said)
    surplus = sum(known[key].surplus for key in said - wanted)
    if of_group(said - wanted, "contrast") and of_group(wanted - said, "contrast"):
        lacking += 1  # it says the contrary
    return shared / (shared + lacking + surplus) if shared else 0.0


def plain_conditions(values: Values, *, views: bool = False, contrast: bool = False) -> tuple[Condition, ...]:
    """The conditions that hold for names like this one: its code or its formal words, else its protocols."""
    fields = [
        key for key in ("procedure_code", "description", "requested_procedure", "procedure_meaning") if values[key]
    ]
    asked = [Condition(fields[0], IS, values[fields[0]][0])] if fields else []
    if values["protocol"] and (views or not fields):
        asked.append(_one_of("protocol", values["protocol"]))
    if not asked and values["body_region"]:
        asked.append(_one_of("body_region", values["body_region"]))
    if contrast and values["contrast"]:
        asked.append(Condition("contrast", IS, values["contrast"][0]))
    return tuple(asked)


def _one_of(field: str, texts: Sequence[str]) -> Condition:
    return Condition(field, IS, texts[0]) if len(texts) == 1 else Condition(field, ONE_OF, tuple(texts))


def _sorted(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(keys, key=lambda key: (-concepts()[key].weight, key)))


def group_key(values: Values) -> tuple[object, ...]:
    """Equal for local names that one rule would name alike: one line of the list of names, whatever the device."""
    formal = tuple(values[key] for key in ("procedure_code", *FORMAL))
    modality = family(values["modality"])
    protocols = values["protocol"] if modality in _PER_PROTOCOL or not any(formal) else ()
    regions = values["body_region"] if not any(formal) and not protocols else ()
    return modality, *formal, protocols, regions, values["contrast"]
