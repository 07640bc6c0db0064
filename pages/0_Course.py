"""Course: the chapter step by step, each with a figure of one's own image and a prediction."""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Course"),
    question=later(
        "From pixels to class names, one idea at a time. Look, predict, check; every answer "
        "is computed for your image."
    ),
    folder="course",
)

with shell.errors(choice):
    from convviz.ui.course import page

    page.draw(choice)
