"""What the program does, a module a job, named after the command that runs it."""
