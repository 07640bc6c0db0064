"""What can go wrong, as one tree.

Every error a user can cause is a ConvvizError whose text is one plain sentence: what is wrong, the
limit, and what to do. Pages show that sentence and the command line prints it. Anything else that
is raised is a bug.

    ConvvizError
    ├── ImageError           bytes that are not an image convviz can use
    ├── NetworkError         an unknown network or layer, or a user's network that cannot be used
    ├── WeightsError         weights that are missing, damaged or could not be fetched
    │   ├── WeightsNotHere   they would have to be fetched, which was not requested
    │   └── FetchCancelled   the user stopped the download
    ├── SettingError         a number or choice outside its valid range
    ├── DesignError          a line of a design that cannot be read, or does not fit
    ├── ReconstructionError  an optimisation that could not continue
    ├── MemoryShort          a computation that the device has not enough memory for
    ├── RecordingError       a recorded run that does not come with convviz, or is damaged
    └── JobError             a job that cannot be queued, found or read
        ├── QueueFull        too many jobs are waiting already
        └── ClusterGone      the cluster that runs jobs cannot be reached, or cannot take this one
"""

from __future__ import annotations

from convviz.language import later, tr


class ConvvizError(Exception):
    """Base of every error that a user can cause; its text is one plain sentence."""


class ImageError(ConvvizError):
    """The bytes are not an image that convviz can use."""


class NetworkError(ConvvizError):
    """A network or layer is unknown, or a user's network cannot be used."""


class WeightsError(ConvvizError):
    """Weights are missing, damaged or could not be fetched."""


class WeightsNotHere(WeightsError):
    """The weights are not on this machine, and were not or could not be fetched."""


class FetchCancelled(WeightsError):
    """The user stopped the download."""


class SettingError(ConvvizError):
    """A number or choice is outside its valid range."""


class DesignError(ConvvizError):
    """A line of a design cannot be read, or its block does not fit what comes to it.

    Attributes:
        line: Number of the line, from 1.
        sentence: What is wrong and the cure, without the line.
    """

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(tr("Line {line}: {sentence}", line=line, sentence=sentence))
        self.line = line
        self.sentence = sentence

    def __reduce__(self) -> tuple[type[DesignError], tuple[int, str]]:
        """Return what a copy is made of, as jobs send errors to other processes."""
        return type(self), (self.line, self.sentence)


class ReconstructionError(ConvvizError):
    """An optimisation could not continue."""


class MemoryShort(ConvvizError):
    """The device has not enough memory for a computation."""


class RecordingError(ConvvizError):
    """A recorded run does not come with convviz, or its file is damaged."""


class JobError(ConvvizError):
    """A job cannot be queued, found or read."""


class QueueFull(JobError):
    """Too many jobs are waiting already."""


class ClusterGone(JobError):
    """The cluster that runs jobs cannot be reached, or cannot take this one."""


_MEMORY = (
    *("out of memory", "can't allocate memory", "not enough memory", "unable to allocate"),
    "failed to allocate",
)


def is_about_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is short: Python's, PyTorch's, CUDA's or MPS's own."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _MEMORY)


MEMORY_SHORT = later(
    "There is not enough memory for this: choose a smaller image, an earlier layer, a "
    "smaller network or fewer pictures at a time, or try again when fewer people are "
    "here."
)
"""What to say where nothing more is known of the computation; told where it is shown."""


def memory_short(error_id: str) -> str:
    """Say that memory is short, with the id under which the log has it."""
    return tr(
        "{sentence} The log has the details (error {error_id}).",
        sentence=tr(MEMORY_SHORT),
        error_id=error_id,
    )


def at_least(name: str, value: int, least: int, why: str = "") -> None:
    """Check that a setting is a whole number and large enough.

    Args:
        name: Name of the setting, for the sentence, in the reader's language.
        value: Its value.
        least: The smallest valid value.
        why: Why smaller values do not work, for the sentence, likewise.

    Raises:
        SettingError: It is not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingError(
            tr("The {name} must be a whole number, not {given}.", name=name, given=repr(value))
        )
    if value >= least:
        return
    if why:
        raise SettingError(
            tr(
                "The {name} cannot be {number}: {why} choose {least} or more.",
                name=name,
                number=value,
                why=why,
                least=least,
            )
        )
    raise SettingError(
        tr(
            "The {name} cannot be {number}: choose {least} or more.",
            name=name,
            number=value,
            least=least,
        )
    )
