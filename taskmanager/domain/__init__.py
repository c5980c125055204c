"""What a web-crawl task is and which changes it allows: standard library only, no I/O, no clock."""
