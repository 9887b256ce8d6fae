"""Jobs: commands that write to a store, each a process of its own with a small folder below it, by which others see and stop it.

holder      which process runs a job: the kernel says it, no file
state       what a job's files say, read as if a stranger had written them
recording   written by the command while it runs, wherever it was started
listing     the jobs of a store, and how one is stopped
starting    a command started as a job, with a log
logs        the end of such a log
redaction   texts without passwords and tokens
forms       what can be started, and the words of a command from what a form says

STORE/jobs/ID/
  job.json       the command, where and when it was started
  lock           locked by the process that runs it, for as long as it lives
  progress.json  how far it is, replaced at most once per second
  end.json       how it ended
  stopping       there where somebody asked it to stop
  log            what it printed, where the dashboard started it
"""
