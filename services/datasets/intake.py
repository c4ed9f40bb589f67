"""Takes an upload in: bytes to rows to the database, with one chunk and one batch in memory at a time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services import failpoints
from services.datasets.errors import DatasetError
from services.datasets.identity import Occurrences
from services.datasets.kinds import LARGEST_DOCUMENT, WHOLE, Found, is_quoted_text, read_document, read_row, read_text
from services.datasets.split import BadRow, Raw, Splitter
from services.errors import Conflict, InvalidRequest, TooLarge
from services.store.datasets import BATCH, DatasetStore
from services.store.ids import new_id
from services.views import Dataset, DatasetKind

SHOWN = 3
"""Bad rows quoted in an error; the rest are counted."""
LISTED = 10_000
"""Bad rows kept with their reasons; the rest are counted. A file of nothing else may hold millions."""


class _Strict(DatasetError):
    """A bad row of an upload that may have none; its place is told already."""


class Intake:
    """One upload. `begin_file`, `feed` ..., then `finish`; `abandon` where the caller went away. For one thread."""

    def __init__(
        self,
        store: DatasetStore,
        *,
        display_name: str,
        strict: bool,
        key: str,
        limits: tuple[int, int],
        kind: DatasetKind = "rows",
        room: Callable[[Connection], None] | None = None,
    ) -> None:
        """`room` raises where the project stores more than it may; it is asked with each batch."""
        self.id, self._room = new_id(), room
        self._store, self._strict, self._key = store, strict, key
        self._max_row, self._max_upload = limits
        self._display_name, self._kind = display_name, kind
        self._document = bytearray()
        self._quoted_text = ""
        """The .txt files of an upload of passages, sent before them: what they quote."""
        self._files: list[str] = []
        self._splitter: Splitter | None = None
        self._rows: list[dict[str, Any]] = []
        self._bad: list[dict[str, Any]] = []
        self._count = self._bad_count = self._bytes = 0
        self._quoted: list[BadRow] = []
        self._seen = Occurrences()
        self._hash = hashlib.sha256()
        self._created = time.time()
        store.begin(self.id, display_name, self._created, kind)

    def begin_file(self, name: str) -> None:
        """The next bytes belong to a file of this name. The name is shown, and never used as a path."""
        self._end_file()
        shown = "".join(c for c in PurePath(name).name if c.isprintable())[:200] or "upload"
        self._files.append(shown)
        self._splitter = Splitter(shown, self._max_row)

    def feed(self, data: bytes) -> None:
        """Bytes of the file last begun. Raises InvalidRequest, TooLarge, or, with `strict`, DatasetError."""
        if self._splitter is None:
            raise InvalidRequest("begin a file before sending its bytes")
        self._bytes += len(data)
        if self._bytes > self._max_upload:
            raise TooLarge(f"the upload is larger than {self._max_upload} bytes; split it, or raise max_upload_bytes")
        if self._kind not in WHOLE:
            self._take(self._splitter.feed(data))
            return
        self._document += data
        if len(self._document) > LARGEST_DOCUMENT:
            raise TooLarge(f"{self._files[-1]} is larger than {LARGEST_DOCUMENT} bytes; split it")

    def finish(self) -> Dataset:
        """The dataset. Raises DatasetError where no row is usable, Conflict where the key had other content."""
        self._end_file()
        if not self._files:
            raise InvalidRequest("the upload holds no file")
        if not self._count:
            raise DatasetError(self._none_usable())
        self._flush()
        digest = self._hash.hexdigest()
        if before := self._before(digest):
            return before
        failpoints.hit("upload_ready")
        try:
            self._store.finish(
                self.id,
                display_name=self._display_name or self._files[0],
                files=json.dumps(self._files),
                item_count=self._count,
                bad_row_count=self._bad_count,
                sha256=digest,
                idempotency_key=self._key or None,
            )
        except IntegrityError:  # somebody else was faster with the same key
            if before := self._before(digest):
                return before
            raise
        return self._store.get(f"datasets/{self.id}")

    def _before(self, digest: str) -> Dataset | None:
        """What was uploaded under the same key; then this upload is forgotten. Raises Conflict."""
        if not self._key or (before := self._store.by_key(self._key)) is None:
            return None
        self._store.drop(self.id)
        if before.sha256 != digest:
            raise Conflict(f"the idempotency key {self._key!r} was used for {before.name}, whose content differs")
        return before

    def abandon(self) -> None:
        """Forgets what was sent so far."""
        self._store.drop(self.id)

    def _end_file(self) -> None:
        if self._splitter is None:
            return
        try:
            if self._kind == "passages" and is_quoted_text(self._files[-1], self._document):
                self._quoted_text += read_text(bytes(self._document)) + "\n\n"
            elif self._kind in WHOLE:
                found = read_document(self._kind, self._files[-1], bytes(self._document), self._quoted_text)
                self._keep_all(found)
            else:
                self._take(self._splitter.finish())
        except _Strict:
            raise
        except DatasetError as error:  # an empty file: the others of the upload may still hold rows
            self._refuse(BadRow(self._files[-1], 1, str(error)))
        self._splitter = None
        self._document.clear()

    def _take(self, found: Iterable[Raw | BadRow]) -> None:
        for one in found:
            if isinstance(one, BadRow):
                self._refuse(one)
                continue
            try:
                item = read_row(self._kind, one.text, one.line)
            except DatasetError as error:
                self._refuse(BadRow(self._files[-1], one.line, str(error)))
                continue
            self._keep(item)

    def _keep_all(self, items: Iterable[Found | BadRow]) -> None:
        for item in items:
            if isinstance(item, BadRow):
                self._refuse(item)
            else:
                self._keep(item)

    def _keep(self, item: Found) -> None:
        id_ = self._seen.id(item.identity)
        self._hash.update(id_.encode())
        # Two rows may differ in their thinking alone: that makes another dataset, though the same item.
        self._hash.update(hashlib.sha256(item.raw.encode()).digest())
        row = {"dataset_id": self.id, "seq": self._count, "item_id": id_, "file": len(self._files) - 1}
        self._rows.append(row | {"line": item.line, "annotated": item.annotated, "raw": item.raw})
        self._count += 1
        failpoints.hit("upload_row")
        if len(self._rows) >= BATCH:
            self._flush()

    def _refuse(self, bad: BadRow) -> None:
        if self._strict:
            raise _Strict(f"{bad.file}, line {bad.line}: {bad.reason}")
        row = {"dataset_id": self.id, "seq": self._bad_count, "file": bad.file, "line": bad.line, "reason": bad.reason}
        if self._bad_count < LISTED:
            self._bad.append(row)
        self._bad_count += 1
        if len(self._quoted) < SHOWN:
            self._quoted.append(bad)
        if len(self._bad) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self._store.add(self._rows, self._bad, self._room)
        self._rows, self._bad = [], []

    def _none_usable(self) -> str:
        quoted = "; ".join(f"{b.file}, line {b.line}: {b.reason}" for b in self._quoted)
        more = f"; and {self._bad_count - SHOWN} more" if self._bad_count > SHOWN else ""
        return f"no usable row: {quoted}{more}"
