"""Long work away from the script's thread: jobs, their queue, and the runner that works on them."""
