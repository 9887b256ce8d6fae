"""The Jobs page.

page         its sections: what runs and ran, and a form to start a command
permission   whether visitors may start and stop commands
listing      what runs and ran, drawn again every two seconds
cards        one job: progress, failures, log, and the buttons that end it
starting     the form of a command, the command line that it makes, and the button that starts it
fields       the options of a command as widgets
"""
