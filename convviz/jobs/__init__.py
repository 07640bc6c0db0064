"""Long work away from the script thread: a queue, its jobs, and who may see them.

A page hands a work function to a runner, keeps the job's id in its URL and asks for a view of it
now and then. `LocalRunner` runs the work on threads of this process; anything else that keeps to
`Runner` can stand in for it.
"""
