"""Numbers on the command line: ``0:1:0.25`` (both ends included) or ``0,0.5,1``."""

import math

from phonodos.errors import ConfigError

MOST = 1000


def parse_range(text: str, option: str, example: str) -> list[float]:
    """Return the numbers of ``low:high:step`` or of a list with commas.

    Parameters
    ----------
    text
        What the user wrote.
    option, example
        Name of the option and a right value, for the message.

    Raises
    ------
    ConfigError
        If it is neither, or more than 1000 numbers.
    """
    try:
        numbers = [float(part) for part in text.replace(",", ":").split(":")]
        sound = all(math.isfinite(x) for x in numbers)
    except ValueError:
        numbers, sound = [], False
    if ":" not in text and sound:
        return numbers
    if sound and "," not in text and len(numbers) == 3:
        low, high, step = numbers
        if step > 0.0 and low <= high and (high - low) / step < MOST:
            count = math.floor((high - low) / step + 1e-6) + 1
            return [round(low + k * step, 12) for k in range(count)]
    raise ConfigError(
        f"{option} {text}: no range of numbers",
        f"expected is low:high:step with a positive step (at most {MOST} numbers), or a list "
        "with commas",
        f"write for example {option} {example}",
    )


def parse_window(text: str, option: str, example: str, factor: float = 1.0) -> tuple[float, float]:
    """Return both ends of ``low:high``, times `factor`.

    Parameters
    ----------
    text
        What the user wrote.
    option, example
        Name of the option and a right value, for the message.

    Raises
    ------
    ConfigError
        If it is no such pair of finite numbers, or the second is not the larger one.
    """
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        low = high = math.nan
    if math.isfinite(low) and math.isfinite(high) and low < high:
        return low * factor, high * factor
    raise ConfigError(
        f"{option} {text[:30]}: no range",
        "expected is low:high, two numbers of which the second is the larger",
        f"write for example {option} {example}",
    )
