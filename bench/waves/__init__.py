"""One wave: engines that live at the same time, each in a process of its own, timed by turns."""
