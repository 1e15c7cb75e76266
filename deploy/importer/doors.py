"""The HTTP doors of a running Kith, as an importer knocks at them."""

from types import TracebackType
from typing import Any, Self

import httpx
import stamina

from deploy import Trouble

AWAY = (httpx.TransportError, httpx.HTTPStatusError)  # a status is raised only where a later try may help
TRY_LATER = (502, 503, 504)


class Refused(Exception):
    """A door said no: its problem document."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("title", "refused"))
        self.code = problem.get("code", "")
        self.is_of_the_caller = problem.get("status") == 401
        self.sentence = "; ".join(
            [str(self), *(f"{one['field']}: {one['message']}" for one in problem.get("errors", ()))]
        )


class Doors:
    """One caller with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=120,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        await self.http.aclose()

    async def ask(self, method: str, path: str, **what: Any) -> Any:
        """The JSON answer. All that we send may be sent twice, so what is away is tried again.

        Raises Refused where a door says no, and Trouble where nobody answers, or somebody who is not Kith.
        """
        try:
            async for attempt in stamina.retry_context(on=AWAY, attempts=6, wait_initial=0.2, wait_max=5):
                with attempt:
                    answer = await self.http.request(method, path, **what)
                    if answer.status_code in TRY_LATER:
                        answer.raise_for_status()
        except AWAY as error:
            raise Trouble(
                f"Kith at {self.http.base_url} does not answer: {error}. Start it, then import again."
            ) from error
        if answer.status_code < 400:
            return json_of(answer)
        raise Refused(problem_of(answer))


def json_of(answer: httpx.Response) -> Any:
    """What a door answers that did not say no. Raises Trouble if this cannot be a door of Kith."""
    try:
        if answer.is_success:
            return answer.json()
    except ValueError:
        pass
    where = str(answer.headers.get("location", ""))
    elsewhere = f" It points to {where}." if where else ""
    raise Trouble(
        f"What answers at {answer.url} is not Kith (status {answer.status_code}).{elsewhere} "
        "Give the address that people type, with https:// if it begins so."
    )


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of a door that said no, or one of ours where there is none."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if _is_of_kith(problem):
        return dict(problem)
    return {"title": f"status {answer.status_code} from {answer.url}", "code": "no-problem-document"}


def _is_of_kith(problem: Any) -> bool:
    """Whether it is a problem document as Kith writes them: other programs have fields of these names, too."""
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return False
    errors = problem.get("errors", [])
    return isinstance(errors, list) and all(
        isinstance(one, dict) and {"field", "message"} <= one.keys() for one in errors
    )
