"""Reconstruction: what does a layer still know about the image?"""

from convviz.ui import shell

choice = shell.open_page(
    "Reconstruction",
    question="What does a layer still know about the image? Make an image from its feature maps "
    "alone, and see what comes back and what does not.",
    layer=True,
    folder="reconstruction",
)

with shell.errors():
    from convviz.ui import jobs
    from convviz.ui.reconstruction import page, settings

    page_jobs = jobs.page_jobs("reconstruction")
    plans, start = settings.plans(choice)
    view = page_jobs.find()
    with start:
        page.start_button(page_jobs, plans, view)
    if view is None:
        page.preview(plans)
    else:
        page.draw(page_jobs, view)
