"""Tokens in the database: hashed, found by their hash, rotated, revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, insert, select, update

from services.access.caller import Scope
from services.access.views import IssuedToken, Token, TokenPage
from services.errors import NotFound, WrongState
from services.store.ids import moment, new_id, tail
from services.store.paging import newest
from services.store.tables import tokens

FORM: Final = re.compile(r"tb_[A-Za-z0-9_-]{43}")
"""32 random bytes in URL-safe base64 behind a mark that scanners for leaked secrets can look for."""
SHOWN: Final = 9
"""Characters of a secret that are kept in the clear, to tell tokens apart; the other 220 bits are not."""
FRESH: Final = 2.0
"""Seconds for which a token that was looked up is believed: a replica hears that late of a revocation."""
COARSE: Final = 600.0
"""Seconds between two notes of a token's use: a write for every call would cost more than the call."""
MOST_HELD: Final = 10_000


class Verified(NamedTuple):
    """A token that is good."""

    id: str
    project: str | None
    scope: Scope


def hashed(secret: str) -> str:
    """What is stored of a secret, hex.

    A fast hash is right here: a slow one makes up for secrets that people think up, and these are 256 random bits,
    which nobody finds by trying, however quick the trying is. A slow one would only be paid by every call.
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class TokenStore:
    """Everybody's tokens. Methods block, but for `known`. `project` says which ones a caller may touch: None, all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: dict[str, tuple[float, Verified]] = {}
        """By hash, until when (monotonic) a token is believed."""

    def known(self, secret: str) -> Verified | None:
        """Whose a secret is, where that was looked up this moment. Does not block."""
        held = self._held.get(hashed(secret))
        return held[1] if held and held[0] > time.monotonic() else None

    def verify(self, secret: str) -> Verified | None:
        """Whose a secret is, by the database; None where it is nobody's: unknown, expired, revoked."""
        if not FORM.fullmatch(secret):
            return None
        digest = hashed(secret)
        now, c = time.time(), tokens.c
        current = (c.hash == digest) | ((c.old_hash == digest) & (c.old_until > now))
        alive = c.revoked.is_(None) & (c.expires.is_(None) | (c.expires > now))
        with self._engine.connect() as connection:
            row = connection.execute(select(tokens).where(current, alive)).first()
        if row is None:
            return None
        # The database has compared hashes, from which no secret can be guessed bit by bit; this one says it once more.
        if not any(hmac.compare_digest(digest, known) for known in (row.hash, row.old_hash) if known):
            return None
        self._note_use(row, now)
        if len(self._held) > MOST_HELD:
            self._held.clear()
        found = Verified(row.id, row.project, Scope(row.scope))
        ends = [at for at in (row.expires, row.old_until if row.hash != digest else None) if at is not None]
        self._held[digest] = time.monotonic() + min([FRESH, *(at - now for at in ends)]), found
        return found

    def _note_use(self, row: Any, now: float) -> None:
        if row.last_used is None or now - row.last_used > COARSE:
            with self._engine.begin() as connection:
                connection.execute(update(tokens).where(tokens.c.id == row.id).values(last_used=now))

    def create(self, project: str | None, scope: Scope, display_name: str, lifetime: int) -> IssuedToken:
        """A new token. `project` exists; None makes an operator's."""
        secret, now = _secret(), time.time()
        row = {
            "id": new_id(),
            "project": project,
            "scope": scope,
            "display_name": display_name,
            "prefix": secret[:SHOWN],
            "hash": hashed(secret),
            "created": now,
            "expires": now + lifetime if lifetime else None,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(tokens), row)
        return IssuedToken(token=self.get(f"tokens/{row['id']}", None), secret=secret)

    def get(self, name: str, project: str | None) -> Token:
        """One token. Raises NotFound, for another project's too."""
        return _token(self._row(name, project))

    def _row(self, name: str, project: str | None) -> Any:
        query = select(tokens).where(tokens.c.id == tail(name, "tokens"))
        if project is not None:
            query = query.where(tokens.c.project == project)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no {name}")
        return row

    def page(self, project: str | None, size: int, token: str) -> TokenPage:
        """A page of tokens, newest first, revoked ones too."""
        query = select(tokens)
        if project is not None:
            query = query.where(tokens.c.project == project)
        rows, more = newest(self._engine, query, tokens, size, token)
        return TokenPage(tokens=[_token(r) for r in rows], next_page_token=more)

    def rotate(self, name: str, project: str | None, grace: int) -> IssuedToken:
        """Gives a token a new secret; the one of now is good for `grace` seconds more, the one before it no longer.

        Raises NotFound, WrongState where it was revoked.
        """
        row = self._row(name, project)
        if row.revoked is not None:
            raise WrongState(f"{name} was revoked; create another one")
        secret, now = _secret(), time.time()
        values: dict[str, Any] = {"hash": hashed(secret), "prefix": secret[:SHOWN], "old_hash": None, "old_until": None}
        if grace:
            values |= {"old_hash": row.hash, "old_until": now + grace}
        unchanged = (tokens.c.id == row.id) & (tokens.c.hash == row.hash) & tokens.c.revoked.is_(None)
        with self._engine.begin() as connection:
            done = connection.execute(update(tokens).where(unchanged).values(**values)).rowcount
        self._held.clear()
        if not done:
            raise WrongState(f"{name} was rotated or revoked by somebody else this moment; look, and try again")
        return IssuedToken(token=self.get(name, project), secret=secret)

    def revoke(self, name: str, project: str | None) -> Token:
        """Ends a token at once, with the secret before it. One that was revoked stays as it is. Raises NotFound."""
        row = self._row(name, project)
        here = (tokens.c.id == row.id) & tokens.c.revoked.is_(None)
        with self._engine.begin() as connection:
            connection.execute(update(tokens).where(here).values(revoked=time.time(), old_hash=None, old_until=None))
        self._held.clear()
        return self.get(name, project)


def _secret() -> str:
    return f"tb_{secrets.token_urlsafe(32)}"


def _token(row: Any) -> Token:
    return Token(
        name=f"tokens/{row.id}",
        project=f"projects/{row.project}" if row.project else "",
        scope=Scope(row.scope),
        display_name=row.display_name,
        prefix=row.prefix,
        create_time=moment(row.created),
        expire_time=moment(row.expires),
        last_used_time=moment(row.last_used),
        revoke_time=moment(row.revoked),
        old_secret_expire_time=moment(row.old_until),
    )
