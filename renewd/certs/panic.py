"""Panics of the Rust code in `cryptography`: BaseExceptions that a hostile file must not get through with."""


def only(error: BaseException) -> None:
    """Return if the error is such a panic; anything else (KeyboardInterrupt, MemoryError, …) is raised again."""
    if type(error).__name__ != "PanicException":  # pyo3 makes the class at run time: it cannot be imported
        raise error
