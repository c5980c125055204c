"""Findings are counted, and the first of each kind kept."""

from taskmanager.application.verification.findings import EXAMPLES_MAX, Finding, FindingKind, Findings


def finding(number: int, kind: FindingKind = FindingKind.COUNTERS) -> Finding:
    return Finding(kind, f"place {number}", "this", "that")


def test_a_finding_is_one_line() -> None:
    assert str(finding(1)) == "counters: place 1: expected this, found that"


def test_all_are_counted_and_the_first_kept() -> None:
    findings = Findings()
    findings.add(finding(number) for number in range(30))
    findings.add([finding(0, FindingKind.TOPIC_ID)])
    assert findings.totals == {FindingKind.COUNTERS: 30, FindingKind.TOPIC_ID: 1}
    assert findings.examples(FindingKind.COUNTERS) == [finding(number) for number in range(EXAMPLES_MAX)]


def test_examples_that_were_counted_elsewhere_keep_their_totals() -> None:
    findings = Findings()
    findings.add_counted([(finding(1), 500), (finding(2), 500), (finding(3, FindingKind.TOPIC_ID), 1)])
    findings.add_counted([(finding(4), 7)])
    assert findings.totals == {FindingKind.COUNTERS: 507, FindingKind.TOPIC_ID: 1}
    assert findings.examples(FindingKind.COUNTERS) == [finding(1), finding(2), finding(4)]


def test_nothing_found_is_nothing_counted() -> None:
    findings = Findings()
    findings.add([])
    findings.add_counted([])
    assert not findings.totals
    assert findings.examples(FindingKind.COUNTERS) == []
