"""The arithmetic of a partition, against a model that plays messages and what becomes of parked reports."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.verification.findings import FindingKind
from taskmanager.application.verification.ledger import PartitionLedger, StoredProgress, check_ledger

_LATER = ("applied", "refused", "dead_later", "unparked")


@dataclass
class Model:
    """A partition that counts as the write path does."""

    first: int
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    later: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_LATER, 0))

    def read(self, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1

    def unpark(self, fate: str) -> None:
        if self.outcomes[Outcome.PARKED] > sum(self.later.values()):
            self.later[fate] += 1

    def ledger(self) -> PartitionLedger:
        count, later = self.outcomes, self.later
        return PartitionLedger(
            partition=Partition("topic", 3),
            progress=StoredProgress("id", self.first, self.first + sum(count.values()), dict(count)),
            created_events=count[Outcome.CREATED],
            other_events=count[Outcome.APPLIED] + later["applied"],
            refused=count[Outcome.REFUSED] + later["refused"],
            parked=count[Outcome.PARKED] - sum(later.values()),
            dead=count[Outcome.DEAD],
            dead_later=later["dead_later"],
            unparked=later["unparked"],
        )


@st.composite
def models(draw: st.DrawFn) -> Model:
    model = Model(first=draw(st.integers(0, 1 << 40)))
    for outcome in draw(st.lists(st.sampled_from(Outcome), max_size=60)):
        model.read(outcome)
    for fate in draw(st.lists(st.sampled_from(_LATER), max_size=20)):
        model.unpark(fate)
    return model


@given(models())
def test_whatever_was_read_and_became_of_parked_reports_adds_up(model: Model) -> None:
    assert list(check_ledger(model.ledger())) == []


def split(model: Model, share: float) -> PartitionLedger:
    """The same partition, of which a part was read before it was reset."""
    ledger = model.ledger()
    before = {outcome: int(count * share) for outcome, count in model.outcomes.items()}
    after = {outcome: count - before[outcome] for outcome, count in model.outcomes.items()}
    return ledger._replace(
        progress=StoredProgress("another id", 0, sum(after.values()), after),
        retired=[StoredProgress("id", model.first, model.first + sum(before.values()), before)],
    )


_SHARES = st.floats(0, 1)


@given(models(), _SHARES)
def test_what_was_read_before_a_reset_counts_with_what_was_read_after(model: Model, share: float) -> None:
    assert list(check_ledger(split(model, share))) == []


@given(models(), _SHARES, st.sampled_from(Outcome), st.sampled_from([-1, 1]))
def test_an_outcome_miscounted_before_a_reset_is_found(model: Model, share: float, outcome: Outcome, by: int) -> None:
    ledger = split(model, share)
    (retired,) = ledger.retired
    counts = {**retired.outcomes, outcome: retired.outcomes[outcome] + by}
    findings = check_ledger(ledger._replace(retired=[retired._replace(outcomes=counts)]))
    assert FindingKind.OUTCOME_ARITHMETIC in {finding.kind for finding in findings}


_ROWS = ("created_events", "other_events", "refused", "parked", "dead", "dead_later", "unparked")


@given(models(), st.sampled_from(_ROWS), st.sampled_from([-1, 1]))
def test_a_single_row_too_few_or_too_many_is_found(model: Model, row: str, by: int) -> None:
    ledger = model.ledger()
    assert list(check_ledger(ledger._replace(**{row: getattr(ledger, row) + by})))


@given(models(), st.sampled_from(Outcome), st.sampled_from([-1, 1]))
def test_a_single_outcome_miscounted_is_found(model: Model, outcome: Outcome, by: int) -> None:
    ledger = model.ledger()
    assert ledger.progress is not None
    counts = {**ledger.progress.outcomes, outcome: ledger.progress.outcomes[outcome] + by}
    findings = list(check_ledger(ledger._replace(progress=ledger.progress._replace(outcomes=counts))))
    assert FindingKind.OUTCOME_ARITHMETIC in {finding.kind for finding in findings}


@given(models())
def test_rows_of_a_partition_that_nobody_read_are_found(model: Model) -> None:
    (finding,) = check_ledger(model.ledger()._replace(progress=None))
    assert (finding.kind, finding.where) == (FindingKind.UNKNOWN_PARTITION, "topic/3")


@pytest.mark.parametrize(
    ("outcome", "row", "kind"),
    [
        (Outcome.APPLIED, "other_events", FindingKind.OTHER_EVENTS),
        (Outcome.REFUSED, "refused", FindingKind.REFUSED_ROWS),
        (Outcome.CREATED, "created_events", FindingKind.CREATED_EVENTS),
        (Outcome.DEAD, "dead", FindingKind.DEAD_LETTER_ROWS),
    ],
)
def test_the_finding_names_the_rows_that_are_missing(outcome: Outcome, row: str, kind: FindingKind) -> None:
    model = Model(first=7)
    model.read(outcome)
    findings = list(check_ledger(model.ledger()._replace(**{row: 0})))
    assert kind in {finding.kind for finding in findings}
    assert all(finding.where == "topic/3" for finding in findings)
