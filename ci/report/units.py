"""Sizes and durations as text. Pure."""


def size_text(size_bytes: int | None) -> str:
    """Return a size with three digits and a decimal unit, as registries use: `1.23 GB`; `-` for none."""
    if size_bytes is None:
        return "-"
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, units = size_bytes / 1000, ["TB", "GB", "MB", "kB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop()
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {units[-1]}"


def time_text(seconds: float | None) -> str:
    """Return a duration: `0.4 s`, `12.3 s`, `3 m 05 s`, `1 h 02 m`; `-` for none."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
