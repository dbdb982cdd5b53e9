"""Why a fetching program failed."""


class FetchingError(Exception):
    """A failure of one `kind` (fetch, hash, unavailable, compile, overlap, disk).

    `text` is for the user: what failed, and where; `hint` is what to do, or empty. `unavailable` names the
    locked files that their archive or index no longer has.
    """

    def __init__(self, *, kind: str, text: str, hint: str = "", unavailable: tuple[str, ...] = ()) -> None:
        self.kind, self.text, self.hint, self.unavailable = kind, text, hint, unavailable
        super().__init__(text)
