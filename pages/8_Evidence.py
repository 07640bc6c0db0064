"""Evidence: what in the image speaks for a class?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Evidence"),
    question=later(
        "Why this class? See where the evidence for it lies in the image, which channels "
        "carry it, and put what you see to the test."
    ),
    layer=True,
    first_depth=1.0,
    folder="evidence",
)

with shell.errors(choice):
    from convviz.ui.evidence import page

    page.draw(choice)
