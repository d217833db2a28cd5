"""What surrounds the lessons: the command line, the doctor, and later homework and slides.

Nothing outside this folder imports it.
"""
