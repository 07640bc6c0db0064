"""How large the maps of a published design become, for any picture."""

from convviz.networks.lessons.sliding import Sliding, slide
from convviz.networks.paper_designs import Conv, Design, MaxPool


def slides(design: Design, input_size: int) -> tuple[tuple[str, Sliding], ...]:
    """Slide every kernel of a design without branches over a picture, one after the other.

    Raises:
        SettingError: A kernel does not fit.
    """
    side, found = input_size, []
    for name, plan in design.layers:
        if isinstance(plan, Conv):
            slid = slide(side, plan.kernel, plan.stride, plan.padding)
        elif isinstance(plan, MaxPool):
            slid = slide(side, plan.kernel, plan.stride)
        else:
            continue
        found.append((name, slid))
        side = slid.output
    return tuple(found)
