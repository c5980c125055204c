"""/api/dead-letters"""

from typing import NamedTuple

from aiohttp import web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.dead_letter_bodies import (
    CountQuery,
    DiscardQuery,
    LettersQuery,
    ReplayManyOrder,
    ReplayOrder,
)
from taskmanager.api.rest.dead_letter_orders import edit_of, filter_of_body, filter_of_query
from taskmanager.api.rest.dead_letter_views import (
    LetterCounts,
    LettersPage,
    ReplayedPageView,
    count_view,
    details_view,
    letter_view,
    replay_view,
)
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.strict_json import check_strictly
from taskmanager.application.dead_letter_model import LetterState
from taskmanager.application.use_cases.dead_letters.count_letters import CountLetters
from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.list_letters import ListLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.dead_letters.replay_page import ReplayPage
from taskmanager.application.use_cases.dead_letters.show_letter import ShowLetter

# A corrected value may be as large as Kafka takes one, and several times as long in JSON.
BODY_LIMIT = 6 << 20
_MISSING = "there is no dead letter with this id"


class LetterUseCases(NamedTuple):
    """What operators do with dead letters."""

    list_letters: ListLetters
    count_letters: CountLetters
    show_letter: ShowLetter
    replay_letters: ReplayLetters
    replay_page: ReplayPage
    discard_letters: DiscardLetters


class DeadLetterController:
    """Shows dead letters, replays and discards them; the caller's name is kept in their history."""

    def __init__(self, letters: LetterUseCases) -> None:
        self._letters = letters

    async def list(self, call: Call[LettersQuery, None]) -> web.Response:
        """Dead letters, the newest first, without their messages."""
        query = call.query
        before = query.before if isinstance(query.before, int) else None
        found = await self._letters.list_letters(filter_of_query(query), query.limit, before=before)
        following = found[0].id if len(found) == query.limit else None
        return answer(LettersPage(items=[letter_view(letter) for letter in reversed(found)], next=following))

    async def count(self, call: Call[CountQuery, None]) -> web.Response:
        """How many dead letters there are, by reason and state."""
        items = [count_view(count) for count in await self._letters.count_letters(filter_of_query(call.query))]
        return answer(LetterCounts(letters=sum(item.letters for item in items), items=items))

    async def get(self, call: Call[None, None]) -> web.Response:
        """A dead letter in full: its message byte for byte, what to do about it, and what was done with it."""
        details = await self._letters.show_letter(call.path("id"))
        if details is None:
            raise Problem(404, _MISSING)
        return answer(details_view(details))

    async def replay(self, call: Call[None, ReplayOrder]) -> web.Response:
        """Give a dead letter its effect after all, as it was or corrected.

        It takes effect once, whoever else replays it; one that somebody has replayed before is answered with 409. A
        message that is still wrong stays a letter, and `reason` says why. The original is never changed.
        """
        check_strictly(call.raw)
        results = await self._letters.replay_letters.by_id(
            [call.path("id")], call.principal.id, edit_of(call.body), dry_run=call.body.dry_run
        )
        if not results:
            raise Problem(404, _MISSING)
        (result,) = results
        if result.outcome is None and result.reason is None:
            raise Problem(409, f"this dead letter is {result.state.value} already")
        return answer(replay_view(result))

    async def replay_many(self, call: Call[None, ReplayManyOrder]) -> web.Response:
        """Replay the oldest open dead letters that match, up to `limit`; go on with `after` until `next` is null.

        After a failure the same request again goes on with what is still open.
        """
        check_strictly(call.raw)
        body = call.body
        page = await self._letters.replay_page(
            filter_of_body(body.filter),
            call.principal.id,
            edit_of(body),
            after=int(body.after),
            limit=int(body.limit),
            dry_run=body.dry_run,
        )
        return answer(
            ReplayedPageView(
                replayed=sum(result.outcome is not None for result in page.results),
                still_dead=sum(result.reason is not None for result in page.results),
                items=[replay_view(result) for result in page.results],
                next=page.next,
            )
        )

    async def discard(self, call: Call[DiscardQuery, None]) -> web.Response:
        """Put a dead letter away that nobody will replay. It stays in the table; again, this changes nothing."""
        letter_id: int = call.path("id")
        before = await self._letters.discard_letters.by_id([letter_id], call.principal.id, call.query.why)
        if before[letter_id] is None:
            raise Problem(404, _MISSING)
        if before[letter_id] is LetterState.REPLAYED:
            raise Problem(409, "this dead letter is replayed already")
        return web.Response(status=204)
