"""What it costs to say an event: the same POST with and without it, 32 connections, interleaved rounds.

Both go through everything that a real door has: token, idempotency, load, decide, save.
Run: uv run python -m benchmarks.say
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import uvicorn
import uvloop
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from benchmarks.parts import Bench, fresh_database, parts
from shared import clock, idempotency, outbox
from shared.database import Database
from shared.doors import Db, IdempotencyKey, Reader, Running, frame
from shared.events.intake import OrganisationRegistered
from shared.fields import Command, Line
from shared.idempotency import Key
from shared.security import Verifier, Who
from shared.settings import Settings
from shared.web import Pages

CONNECTIONS, ROUNDS, REQUESTS = 32, 9, 1500
ISSUER = "http://issuer.bench"
PARCELS = """
    create table parcels (organisation_id uuid not null, parcel_id uuid primary key, state text not null);
    select machinery.protect('parcels');
    grant all on parcels to parcels, parcels_machinery;
"""


class SendParcel(Command):
    """What is asked in both cases."""

    id: UUID
    note: Line


async def send(db: Database, who: Who, key: Key, command: SendParcel, *, says: bool) -> JSONResponse:
    """Load, decide, save, and say or not."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        await tx.execute("insert into parcels values ($1, $2, 'packed')", who.organisation_id, command.id)
        await tx.fetchrow("select * from parcels where parcel_id = $1 for update", command.id)
        await tx.execute("update parcels set state = 'sent' where parcel_id = $1", command.id)
        if says:
            event = OrganisationRegistered(organisation_id=command.id, code="bench")
            outbox.put(tx, event, organisation=who.organisation_id, at=clock.now())
        return await idempotency.keep(tx, key, 201, {"id": str(command.id)})


router = APIRouter(prefix="/parcels/api/v1")


@router.post("/quiet", status_code=201)
async def quiet(db: Db, who: Reader, key: IdempotencyKey, command: SendParcel) -> JSONResponse:
    """Changes something."""
    return await send(db, who, key, command, says=False)


@router.post("/says", status_code=201)
async def says(db: Db, who: Reader, key: IdempotencyKey, command: SendParcel) -> JSONResponse:
    """Changes the same, and says so."""
    return await send(db, who, key, command, says=True)


async def serve(dsn: str, port: int) -> None:
    """The doors, in a process of their own; the first line it prints is a token."""
    key = ECKey.generate_key("P-256", {"kid": "bench"})
    claims = {"iss": ISSUER, "aud": "kith", "sub": "x", "exp": 4_000_000_000, "organisation": "bench"}
    print(
        jwt.encode({"alg": "ES256", "kid": "bench"}, claims | {"roles": ["operator"], "sites": ["*"]}, key), flush=True
    )
    verifier = Verifier(ISSUER, "kith")
    verifier.keys, verifier.asked_at = KeySet([key]), time.monotonic()
    database = await Database.open(dsn, size=10, name="bench")
    settings = Settings(
        database=dsn, database_machinery=dsn, kafka="127.0.0.1:1", issuer=ISSUER, public_url="http://127.0.0.1"
    )
    app = frame(
        "parcels", (router,), Pages("parcels", Path(__file__).parent), Running(settings, database, database, verifier)
    )
    await uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False)).serve()


async def round_of(port: int, path: str, token: str) -> list[float]:
    """Seconds of each request, over 32 kept connections."""
    left, taken = iter(range(REQUESTS)), []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            body = f'{{"id":"{uuid4()}","note":"nothing much"}}'
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nidempotency-key: {uuid4()}\r\n"
            began = time.perf_counter()
            writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            taken.append(time.perf_counter() - began)
            assert answer.startswith(b"HTTP/1.1 201"), answer
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return taken


async def main() -> None:
    """Measure and print."""
    async with parts(kafka=False) as servers:
        bench = await fresh_database(servers, "parcels")
        await run_sql(bench.dsn_admin, PARCELS.replace(":doors", "parcels"))
        command = [sys.executable, "-m", "benchmarks.say", "serve", bench.dsn, str(bench.port)]
        server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert server.stdout
        token = (await server.stdout.readline()).decode().strip()
        try:
            await until_answers(bench.port)
            report(await rounds(bench, token))
        finally:
            server.terminate()
            await server.wait()


async def rounds(bench: Bench, token: str) -> dict[str, list[float]]:
    """The median of each round; the two sides take turns in going first, and the first pair warms up."""
    medians: dict[str, list[float]] = {"quiet": [], "says": []}
    for number in range(ROUNDS + 1):
        for name in medians if number % 2 else reversed(medians):
            taken = await round_of(bench.port, f"/parcels/api/v1/{name}", token)
            if number:
                medians[name].append(statistics.median(taken))
        await run_sql(bench.dsn_admin, "truncate machinery.outbox")  # no relay runs here: it must not pile up
    return medians


async def run_sql(dsn: str, sql: str) -> None:
    """As the administrator."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


async def until_answers(port: int) -> None:
    """Wait for the server."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def report(medians: dict[str, list[float]]) -> None:
    """The ratio of each pair of rounds, with its spread."""
    ratios = sorted(one / other for one, other in zip(medians["says"], medians["quiet"], strict=True))
    for name, values in medians.items():
        print(f"{name:<6} median of medians {statistics.median(values) * 1000:6.2f} ms")
    print(f"says / quiet: {statistics.median(ratios):.3f} [{ratios[0]:.3f}..{ratios[-1]:.3f}], goal at most 1.25")


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[2], int(sys.argv[3])) if sys.argv[1:2] == ["serve"] else main())
