"""The breaker against a model of it, under every order of calls, answers and time."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit, CircuitBreaker
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen, is_store_outage
from tests.fakes.seconds import Seconds

FAILURES = 3
PAUSE = 10.0


class Call:
    """A call that was let through."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.admission = breaker.admission()
        self.admission.__enter__()

    def ends(self, error: BaseException | None) -> None:
        assert not self.admission.__exit__(type(error) if error else None, error, None), "the error is not passed on"


class BreakerModel(RuleBasedStateMachine):
    """Keeps the rules as sets of calls: those whose outcome counts are those of the present state."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Seconds()
        self.breaker = CircuitBreaker(
            "postgresql",
            failures=FAILURES,
            pause=PAUSE,
            is_outage=is_store_outage,
            refusal=StoreCircuitOpen,
            clock=self.clock,
            chance=lambda: 0.5,
        )
        self.in_a_row = 0
        self.shut_until: float | None = None  # None: all may pass
        self.probe: Call | None = None
        self.counting: set[Call] = set()

    @rule(target=calls)
    def begin(self) -> Call | None:
        is_due = self.shut_until is not None and self.clock.now >= self.shut_until and self.probe is None
        if self.shut_until is not None and not is_due:
            with pytest.raises(StoreCircuitOpen) as refused:
                Call(self.breaker)
            assert refused.value.retry_after > 0
            return None
        call = Call(self.breaker)
        if is_due:
            self.probe = call
        self.counting.add(call)
        return call

    @rule(call=consumes(calls), ending=st.sampled_from(["answer", "refused row", "outage", "cancelled"]))
    def end(self, call: Call | None, ending: str) -> None:
        if call is None:
            return
        errors = {"refused row": ValueError(), "outage": StoreUnavailable("gone"), "cancelled": KeyboardInterrupt()}
        call.ends(errors.get(ending))
        if call not in self.counting:
            return
        self.counting.discard(call)
        if ending == "cancelled":
            self.probe = None if call is self.probe else self.probe
        elif ending == "outage":
            self.in_a_row += 1
            if call is self.probe or self.in_a_row == FAILURES:
                self._turn(self.clock.now + PAUSE)
        elif call is self.probe:
            self._turn(None)
        else:
            self.in_a_row = 0

    @rule(seconds=st.sampled_from([0.5, PAUSE - 0.5, PAUSE]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_state_is_that_of_the_model(self) -> None:
        if self.shut_until is None:
            assert self.breaker.circuit is Circuit.CLOSED
        elif self.probe is not None:
            assert self.breaker.circuit is Circuit.HALF_OPEN
        else:
            assert self.breaker.circuit is not Circuit.CLOSED

    def _turn(self, shut_until: float | None) -> None:
        self.shut_until, self.in_a_row, self.probe = shut_until, 0, None
        self.counting.clear()


TestBreaker = BreakerModel.TestCase
