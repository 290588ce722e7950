"""The accuracy of trials, through the engines that were timed."""
