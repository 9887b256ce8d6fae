"""Values of a table formatted for people."""


def cell(value: object, form: str = "") -> str:
    """A number in the column's format, text as it is, nothing for NULL."""
    if value is None:
        return ""
    return f"{value:{form}}" if form else str(value)
