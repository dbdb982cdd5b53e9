"""Why a fetching program failed."""


class FetchingError(Exception):
    """A failure of one `kind` (fetch, hash, gone, compile, disk); `text` is for the user.

    `gone` names the locked files that their archive or index has no more.
    """

    def __init__(self, *, kind: str, text: str, gone: tuple[str, ...] = ()) -> None:
        self.kind, self.text, self.gone = kind, text, gone
        super().__init__(text)
